"""One run, request by request."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from inferbench.errors import UsageError
from inferbench.runs.figures.requests import failures_table, in_flight, slowest_table
from inferbench.runs.opened_run import open_run
from inferbench.runs.point_requests import point_requests
from tests.support.apps import open_view, traces, words


def test_requests_are_those_of_the_records(store: Path) -> None:
    run = open_run(next(store.glob("*/2*")))
    for summary in run.summaries:
        found = point_requests(run, summary.point.key)
        assert len(found.seq) == summary.counts.planned
        assert np.nanmedian(found.ttft_ms) == pytest.approx(summary.whole_run.ttft_ms.p50)
        assert np.nanmedian(found.e2el_ms) == pytest.approx(summary.whole_run.e2el_ms.p50)
        _, flight = in_flight(found)
        assert flight.max() == min(summary.point.concurrency, summary.counts.planned)
        assert flight[-1] == 0
    assert failures_table(found).rows == ()
    slowest = [float(row[2].replace(",", "")) for row in slowest_table(found).rows]
    assert slowest == sorted(slowest, reverse=True)
    assert slowest[0] == pytest.approx(np.nanmax(found.e2el_ms), rel=0.005)
    with pytest.raises(UsageError, match="sweep point"):
        point_requests(run, "no such point")


@pytest.mark.parametrize(
    ("look", "said"),
    [
        ("One point", "Slowest requests"), ("All points", "Time to first token against concurrency"),
        ("Client", "no live leg"), ("Manifest", "Conditions"),
    ],
)  # fmt: skip
def test_every_look(store: Path, monkeypatch: pytest.MonkeyPatch, look: str, said: str) -> None:
    assert said in words(open_view(store, monkeypatch, "run", look=look))


def test_the_link_names_the_point(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "run", point="b200-trtllm.1p5d-tep8-b8.c64")
    assert app.selectbox("point").value == "b200-trtllm.1p5d-tep8-b8.c64"
    assert traces(app)


def test_missing_records_leave_the_figures(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    for records in copy.glob("*/*/points/*/records.parquet"):
        records.unlink()
    app = open_view(copy, monkeypatch, "run")
    assert "Its requests cannot be shown" in words(app)
    assert app.dataframe
