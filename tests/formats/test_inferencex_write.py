"""What is written in InferenceX's formats reads back as the same point, and says that it is unofficial."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from inferbench.evidence.measured_point import Latency, MeasuredPoint, RoleWorkers
from inferbench.formats.inferencex.aggregate_row import UNOFFICIAL, agg_row
from inferbench.formats.inferencex.flat_table import COLUMNS, table_row
from inferbench.formats.inferencex.reader import read_inferencex
from tests.support.measured_points import point

FULL = Latency(mean=210, p50=200, p90=300, p99=900, p999=1100, std=50)


def full(**changes: object) -> MeasuredPoint:
    fields = {"ttft_ms": FULL, "tpot_ms": Latency(mean=21, p50=20, p99=30), "input_tput_per_gpu": 500.0,
              "output_tput_per_gpu": 200.0, "image": "i:1"}  # fmt: skip
    return point(**(fields | changes))


SPLIT = full(
    prefill=RoleWorkers(workers=1, gpus=4, tp=4), decode=RoleWorkers(workers=2, gpus=16, tp=8, dp_attention=True),
    speculation="mtp",
    gpu="mi355x", framework="mori-sglang", invalid=("late by 3; and 4 %",),
)  # fmt: skip


def test_the_keys_are_theirs() -> None:
    row = agg_row(SPLIT)
    assert row["unofficial"] == UNOFFICIAL
    assert row["disagg"] is True
    assert row["decode_dp_attention"] == "true"
    assert (row["num_prefill_gpu"], row["num_decode_gpu"]) == (4, 16)
    assert row["p99.9_ttft"] == 1.1
    assert row["median_tpot"] == 0.02
    assert row["mean_intvty"] == 1000 / 21
    assert "std_intvty" not in row
    assert "tp" not in row
    plain = agg_row(full())
    assert (plain["tp"], plain["pp"], plain["ep"], plain["dp_attention"], plain["disagg"]) == (8, 1, 1, "false", False)
    assert "p99_e2el" not in plain
    assert (row["client_valid"], row["client_invalid_reasons"]) == (False, ["late by 3; and 4 %"])
    assert "client_valid" not in plain


def test_a_row_reads_back_as_the_same_point(tmp_path: Path) -> None:
    path = tmp_path / "agg_bmk.json"
    path.write_text(json.dumps([agg_row(p) for p in (SPLIT, full())]))
    expected = tuple(p.model_copy(update={"date": None, "run": None}) for p in (SPLIT, full()))
    assert read_inferencex(path).points == expected


def test_a_line_reads_back_but_for_what_a_table_has_no_column_for(tmp_path: Path) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(table_row(p) for p in (SPLIT, full()))
    path = tmp_path / "points.csv"
    path.write_text(text.getvalue())
    for before, after in zip((SPLIT, full()), read_inferencex(path).points, strict=True):
        assert after.marks == (UNOFFICIAL,)
        assert before.ttft_ms is not None
        kept = Latency(mean=before.ttft_ms.mean, p50=before.ttft_ms.p50, p99=before.ttft_ms.p99)
        assert after.ttft_ms == kept
        same = {"marks": (), "ttft_ms": None}
        assert after.model_copy(update=same) == before.model_copy(update=same)
