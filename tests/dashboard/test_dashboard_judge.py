"""Ablations, claims and regressions."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferbench.claim.answer_file import claims
from inferbench.claim.tables import tally
from tests.support.apps import charts, open_view, traces, words
from tests.support.store_factories import write_run, write_side


def test_a_claim_is_answered_line_by_line(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "claims", claim="mi355x-mori-2026-05")
    report = claims("mi355x-mori-2026-05")
    assert tally(report) in words(app)
    labels = [expander.label.replace("\\", "") for expander in app.expander]
    for line in report.lines:
        assert any(line.answer.value in label and line.text.split()[0] in label for label in labels), line.text
    assert len(charts(app)) == 4


def test_a_claim_without_a_comparison_has_words_alone(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "claims", claim="mori-wire-bytes-2026-05")
    assert tally(claims("mori-wire-bytes-2026-05")) in words(app)


def test_an_ablation_is_a_waterfall_beside_what_was_published(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "ablation")
    assert "Modelled by the twin" in words(app)
    assert any(trace["type"] == "waterfall" for trace in traces(app))
    assert any("published" in str(frame.value.columns).lower() for frame in app.dataframe)


def test_a_loss_shows_in_the_history_and_in_the_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, factor in enumerate((1.0, 0.8)):
        for place in write_side(tmp_path, f"r{number}", factor):
            manifest = place / "manifest.json"
            began = 86_400.0 * (5 * number + int(place.name[-1]))
            text = manifest.read_text()
            manifest.write_text(
                text.replace(
                    '"benchmark_start_time_unix": 0.0,\n  "benchmark_end',
                    f'"benchmark_start_time_unix": {began},\n  "benchmark_end',
                )
            )
    app = open_view(tmp_path, monkeypatch, "regressions")
    assert "REGRESSED" in words(app)
    assert len(traces(app)[0]["x"]) == 10
    assert len(charts(app)) == 3


@pytest.mark.parametrize(("address", "linked"), [("https://git.example/o/r/pull/7", True), ("javascript:x()", False)])
def test_the_newest_run_leads_to_its_pull_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, *, linked: bool
) -> None:
    write_run(tmp_path, "r0")
    write_run(tmp_path, "r1", began=1.0, pull_request=address)
    links = [link.proto.url for link in open_view(tmp_path, monkeypatch, "regressions").get("link_button")]
    assert links == ([address] if linked else [])


def test_one_run_has_no_verdict_yet(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "at least two runs" in words(open_view(store, monkeypatch, "regressions"))
