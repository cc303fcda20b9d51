"""Progress while load is sent: a bar per deployment, with rate, in flight, errors and time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from inferbench.cli.console import watched
from inferbench.runs.sweep import PointProgress

OnProgress = Callable[[PointProgress], None]


class _Rate(ProgressColumn):
    """Requests per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:7,.0f}/s")


@contextmanager
def progress_bars(totals: Mapping[str, int], hidden: bool = False) -> Iterator[OnProgress]:
    """Show bars on stderr while the block runs; nothing where `hidden`, or stdout is no terminal.

    `totals` holds the planned requests of each deployment; one that is not in it gets its bar when it begins.
    """
    if hidden or not watched():
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f}%"),
        _Rate(),
        TextColumn("{task.fields[in_flight]:>5} in flight {task.fields[failed]} err"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield _Bars(bars, totals).update


class _Bars:
    """Adds the points of a deployment up into its bar."""

    def __init__(self, bars: Progress, totals: Mapping[str, int]) -> None:
        self._bars = bars
        self._points: dict[str, dict[str, PointProgress]] = {}
        self._tasks = {name: self._add(name, total) for name, total in totals.items()}
        self._totals = dict(totals)

    def _add(self, name: str, total: int) -> TaskID:
        return self._bars.add_task(name, total=total, in_flight=0, failed=0)

    def update(self, progress: PointProgress) -> None:
        """Take in how far one sweep point is."""
        name = progress.deployment
        points = self._points.setdefault(name, {})
        points[progress.key] = progress
        if name not in self._tasks:
            self._tasks[name] = self._add(name, 0)
        total = self._totals.get(name) or sum(p.planned for p in points.values())
        self._bars.update(
            self._tasks[name],
            total=total,
            completed=sum(p.ended for p in points.values()),
            in_flight=sum(p.in_flight for p in points.values()),
            failed=sum(p.failed for p in points.values()),
        )
