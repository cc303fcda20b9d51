"""What is on disk: while a run goes on, after it, and after it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from array import array
from pathlib import Path

import pyarrow as pa
import pytest

from inferbench.arrays import NEVER
from inferbench.errors import ExitCode, StoreError
from inferbench.records import layout
from inferbench.records.arrow_writer import ArrowSink
from inferbench.records.reader import LOST, read_records
from inferbench.records.request_record import Chunks, CountSource, PassChunks, RequestRecord, StampedChunks, Status
from inferbench.records.writer_process import SpooledSink
from inferbench.store.run_directory import RunDirectory


def record(seq: int, chunks: Chunks | None, status: Status = Status.OK, error: str | None = None) -> RequestRecord:
    return RequestRecord(
        seq=seq, status=status, error=error, isl=100, isl_source=CountSource.SERVER, osl=3,
        osl_source=CountSource.SERVER, planned_ns=None, slot_free_ns=seq * 10, connect_ns=None, sent_ns=seq * 10 + 1,
        first_byte_ns=None, chunks=chunks, end_ns=seq * 10 + 9,
    )  # fmt: skip


def stamped(seq: int) -> StampedChunks:
    return StampedChunks(array("q", [seq * 10 + 4, seq * 10 + 8]), array("i", [1, 2]))


def die(sink: ArrowSink) -> None:
    """End as a killed process does: nothing more is written."""
    sink._starts_stream._file.close()
    sink._records_stream._file.close()


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    sink = ArrowSink(tmp_path / "p")
    for seq in range(3):
        sink.started(seq, seq * 10)
    sink.ended(record(0, stamped(0)))
    sink.ended(record(2, None, Status.ERROR, "HTTP 500: böse"))
    sink.ended(record(1, stamped(1)))
    sink.close()
    found = read_records(tmp_path / "p")
    assert found.seq.tolist() == [0, 2, 1]
    assert found.status.tolist() == [Status.OK, Status.ERROR, Status.OK]
    assert list(found.errors) == [None, "HTTP 500: böse", None]
    assert found.planned_ns.tolist() == [NEVER] * 3
    assert found.chunks.first_ns.tolist() == [4, NEVER, 14]
    assert found.chunks.expand(2)[1].tolist() == [1, 2]
    assert sorted(p.name for p in (tmp_path / "p").iterdir()) == [layout.RECORDS_FILE]


def test_chunks_by_reference_come_out_too(tmp_path: Path) -> None:
    sink = ArrowSink(tmp_path / "p")
    for seq in range(2):
        passed = sink.decode_worker(seq)
        sink.started(seq, 0)
        sink.ended(record(seq, PassChunks(first_ns=5, worker=seq, first_pass=1, last_pass=2)))
        for time_ns in (10 + seq, 20 + seq, 30 + seq):
            passed(time_ns)
    sink.close()
    found = read_records(tmp_path / "p")
    assert [found.chunks.expand(row)[0].tolist() for row in range(2)] == [[5, 20, 30], [5, 21, 31]]


def test_reading_records_imports_no_pandas(tmp_path: Path) -> None:
    """Which a client that measures would pay for as much as for all else that it does after its load."""
    sink = ArrowSink(tmp_path)
    sink.ended(record(1, stamped(1)))
    sink.ended(record(2, None, Status.ERROR, "broken"))
    sink.close()
    code = (
        "import sys; from pathlib import Path; from inferbench.records.reader import read_records\n"
        f"print(len(read_records(Path({str(tmp_path)!r})).seq), 'pandas' in sys.modules)"
    )
    seen = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert seen.split() == ["2", "False"]


def test_a_run_without_any_record_reads_as_empty(tmp_path: Path) -> None:
    ArrowSink(tmp_path / "p").close()
    assert len(read_records(tmp_path / "p")) == 0


def test_what_was_in_flight_comes_back_as_cancelled(tmp_path: Path) -> None:
    sink = ArrowSink(tmp_path / "p")
    for seq in range(4):
        sink.started(seq, seq * 10)
    sink.ended(record(1, stamped(1)))
    sink.flush()
    die(sink)
    found = read_records(tmp_path / "p")
    assert dict(zip(found.seq.tolist(), found.status.tolist(), strict=True)) == {
        1: Status.OK, 0: Status.CANCELLED, 2: Status.CANCELLED, 3: Status.CANCELLED,
    }  # fmt: skip
    assert found.errors[1] == LOST


@pytest.mark.parametrize("stream", [layout.RECORDS_STREAM, layout.STARTS_STREAM])
def test_a_stream_cut_anywhere_gives_back_what_is_whole(tmp_path: Path, stream: str) -> None:
    sink = ArrowSink(tmp_path / "p")
    for seq in range(6):
        sink.started(seq, seq)
        sink.ended(record(seq, stamped(seq)))
        sink.flush()
    die(sink)
    path = tmp_path / "p" / stream
    whole = path.read_bytes()
    for size in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:size])
        seqs = read_records(tmp_path / "p").seq.tolist()
        assert len(seqs) == len(set(seqs)) == 6 or stream == layout.STARTS_STREAM


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    (tmp_path / layout.RECORDS_FILE).write_bytes(b"PAR1 and then nothing")
    with pytest.raises(StoreError, match="the records cannot be read"):
        read_records(tmp_path)
    with pytest.raises(StoreError, match="holds no records"):
        read_records(tmp_path / "none")


def test_a_store_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be made") as caught:
        RunDirectory.create(tmp_path / "file", "s")
    assert caught.value.exit_code is ExitCode.USAGE
    with pytest.raises(StoreError, match="cannot be written"):
        ArrowSink(tmp_path / "file" / "p")
    with pytest.raises(StoreError, match="cannot be written"):
        SpooledSink(tmp_path / "file" / "p")


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    """/dev/full answers every write as a full disk does."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    sink = ArrowSink(tmp_path / "p")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, sink._records_stream._file.fileno())
    os.close(full)
    sink.started(0, 0)
    sink.ended(record(0, stamped(0)))
    with pytest.raises(StoreError, match="No space left on device"):
        sink.flush()
    die(sink)


def test_the_spool_writes_what_the_sink_writes(tmp_path: Path) -> None:
    spool = SpooledSink(tmp_path / "p")
    for seq in range(500):
        spool.started(seq, seq * 10)
        spool.ended(record(seq, stamped(seq)))
    spool.close()
    found = read_records(tmp_path / "p")
    assert found.seq.tolist() == list(range(500))
    assert found.chunks.last_ns.tolist() == [seq * 10 + 8 for seq in range(500)]


_KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from tests.records.test_writer_and_reader import record, stamped
from inferbench.records.writer_process import SpooledSink
spool = SpooledSink(Path({directory!r}))
for seq in range(40):
    spool.started(seq, seq * 10)
    if seq < 30:
        spool.ended(record(seq, stamped(seq)))
print("ready", flush=True)
time.sleep(60)
"""


def test_a_killed_run_keeps_its_records(tmp_path: Path) -> None:
    directory = tmp_path / "p"
    code = _KILLED.format(tests=str(Path(__file__).parents[2]), directory=str(directory))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(0.5)  # what has been in memory for longer than this must not be lost
        child.send_signal(signal.SIGKILL)
    for _ in range(200):  # the process that writes sees the end of its input and finishes the file
        if (directory / layout.RECORDS_FILE).exists():
            break
        time.sleep(0.05)
    found = read_records(directory)
    by_seq = dict(zip(found.seq.tolist(), found.status.tolist(), strict=True))
    assert by_seq == {seq: Status.OK if seq < 30 else Status.CANCELLED for seq in range(40)}


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "s")
    run.write("a.json", b"one")
    run.write("a.json", b"two")
    assert (run.path / "a.json").read_bytes() == b"two"
    with pytest.raises(StoreError, match="cannot be written"):
        run.write("none/a.json", b"three")
    assert [p.name for p in run.path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "damaged"),
        (b"{", "damaged"),
        (b"[]", "damaged"),
        (b'{"format": 1}', "run_id: is required and missing"),
        (b'{"format": 99}', "format 99 is newer than this inferbench reads"),
    ],
)
def test_a_bad_manifest_is_one_clear_error(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / layout.MANIFEST).write_bytes(content)
    with pytest.raises(StoreError, match=r"manifest\.json|format 99") as caught:
        RunDirectory.open(tmp_path).manifest()
    assert expected in str(caught.value)


def test_a_directory_that_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a run"):
        RunDirectory.open(tmp_path)


def test_the_schema_has_a_column_for_every_fact() -> None:
    from inferbench.records import schema
    from inferbench.records.row import CHUNKS, FACTS, to_row

    assert [*FACTS, *CHUNKS] == schema.RECORDS.names
    batch = schema.to_batch([to_row(record(0, stamped(0)))])
    assert batch.schema == schema.RECORDS
    assert set(RequestRecord.__dataclass_fields__) - {"chunks", "chunk_tokens", "worker"} <= set(batch.schema.names)
    assert isinstance(batch, pa.RecordBatch)
