"""The first view: the verdict, on any store."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inferbench.records.layout import SUMMARY
from tests.support.apps import HOSTILE, charts, open_view, words


def test_it_answers_at_a_pace(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch)
    said = words(app)
    for question in ("Which is cheaper?", "By how much?", "How sure?", "What would change it?"):
        assert question in said
    assert "At 205 tok/s/user (simulated)" in said
    assert len(charts(app)) == 1
    assert len(app.expander) == 3 + 1  # operating points, and saving


def test_the_pace_moves_the_answer_and_comes_from_the_link(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, pace="41")
    assert "At 41 tok/s/user (simulated): UNREACHABLE" in words(app)
    app.slider[0].set_value(230.0).run()
    assert "At 230 tok/s/user (simulated)" in words(app)


@pytest.mark.parametrize("link", [{"pace": "fast"}, {"run": "no/such-run"}, {"image": "<b>"}])
def test_a_bad_link_opens_the_default(store: Path, monkeypatch: pytest.MonkeyPatch, link: dict[str, str]) -> None:
    app = open_view(store, monkeypatch, **link)
    assert "At 205 tok/s/user" in words(app)


def test_a_link_to_a_run_that_is_gone_says_so(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view(store, monkeypatch, run="no/such-run")
    assert "no/such-run, which is not here" in words(app)


def test_the_link_names_the_run(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = store.glob("*/2*")
    assert open_view(store, monkeypatch).query_params["run"] == f"small/{run.name}"


def test_text_of_a_run_is_never_markup(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = open_view(store, monkeypatch).header[0].value
    assert header.replace("\\", "") == HOSTILE
    for mark in "<>*$":
        assert header.count(mark) == header.count(f"\\{mark}") > 0


def test_a_broken_run_says_what_is_broken_and_others_work(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    (whole,) = copy.glob("*/2*")
    broken = shutil.copytree(whole, whole.with_name("20200101-000000-aaaaaa"))
    (broken / SUMMARY).write_bytes(b"{")
    app = open_view(copy, monkeypatch, run=f"small/{broken.name}")
    assert "damaged" in app.error[0].value.replace("\\", "")
    app.selectbox[0].set_value(f"small/{whole.name}").run()
    assert not app.error
    assert "At 205 tok/s/user" in words(app)
