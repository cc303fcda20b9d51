"""Regression verdicts between runs, and the baselines that candidates are held against."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.files.yaml_values import read_value
from inferbench.records import layout
from inferbench.regression.baselines import NamedBaseline, read_baselines, relative_to_store, write_baseline
from inferbench.regression.policy import RegressionPolicy
from inferbench.regression.run_groups import KEYS, MeasuredRun, judge_scenario
from inferbench.regression.verdicts import DifferingKey, RegressionOutcome, RegressionReport, ScenarioRegression
from inferbench.runs.opened_run import open_run
from inferbench.store.operations import fetch_run, remote_runs
from inferbench.store.run_directory import DEFAULT_STORE

GRAVEST_FIRST = (
    RegressionOutcome.INVALID,
    RegressionOutcome.INCOMPARABLE,
    RegressionOutcome.REGRESSED,
    RegressionOutcome.UNDECIDED,
    RegressionOutcome.IMPROVED,
    RegressionOutcome.PASS,
)


def load_policy(path: str | Path | None) -> RegressionPolicy:
    """Read a policy file; the defaults where there is none. Raises FileError for a file that cannot be used."""
    return read_value(Path(path), RegressionPolicy) if path is not None else RegressionPolicy()


def find_runs(given: Sequence[str | Path], store: str | Path = DEFAULT_STORE) -> list[str]:
    """Where the runs lie that each of `given` names: paths of run directories, or URLs of runs in an object store.

    An item is a run, a directory or a prefix that holds runs, or a baseline's name. Each run once, in order.
    Raises UsageError for what names no run.
    """
    return list(dict.fromkeys(place for item in given for place in _places(str(item), Path(store))))


def _places(item: str, store: Path) -> list[str]:
    if "://" in item:
        return remote_runs(item)
    path = Path(item)
    if (path / layout.MANIFEST).is_file():
        return [str(path.resolve())]
    if path.is_dir():
        if found := sorted(_runs_below(path)):
            return [str(run.resolve()) for run in found]
        raise UsageError(f"{path}: holds no runs")
    baselines = read_baselines(store)
    if item not in baselines:
        raise UsageError(f"{item}: no such run or directory, and {unknown('baseline', item, baselines)}")
    return [run if "://" in run else str((store / run).resolve()) for run in baselines[item].runs]


def _runs_below(path: Path) -> Iterator[Path]:
    """Runs in a directory, or in the directories of scenarios in it."""
    for pattern in (f"*/{layout.MANIFEST}", f"*/*/{layout.MANIFEST}"):
        yield from (manifest.parent for manifest in path.glob(pattern))


def read_run(location: str) -> MeasuredRun:
    """Read what a regression needs of a run. Raises StoreError where it is damaged or of a newer format."""
    if "://" not in location:
        run = open_run(location)
        return MeasuredRun(run.manifest, run.summaries)
    with tempfile.TemporaryDirectory() as directory:
        run = open_run(fetch_run(location, Path(directory)))
        return MeasuredRun(run.manifest, run.summaries)


def set_baseline(name: str, runs: Sequence[str | Path], store: str | Path = DEFAULT_STORE) -> NamedBaseline:
    """Name the runs that candidates are held against from now on."""
    paths = relative_to_store(Path(store), find_runs(runs, store))
    baseline = NamedBaseline(name=name, runs=paths, set_unix=time.time())
    write_baseline(Path(store), baseline)
    return baseline


def regress(
    baseline: Sequence[str | Path],
    candidate: Sequence[str | Path],
    *,
    policy: RegressionPolicy | None = None,
    store: str | Path = DEFAULT_STORE,
) -> RegressionReport:
    """Judge a candidate against a baseline: one verdict per scenario, and one over all.

    `baseline` and `candidate` are lists of run directories, folders of them, URLs of runs, or names of baselines in
    `store`; `policy` says how small a change is none, and what fails. Where each side holds one scenario those two are
    set side by side, and a difference in them is named; else every scenario of the candidate needs its own in the
    baseline. Intervals and their sources: docs/regression.md.
    Raises UsageError where a run is on both sides or names no run, StoreError for one that cannot be read.
    """
    policy = policy or RegressionPolicy()
    for key in policy.allow_different:
        if key not in KEYS:
            raise UsageError(f"allow_different: {unknown('manifest key', key, KEYS)}")
    before, after = ([read_run(place) for place in find_runs(side, store)] for side in (baseline, candidate))
    if both := sorted({run.run_id for run in before} & {run.run_id for run in after}):
        raise UsageError(f"run {both[0]} is in the baseline and in the candidate")
    old, new = _by_scenario(before), _by_scenario(after)
    if len(old) == len(new) == 1:
        old = dict(zip(new, old.values(), strict=True))
    verdicts = tuple(
        judge_scenario(old[name], runs, policy) if name in old else _without_baseline(name, runs, old)
        for name, runs in new.items()
    )
    outcome = next(o for o in GRAVEST_FIRST if any(v.outcome is o for v in verdicts))
    return RegressionReport(
        policy=policy,
        outcome=outcome,
        failed=any(fails(v, policy) for v in verdicts),
        scenarios=verdicts,
    )


def fails(verdict: ScenarioRegression, policy: RegressionPolicy) -> bool:
    """Whether a policy fails a build over this scenario: an undecided one only where a loss is not ruled out."""
    if verdict.outcome is RegressionOutcome.UNDECIDED:
        return policy.undecided == "fail" and not verdict.loss_ruled_out
    return verdict.outcome not in (RegressionOutcome.PASS, RegressionOutcome.IMPROVED)


def _by_scenario(runs: Sequence[MeasuredRun]) -> dict[str, list[MeasuredRun]]:
    groups: dict[str, list[MeasuredRun]] = {}
    for run in runs:
        groups.setdefault(run.manifest.scenario, []).append(run)
    return groups


def _without_baseline(
    name: str, runs: Sequence[MeasuredRun], known: dict[str, list[MeasuredRun]]
) -> ScenarioRegression:
    listed = ", ".join(sorted(known))
    return ScenarioRegression(
        scenario=name,
        outcome=RegressionOutcome.INCOMPARABLE,
        reason=f"the baseline holds no run of this scenario, only of {listed}",
        simulated=False,
        baseline_runs=(),
        candidate_runs=tuple(run.run_id for run in runs),
        differing=(DifferingKey(key="scenario", baseline=listed, candidate=name),),
    )
