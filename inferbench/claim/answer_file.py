"""Answering a claim file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from inferbench.audits.report import AuditReport
from inferbench.catalog.bundled import find
from inferbench.claim.answer import ClaimReport, CurveFront, LineAnswer, LineOutcome
from inferbench.claim.audit import audit_claim
from inferbench.claim.claim import Claim, Claimed, ClaimLine
from inferbench.claim.flips import edge, flips, holds
from inferbench.claim.inputs import UnreachedError, World
from inferbench.claim.quantity_values import evaluate, words
from inferbench.claim.verdicts import pair_verdicts
from inferbench.errors import FileError
from inferbench.files.yaml_values import read_value
from inferbench.pricing.bundled_books import open_book
from inferbench.pricing.owned_book import Book


def answer_claim(claim: Claim, books: Mapping[str, Book], audit: AuditReport | None) -> ClaimReport:
    """Compute everything that a claim file asks for.

    Raises FileError where a line names a price that neither the file nor a book has.
    """
    world = World.of(claim, books)
    verdicts, unanswered = pair_verdicts(world)
    return ClaimReport(
        name=claim.name,
        title=claim.title,
        statement=" ".join(claim.statement.split()),
        as_of=claim.as_of.isoformat(),
        source=claim.source,
        attribution=claim.attribution,
        interactivity=claim.interactivity,
        lines=tuple(answer_line(line, world) for line in claim.lines),
        verdicts=verdicts,
        unanswered=unanswered,
        fronts=_fronts(world),
        audit=audit,
    )


def with_spline_cost(claim: Claim) -> Claim:
    """The same claim with cost interpolated by itself in every line about cost; a line that changes says so."""
    return claim.model_copy(update={"lines": tuple(_splined(line) for line in claim.lines)})


def _splined(line: ClaimLine) -> ClaimLine:
    if getattr(line.quantity, "method", "spline") == "spline":
        return line
    quantity = line.quantity.model_copy(update={"method": "spline"})
    return line.model_copy(update={"quantity": quantity, "text": f"[spline cost instead] {line.text}"})


def answer_line(line: ClaimLine, world: World) -> LineAnswer:
    """Answer one line: reproduced where the value found is what is claimed, undecidable where it is not reached."""
    claimed = "" if line.claimed is None else _claimed(line.quantity.kind, line.claimed)
    try:
        found = evaluate(line.quantity, world)
    except UnreachedError as reason:
        return LineAnswer(
            id=line.id,
            text=line.text,
            answer=LineOutcome.UNDECIDABLE,
            claimed=claimed,
            found=f"not reached: {reason}",
            value=None,
            flips="measured points on either side",
        )
    if line.claimed is None:
        answer, value = LineOutcome.FOUND, found.values[0]
    else:
        answer = LineOutcome.REPRODUCED if holds(line.claimed, found) else LineOutcome.NOT_REPRODUCED
        value = _nearest_edge(line.claimed, found.values)
    return LineAnswer(
        id=line.id,
        text=line.text,
        answer=answer,
        claimed=claimed,
        found=found.text,
        value=value,
        flips=flips(line, world, found),
    )


def _nearest_edge(claimed: Claimed, values: tuple[float, ...]) -> float:
    return min(values, key=lambda value: abs(value - edge(claimed, value)))


def _claimed(kind: str, claimed: Claimed) -> str:
    if claimed.value is not None and claimed.within is not None:
        return f"{words(kind, claimed.value)} within {words(kind, claimed.within).removeprefix('+')}"
    return f"{'above' if claimed.above is not None else 'below'} {words(kind, edge(claimed, 0))}"


def _fronts(world: World) -> tuple[CurveFront, ...]:
    comparison = world.claim.comparison
    if comparison is None:
        return ()
    fronts = []
    for name in (comparison.subject, *comparison.against):
        try:
            hourly: float | None = world.price(name, comparison.book, comparison.tier)
        except FileError:
            hourly = None
        fronts.append(
            CurveFront(
                name=name, title=world.claim.curve(name).title, front=world.fronts[name], usd_per_gpu_hour=hourly
            )
        )
    return tuple(fronts)


DEFAULT_CLAIM = "mi355x-mori-2026-05"


def load_claim(name: str | Path = DEFAULT_CLAIM) -> Claim:
    """Load a claim from a file or by the name of a bundled one. Raises FileError for a bad file."""
    return read_value(find("scenarios/claims", str(name)), Claim)


def claims(name: str | Path = DEFAULT_CLAIM, *, spline_cost: bool = False) -> ClaimReport:
    """Compute a published claim again from its own points and prices: each line's value, and whether it holds.

    `name` is a file, or the name of a bundled one. The formulas are those of docs/claims.md and docs/verdicts.md.
    `spline_cost` interpolates cost by itself in every line about cost, whatever the file says, as InferenceX did.
    Raises FileError, in one line that names the file and the key, for a bad file or a price that nobody has.
    """
    claim = load_claim(name)
    if spline_cost:
        claim = with_spline_cost(claim)
    audit = audit_claim(claim) if claim.curves else None
    try:
        books = [open_book(book) for book in claim.price_books]
        return answer_claim(claim, {book.name: book for book in books}, audit)
    except FileError as error:
        raise FileError(f"{find('scenarios/claims', str(name))}: {error}") from None
