"""Published rows become a run: summaries without records, the points as published, their audit; and go out again."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import inferbench
from inferbench.audits.report import Check
from inferbench.claim.audit import audit
from inferbench.errors import FileError, IncomparableError, UsageError
from inferbench.evidence.measured_point import MeasuredPoint, RoleWorkers
from inferbench.formats.inferencex.aggregate_row import UNOFFICIAL, agg_row
from inferbench.metrics.summary import Basis, Origin
from inferbench.pareto.store_points import store_points
from inferbench.runs.comparison.compare import compare
from inferbench.runs.interchange.export import export
from inferbench.runs.interchange.export_format import ExportFormat
from inferbench.runs.interchange.import_inferencex import import_inferencex
from inferbench.runs.opened_run import Run, open_run
from tests.support.measured_data import measured
from tests.support.measured_points import DAY, point
from tests.support.scenarios_for_tests import small_scenario, write_scenario


def rows(*points: MeasuredPoint) -> list[dict[str, object]]:
    return [agg_row(p) | {"date": DAY.isoformat()} for p in points]


def imported(folder: Path, *points: MeasuredPoint) -> Run:
    folder.mkdir(exist_ok=True)
    path = folder / "agg_bmk.json"
    path.write_text(json.dumps(rows(*points)))
    return import_inferencex(path, store=folder / "store")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    ep = RoleWorkers(workers=1, gpus=8, tp=8, ep=8)
    return imported(tmp_path, point(interactivity=60.0, concurrency=32), point(), point(), point(decode=ep))


def test_an_import_is_a_run_without_records(run: Run) -> None:
    again = open_run(run.path)
    assert again.manifest.kind == "import"
    assert {entry.origin for entry in again.manifest.points} == {Origin.IMPORTED}
    assert {(entry.isl, entry.osl, entry.target.precision) for entry in again.manifest.points} == {(1024, 1024, "fp8")}
    keys = [summary.point.key for summary in again.summaries]
    assert len(set(keys)) == 4
    assert keys[2] == "h200-sglang-fp8-1024x1024.1xtp8.2026-05-27.2.c64"
    assert len(again.directory.measured()) == 4
    assert len(again.points()) == 4
    # All have the same throughput, so the fastest for its users beats the others.
    assert [p.interactivity for p in again.fronts["h200-sglang-fp8-1024x1024"]] == [60]


def test_every_import_is_audited_and_keeps_the_flags(run: Run, tmp_path: Path) -> None:
    kept = run.directory.audit()
    assert kept is not None
    assert kept.points == 4
    assert any("0.9 of nominal" in note for note in kept.notes)
    slipped = imported(tmp_path / "b", point(tput_per_gpu=1.0))
    found = slipped.directory.audit()
    assert found is not None
    assert [flag.check for flag in found.flags] == [Check.LITTLES_LAW]
    assert [flag.observation for flag in audit(slipped.path).flags] == [flag.observation for flag in found.flags]


def test_a_report_of_an_import_can_be_made(run: Run) -> None:
    page = run.write_report().read_text()
    assert "Published results imported from agg_bmk.json" in page
    assert "What stands out in the measured points" in page
    assert page.count("<table>") == 4  # the sweep, the checks, the flags, and the run's conditions


def test_an_import_goes_out_and_comes_in_again(run: Run, tmp_path: Path) -> None:
    content = export(run, ExportFormat.INFERENCEX)["agg_bmk.json"]
    assert all(row["unofficial"] == UNOFFICIAL for row in json.loads(content))
    path = tmp_path / "out.json"
    path.write_bytes(content)
    back = import_inferencex(path, store=tmp_path / "again")
    same = {"date": None, "run": None, "e2el_ms": None}
    assert [p.model_copy(update=same) for p in back.directory.measured()] == [
        p.model_copy(update=same) for p in run.directory.measured()
    ]
    lines = list(csv.DictReader(io.StringIO(export(run, ExportFormat.CSV)["points.csv"].decode())))
    assert [line["conc"] for line in lines] == ["32", "64", "64", "64"]
    table = pq.read_table(io.BytesIO(export(run, ExportFormat.PARQUET)["points.parquet"]))
    assert table.num_rows == 4
    assert table.schema.metadata[b"unofficial"] == UNOFFICIAL.encode()
    with pytest.raises(UsageError, match="no records"):
        export(run, ExportFormat.VLLM)


def test_a_run_of_ones_own_goes_out_and_is_audited(tmp_path: Path) -> None:
    scenario = small_scenario()
    del scenario["live"]
    own = inferbench.run(str(write_scenario(tmp_path / "s.yaml", scenario)), store=tmp_path / "store")
    written = json.loads(export(own, ExportFormat.INFERENCEX)["agg_bmk.json"])
    assert len(written) == len(own.summaries) == 8
    first, summary = written[0], own.summaries[0].whole_run
    assert summary is not None
    assert first["tput_per_gpu"] == summary.throughput.tput_per_gpu
    assert summary.ttft_ms is not None
    assert first["median_ttft"] == pytest.approx(summary.ttft_ms.p50 / 1000)
    assert first["framework"] == "mori-sglang"
    by_role = (
        first["input_tput_per_gpu"] * first["num_prefill_gpu"] + first["output_tput_per_gpu"] * first["num_decode_gpu"]
    )
    assert by_role == pytest.approx(summary.throughput.total_tput)
    results = export(own, ExportFormat.VLLM)
    assert len(results) == 8
    one = json.loads(results[f"{own.summaries[0].point.key}.json"])
    assert one["unofficial"] == UNOFFICIAL
    assert one["completed"] == own.summaries[0].counts.ok
    result = tmp_path / "result.json"
    result.write_bytes(results[f"{own.summaries[0].point.key}.json"])
    back = import_inferencex(result, store=tmp_path / "store").directory.measured()[0]
    assert (back.gpu, back.gpus, back.framework) == (first["hw"], own.summaries[0].point.gpus, first["framework"])
    # vLLM's clock starts at the first free slot and ours at the first request sent: the same on simulated time.
    assert back.tput_per_gpu == pytest.approx(first["tput_per_gpu"], rel=0.01)
    report = audit(own.path)
    assert report.points == 8
    counts = {count.check: count.flagged for count in report.checks}
    assert counts[Check.ROOFLINE] == counts[Check.ACCOUNTING] == counts[Check.GPU_COUNT] == 0


def test_unlike_imports_are_refused_with_the_keys_named(tmp_path: Path) -> None:
    first = imported(tmp_path / "a", point())
    same = imported(tmp_path / "b", point(tput_per_gpu=300.0))
    pairs = compare(first, same)
    assert pairs[0].basis is Basis.WHOLE_RUN
    # The lengths and the precision are in a deployment's name, so that unlike points never share one.
    with pytest.raises(IncomparableError, match="no sweep point in common"):
        compare(first, imported(tmp_path / "c", point(isl=8192)))


def test_nothing_to_import_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no row can be used"):
        import_inferencex(tmp_path, store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_the_measured_rows_import(tmp_path: Path) -> None:
    run = import_inferencex(measured("inferencex_points.csv"), store=tmp_path)
    assert len(run.summaries) == 1951
    assert len({summary.point.key for summary in run.summaries}) == 1951
    assert {summary.origin for summary in run.summaries} == {Origin.IMPORTED}
    trt = run.fronts["b200-dynamo-trt-fp4-mtp-8192x1024"]
    paces = [p.interactivity for p in trt]
    assert len(paces) > 5
    assert paces == sorted(set(paces))
    kept = run.directory.audit()
    assert kept is not None
    assert any("217 -> 239 -> 278" in flag.observation for flag in kept.flags)


def test_an_imported_throughput_is_as_sure_as_re_runs_of_its_class(tmp_path: Path) -> None:
    """p90 / sqrt(2) of one run, from the p90 of |log ratio| of two; no figure for a class that nobody re-ran."""
    known = imported(tmp_path / "known", point(framework="mori-sglang", gpu="mi355x"))
    (width,) = store_points(known.path.parents[1])["half_width"]
    assert width == pytest.approx(math.exp(0.082 / math.sqrt(2)) - 1)
    unknown = imported(tmp_path / "unknown", point(framework="atom", gpu="mi355x"))
    assert list(store_points(unknown.path.parents[1])["half_width"]) == [0.0]
