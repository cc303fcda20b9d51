"""A claim as lines, tables and a page; names from a file are never markup; and a browser draws it, offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferbench.audits import tables as tables_audit
from inferbench.claim import page as claim_page
from inferbench.claim import tables as tables_claims
from inferbench.claim.answer import ClaimReport
from inferbench.claim.answer_file import claims
from inferbench.render.terminal import render
from tests.support.browsers import needs_browser
from tests.support.report_browser import assert_drawn_offline

GOLDEN = Path(__file__).parents[1] / "golden" / "claim-mi355x-mori-2026-05.txt"


@pytest.fixture(scope="module")
def report() -> ClaimReport:
    return claims()


def test_the_printed_lines_are_these(report: ClaimReport) -> None:
    """To renew after a change that is meant: write the lines into the file and read the difference."""
    printed = [*tables_claims.head(report), *tables_claims.lines(report)]
    assert "\n".join(printed) + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_tables_fit_a_terminal(report: ClaimReport) -> None:
    tables = tables_claims.tables(report)
    assert len(tables) == 4
    for table in tables:
        assert max(len(row) for row in render(table, 100, color=False).splitlines()) <= 100


def test_flags_are_cut_unless_all_are_asked_for(report: ClaimReport) -> None:
    assert report.audit is not None
    every = tables_audit.flag_lines(report.audit, None)
    cut = tables_audit.flag_lines(report.audit, 1, ", shown with --all")
    assert len(every) == len(report.audit.flags)
    assert sum("more, shown with --all" in text for text in cut) == 1
    assert set(tables_audit.WORDS) == {count.check for count in report.audit.checks}


def test_the_page_says_why_without_the_documentation(report: ClaimReport) -> None:
    page = claim_page.render_claim(report)
    for text in (
        "Of 13 claimed lines: 8 reproduced, 5 not reproduced.",
        "holds equal costs: neither can be called cheaper",
        "b200-trt serves 1.28x as much per GPU and a GPU-hour of it costs 1.32x one of mi355x-mori",
        "nobody measured between 106.3 and 151.4 tok/s/user",
        "speculation gains 1.53x at concurrency 1 but 1.75-2.33x",
        "Measurements: InferenceX by SemiAnalysis",
        "Unofficial",
    ):
        assert text in page, text


def test_names_are_text(report: ClaimReport) -> None:
    evil = "</script><script>alert(1)</script><b>"
    first = report.verdicts[0].model_copy(update={"against": evil})
    front = report.fronts[0].model_copy(update={"title": evil})
    line = report.lines[0].model_copy(update={"text": evil, "found": evil})
    page = claim_page.render_claim(
        report.model_copy(update={"title": evil, "verdicts": (first,), "fronts": (front,), "lines": (line,)})
    )
    assert "<script>alert" not in page
    assert "<b>" not in page.split("<script>")[0]


def test_a_claim_without_curves_has_a_page_without_charts() -> None:
    page = claim_page.render_claim(claims("mori-wire-bytes-2026-05"))
    assert "2.56x" in page
    assert "data-figure" not in page
    assert "<script>" not in page


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_draws_it_offline_without_a_complaint(report: ClaimReport, tmp_path: Path, width: int) -> None:
    file = tmp_path / "claim.html"
    file.write_text(claim_page.render_claim(report), encoding="utf-8")
    assert assert_drawn_offline(file, width) == ["data-breakeven", "data-tornado", "data-cost", "data-frontier"]
