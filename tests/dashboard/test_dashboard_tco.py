"""Prices and assumptions, moved."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.apps import charts, open_view, traces, words

OWNED = "neocloud-owned-2026"


def cost_curve(app: AppTest) -> list[float]:
    return [y for trace in traces(app) if trace["mode"] == "lines" and "fill" not in trace for y in trace["y"]]


def test_the_curve_and_the_verdict_move_with_a_slider(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "tco")
    before, said = cost_curve(app), app.subheader[0].value
    assert "Sliders were moved" not in words(app)
    app.slider(f"{OWNED}.utilisation").set_value(0.35).run()
    assert "Sliders were moved" in words(app)
    assert cost_curve(app) == pytest.approx([2 * y for y in before])  # the book's own is 0.7
    app.slider(f"{OWNED}.server.b200").set_value(900_000.0).run()
    assert app.subheader[0].value != said


def test_the_link_brings_the_sliders(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "tco", **{f"{OWNED}.pue": "1.6"})
    assert "Sliders were moved" in words(app)
    assert app.slider(f"{OWNED}.pue").value == 1.6


@pytest.mark.parametrize(
    ("look", "said"),
    [
        ("What moves it", "What moves the cost"),
        ("Break-even", "both cost the same|At which prices"),
        ("Price books", "Price books side by side"),
        ("Fleet and bill", "Fleets for|Yearly bill"),
    ],
)
def test_every_look_is_a_link(store: Path, monkeypatch: pytest.MonkeyPatch, look: str, said: str) -> None:
    app = open_view(store, monkeypatch, "tco", look=look)
    assert any(part in words(app) for part in said.split("|"))
    assert len(charts(app)) >= 1


def test_a_listed_book_offers_prices_and_idle_time_alone(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, "tco", book="inferencex-2026-09", tier="rental-3y")
    labels = [slider.label for slider in app.slider]
    assert labels[1:] == ["b200, USD/GPU/h", "mi355x, USD/GPU/h", "Utilisation", "Availability"]
    assert "under inferencex-2026-09 rental-3y" in words(app)


def test_a_licence_is_charged_when_it_is_switched_on(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = cost_curve(open_view(store, monkeypatch, "tco"))
    app = open_view(store, monkeypatch, "tco", **{f"{OWNED}.licence": "true"})
    assert sum(cost_curve(app)) > sum(without)
    assert any("licence" in slider.label for slider in app.slider)


@pytest.mark.parametrize("value", ["-3", "1e99", "nan", "<b>"])
def test_absurd_values_in_a_link_are_not_used(store: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    app = open_view(store, monkeypatch, "tco", **{f"{OWNED}.pue": value})
    assert 1.0 <= app.slider(f"{OWNED}.pue").value <= 2.0
    assert not app.error
