"""The benchmark of the twin on the wire runs, and its figures are those of the rows it is given."""

from __future__ import annotations

import sys

import pytest
import wire_pacing
from wire_pacing import Timing, timing


def test_timing_is_that_of_the_twin_whatever_the_scale():
    rows = [(0, 20_000_000, 60_000_000, 5), (10_000_000, 50_000_000, 110_000_000, 3)]
    assert timing(rows, 1.0) == Timing(30.0, 20.0, pytest.approx(8 / 0.11))
    assert timing(rows, 2.0) == Timing(15.0, 10.0, pytest.approx(8 / 0.055))


def test_error_is_the_farthest_of_the_three():
    assert Timing(11, 20, 100).error(Timing(10, 20, 98)) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("more", "says"),
    [(["--closed"], "8 streams in a closed loop, 16 requests of"), ([], "82 requests/s, 16 requests of")],
)
def test_it_runs_from_end_to_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: list[str], says: str
):
    monkeypatch.setattr(wire_pacing, "STREAMS", 8)
    monkeypatch.setattr(wire_pacing, "OSL", 8)
    monkeypatch.setattr(sys, "argv", ["wire_pacing.py", "--time-scales", "1", "--requests", "16", *more])
    wire_pacing.main()
    out = capsys.readouterr().out
    assert says in out
    assert "farthest from the virtual clock" in out
    assert "late by ms: p50" in out
