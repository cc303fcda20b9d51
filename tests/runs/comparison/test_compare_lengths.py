"""Runs at other lengths or precisions are refused, with the key named, where the runs say what they are."""

from __future__ import annotations

import pytest

from inferbench.errors import IncomparableError
from inferbench.metrics.summary import Basis
from inferbench.runs.comparison.compare_runs import compare, differing
from inferbench.store.manifest import PointManifest
from tests.support.factories import point_manifest, point_summary, run_manifest


def stated(isl: int | None = 8192, osl: int | None = 1024, precision: str | None = "fp4") -> PointManifest:
    entry = point_manifest()
    target = entry.target.model_copy(update={"precision": precision})
    return entry.model_copy(update={"isl": isl, "osl": osl, "target": target})


@pytest.mark.parametrize(
    ("other", "key", "values"),
    [
        (stated(isl=1024), "isl", "8192 in d.t.c8 against 1024 in d.t.c8"),
        (stated(osl=8192), "osl", "1024 in d.t.c8 against 8192 in d.t.c8"),
        (stated(precision="fp8"), "precision", "fp4 in d.t.c8 against fp8 in d.t.c8"),
    ],
)
def test_a_stated_difference_is_refused_unless_it_is_the_question(other: PointManifest, key: str, values: str) -> None:
    a, b = run_manifest(stated()), run_manifest(other, run_id="other")
    with pytest.raises(IncomparableError, match=f"differ in {key}: {values}"):
        compare(a, [point_summary()], b, [point_summary()], basis=Basis.WHOLE_RUN)
    allowed = compare(
        a, [point_summary()], b, [point_summary()], basis=Basis.WHOLE_RUN, allow_different=frozenset({key})
    )
    assert len(allowed) == 1


def test_what_one_run_does_not_state_is_no_difference() -> None:
    assert differing(run_manifest(stated()), run_manifest(stated(isl=None, osl=None, precision=None))) == {}


@pytest.mark.parametrize(("factor", "differs"), [(0.96, False), (0.94, True), (1.05, False), (1.06, True)])
def test_unstated_lengths_are_compared_as_they_were(factor: float, differs: bool) -> None:
    a = point_summary()
    b = a.model_copy(update={"osl_mean": a.osl_mean * factor})
    manifest = run_manifest()
    if differs:
        with pytest.raises(IncomparableError, match="osl: mean 922"):
            compare(manifest, [a], manifest, [b], basis=Basis.WHOLE_RUN)
    else:
        assert compare(manifest, [a], manifest, [b], basis=Basis.WHOLE_RUN)
