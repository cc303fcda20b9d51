"""What is known of the answers of the launches that a run measured."""

from __future__ import annotations

from inferbench.runs.report.view import RunView
from inferbench.store.evaluation_files import Evaluation


def sentence(evaluation: Evaluation) -> str:
    """Say what an evaluation came to."""
    error = evaluation.stderr.get(evaluation.scored_by)
    about = f" ±{error:.1%} (standard error)" if error else ""
    verdict = "passed" if evaluation.passed else "FAILED"
    return (
        f"{evaluation.task} {verdict}: {evaluation.score:.1%}{about} of {evaluation.questions} questions right "
        f"({evaluation.dataset}; {evaluation.few_shot} examples shown), {evaluation.min_score:.0%} needed; graded by "
        f"{evaluation.harness}, {evaluation.scored_by}."
    )


def of_launches(view: RunView) -> dict[str, list[str]]:
    """Launches of a run, as `deployment topology`, by fingerprint."""
    launches: dict[str, list[str]] = {}
    for attachment in view.manifest.attachments:
        name = f"{attachment.deployment} {attachment.topology}"
        names = launches.setdefault(attachment.fingerprint, [])
        if name not in names:
            names.append(name)
    return launches


def latest(view: RunView) -> dict[str, Evaluation | None]:
    """The last evaluation of each launch of a run, by fingerprint; None where nobody made one."""
    return {
        fingerprint: next(iter(reversed(view.evaluations.get(fingerprint, ()))), None)
        for fingerprint in of_launches(view)
    }


def accuracy_lines(view: RunView, *, passed: bool) -> tuple[str, ...]:
    """One sentence per launch whose last evaluation passed, or failed."""
    names = of_launches(view)
    found = ((names[key], last) for key, last in latest(view).items() if last is not None and last.passed is passed)
    return tuple(f"{', '.join(launches)}: {sentence(last)}" for launches, last in found)


def not_evaluated(view: RunView) -> tuple[str, ...]:
    """Launches whose answers nobody has graded."""
    names = of_launches(view)
    return tuple(f"{', '.join(names[key])} (launch {key})" for key, last in latest(view).items() if last is None)
