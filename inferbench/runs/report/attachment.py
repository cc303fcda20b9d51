"""What a run was attached to, in sentences, and what must be known of it before any figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from inferbench.endpoint.fingerprint import Attachment, ProcessRole
from inferbench.metrics.summary import Origin
from inferbench.runs.report.view import RunView
from inferbench.scenario.caveats import Caveat


def attachment_lines(view: RunView) -> tuple[str, ...]:
    """One sentence per launch that was measured: what answered, its fingerprint, what was flushed; none on the twin."""
    return tuple(_line(attachment) for attachment in view.manifest.attachments)


def unlike_production(view: RunView) -> Iterator[str]:
    """What nobody would serve people with: a sentence on the scenario's launches, one per launch that was measured."""
    described = [f"{mark.name} ({mark.text}) on {', '.join(where)}" for mark, where in _described(view).items()]
    if described:
        yield f"As the scenario launches them: {'; '.join(described)}"
    for attachment in view.manifest.attachments:
        if attachment.marks:
            yield f"{_name(attachment)}: {_marks(attachment.marks)}"


def not_measured(view: RunView) -> tuple[str, ...]:
    """Deployments of the scenario that a measured run holds no point of."""
    measured = {s.point.deployment for s in view.summaries if s.origin is Origin.MEASURED}
    return tuple(name for name in view.deployments if name not in measured) if view.manifest.attachments else ()


def cautions(view: RunView) -> tuple[str, ...]:
    """What must be known to read measured figures: of each launch, then of each sweep point."""
    launches = [f"{_name(a)}: {note}" for a in view.manifest.attachments for note in a.notes]
    by_note: dict[str, list[str]] = {}
    for entry in view.manifest.points:
        for note in entry.notes:
            by_note.setdefault(note, []).append(entry.point.key)
    return (*dict.fromkeys(launches), *(f"{', '.join(keys)}: {note}" for note, keys in by_note.items()))


def _described(view: RunView) -> dict[Caveat, list[str]]:
    """The marks of simulated deployments, each with the deployments, or their topologies, that have it."""
    where: dict[Caveat, list[str]] = {}
    for name, by_topology in view.manifest.unlike_production.items():
        for mark in dict.fromkeys(mark for marks in by_topology.values() for mark in marks):
            having = [topology for topology, marks in by_topology.items() if mark in marks]
            some = f" ({', '.join(having)})" if len(having) < len(by_topology) else ""
            if name in view.simulated:
                where.setdefault(mark, []).append(name + some)
    return where


def _marks(marks: Sequence[Caveat]) -> str:
    return "; ".join(f"{mark.name} ({mark.text})" for mark in marks)


def _name(attachment: Attachment) -> str:
    return f"{attachment.deployment} {attachment.topology}"


def _line(attachment: Attachment) -> str:
    serving = [part for part in attachment.parts if part.role is not ProcessRole.ROUTER]
    engines = dict.fromkeys(" ".join(filter(None, (part.engine, part.version))) or "an engine" for part in serving)
    roles = [
        f"{n} {role}"
        for role in (ProcessRole.PREFILL, ProcessRole.DECODE)
        if (n := sum(p.role is role for p in serving))
    ]
    behind = f" ({' + '.join(roles)})" if roles else ""
    return (
        f"{_name(attachment)}: {', '.join(engines) or 'a router'}{behind} at {', '.join(attachment.base_urls)}, model "
        f"{attachment.model}, launch {attachment.fingerprint}; {_flushed(attachment)}"
    )


def _flushed(attachment: Attachment) -> str:
    done, left = attachment.flushed, attachment.not_flushed
    parts = []
    if done:
        parts.append(f"caches emptied before each point: {_by_value(done)}")
    if left:
        parts.append(f"cache not emptied: {_by_value(left)}")
    return "; ".join(parts) or "no cache emptied"


def _by_value(by_url: Mapping[str, str]) -> str:
    """The URLs that share a value, together."""
    urls: dict[str, list[str]] = {}
    for url, value in by_url.items():
        urls.setdefault(value, []).append(url)
    return "; ".join(f"{', '.join(at)} ({value})" for value, at in urls.items())
