"""The page: one file, no network, the answer first, and nothing from a file or a server read as markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import pytest

from inferbench.comparison import explain
from inferbench.comparison.verdict import Outcome
from inferbench.metrics.summary import Origin
from inferbench.render.chart import Chart
from inferbench.render.page import figure_json
from inferbench.runs.report.answers import answers
from inferbench.runs.report.conditions import conditions, points_table
from inferbench.runs.report.notices import live_notice, notices
from inferbench.runs.report.page import render_html
from inferbench.scenario.caveats import FAKE_DISPATCH, RADIX_CACHE_OFF
from inferbench.store.manifest import RunState
from tests.support.report_factories import bench_view, hostile_view, live_result, run_view
from tests.support.report_points import healthy, late

VIEW = run_view(live=live_result())
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """The page as elements, the text outside scripts and styles, and what each script and style holds."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.raw: list[tuple[str, dict[str, str], str]] = []
        self.feed(source)
        self.close()
        assert self.open == [], f"unclosed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("script", "style"):
            self.raw.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            tag, attrs, text = self.raw[-1]
            self.raw[-1] = (tag, attrs, text + data)
        else:
            self.text += data

    def banners(self) -> list[str]:
        classes = [attrs.get("class", "") for _, attrs in self.elements]
        return [c.removeprefix("banner ") for c in classes if c.startswith("banner ")]

    def figures(self) -> dict[str, Any]:
        return {a["id"]: json.loads(text) for _, a, text in self.raw if a.get("type") == "application/json"}


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_html(VIEW))


def test_headings_do_not_skip_a_level_and_ids_are_unique(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"][1:] for tag, attrs in page.elements if tag == "a"]
    assert links
    assert set(links) <= set(ids)


def test_nothing_is_fetched_from_anywhere(page: Page) -> None:
    for tag, attrs in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert attrs.get(name, "#").startswith(("#", "data:")), f"{tag} {name}"
    styles = [text for tag, _, text in page.raw if tag == "style"]
    styles += [attrs["style"] for _, attrs in page.elements if "style" in attrs]
    assert not any(re.search(r"url\(|@import|https?:", style) for style in styles)
    own = [text for tag, attrs, text in page.raw if tag == "script" and "plotly.js" not in text[:200]]
    assert len(own) == len(page.raw) - 2
    assert not any(re.search(r"https?://", text) for text in own)


def test_the_content_policy_allows_exactly_the_two_scripts(page: Page) -> None:
    policy = next(attrs["content"] for tag, attrs in page.elements if "http-equiv" in attrs)
    code = [text for tag, attrs, text in page.raw if tag == "script" and "type" not in attrs]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in code]
    assert f"script-src 'sha256-{hashes[0]}' 'sha256-{hashes[1]}';" in policy
    assert policy.startswith("default-src 'none'")


def test_the_answer_comes_first_with_every_point_and_deployment(page: Page) -> None:
    places = [page.text.index(f"At {point.name}: ") for point in VIEW.operating_points]
    assert places == sorted(places)
    assert places[-1] < page.text.index("Charts", places[0]) < page.text.index("Conclusions")
    assert all(name in page.text for name in VIEW.deployments)
    assert explain.tally(VIEW.conclusions) in page.text


def test_every_chart_has_its_data_words_and_place(page: Page) -> None:
    figures = page.figures()
    plots = [attrs for _, attrs in page.elements if "data-figure" in attrs]
    assert [plot["data-figure"] for plot in plots] == list(figures)
    assert len(figures) == 6
    assert all(plot["aria-label"] and plot["role"] == "img" for plot in plots)
    assert all(figure["data"] and figure["config"]["responsive"] for figure in figures.values())
    assert all(figure["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)" for figure in figures.values())


def test_tables_have_captions_heads_and_scroll_in_a_box_of_their_own(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    regions = [attrs for _, attrs in page.elements if attrs.get("class", "").startswith("scroll")]
    assert tags.count("table") == len(regions) == 5
    assert all(region["role"] == "region" and region["tabindex"] == "0" for region in regions)
    assert tags.count("thead") == tags.count("tbody") == 5


SIMULATED, MEASURED = Origin.SIMULATED, Origin.MEASURED


@pytest.mark.parametrize(
    ("view", "banners"),
    [
        (run_view(), ["simulated"]),
        (run_view(origin=MEASURED), []),
        (run_view(origin=MEASURED, state=RunState.PARTIAL), ["partial"]),
        (run_view(origin=SIMULATED, state=RunState.RUNNING), ["partial", "simulated"]),
        (run_view(origin=MEASURED, live=live_result()), ["invalid"]),
        (run_view(origin=MEASURED, live=live_result(invalid_from=None)), []),
        (bench_view(), []),
        (bench_view(client=late()), ["invalid"]),
        (bench_view(client=late(), partial=True), ["invalid", "partial"]),
    ],
)
def test_banners_appear_exactly_when_they_should(view: Any, banners: list[str]) -> None:
    assert Page(render_html(view)).banners() == banners


def test_banners_give_the_interval_and_the_reasons() -> None:
    (simulated,) = notices(run_view())
    assert "±25%" in simulated.text
    assert VIEW.scenario.twin.reason in simulated.text
    invalid, partial = notices(bench_view(client=late("send lag p99 of 80 ms"), partial=True))
    assert "send lag p99 of 80 ms" in invalid.text
    assert "stopped by Ctrl-C" in partial.text
    assert "1 of the 1 sweep points" in partial.text
    assert "held 1,024 streams" in live_notice(VIEW).text
    assert "held no step" in live_notice(run_view(live=live_result(invalid_from=1))).text


def test_what_the_scenario_launches_unlike_production_is_named_with_the_topologies_that_have_it() -> None:
    marks = {
        "b200-sglang": {"a": (RADIX_CACHE_OFF,), "b": (RADIX_CACHE_OFF,)},
        "mi355x-sglang-mori": {"a": (RADIX_CACHE_OFF, FAKE_DISPATCH), "b": (RADIX_CACHE_OFF,)},
    }
    view = run_view()
    marked = replace(view, manifest=view.manifest.model_copy(update={"unlike_production": marks}))
    unlike, simulated = notices(marked)
    assert (unlike.kind, unlike.title, simulated.kind) == ("caution", "Unlike production", "simulated")
    assert f"prefix cache off ({RADIX_CACHE_OFF.text}) on b200-sglang, mi355x-sglang-mori;" in unlike.text
    assert unlike.text.endswith(f"fake expert dispatch ({FAKE_DISPATCH.text}) on mi355x-sglang-mori (a).")
    assert Page(render_html(marked)).banners() == ["caution", "simulated"]
    measured = replace(run_view(origin=MEASURED), manifest=marked.manifest)
    assert notices(measured) == ()  # a launch that was measured tells of itself


def test_a_notice_names_a_few_points_and_counts_the_rest() -> None:
    bad = tuple(s.model_copy(update={"client": late()}) for s in VIEW.summaries[:5])
    good = tuple(s.model_copy(update={"client": healthy()}) for s in VIEW.summaries[5:])
    notice = notices(replace(VIEW, summaries=(*bad, *good)))[0]
    assert notice.text.startswith(f"During 5 of {len(VIEW.summaries)} sweep points")
    assert notice.text.endswith("; and 2 more. What helps: --workers 2.")


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</script><b>&amp;"])
def test_nothing_from_a_file_or_a_server_is_read_as_markup(hostile: str) -> None:
    view = hostile_view(hostile)
    entry = view.manifest.points[0]
    target = entry.target.model_copy(update={"launch_command": hostile, "engine": hostile, "model": hostile})
    points = (entry.model_copy(update={"target": target}), *view.manifest.points[1:])
    manifest = view.manifest.model_copy(
        update={"points": points, "reason": hostile, "state": RunState.PARTIAL, "command": (hostile,)}
    )
    client = late(hostile)
    summaries = (view.summaries[0].model_copy(update={"client": client}), *view.summaries[1:])
    source = render_html(replace(view, manifest=manifest, summaries=summaries))
    assert hostile not in source
    found = Page(source)
    tags = [tag for tag, _ in found.elements]
    assert "img" not in tags
    assert "b" not in tags
    assert tags.count("script") == 2 + 6
    assert hostile in found.text, "it is shown as the text that it is"


def test_a_bench_page_has_no_scripts_and_shows_both_bases() -> None:
    found = Page(render_html(bench_view()))
    assert "script" not in [tag for tag, _ in found.elements]
    assert "whole_run" in found.text
    assert "window" in found.text
    assert "Which deployment" not in found.text


def test_sentences_follow_the_outcome() -> None:
    for answer, conclusion in zip(answers(VIEW), VIEW.conclusions, strict=True):
        verdict = VIEW.headline(conclusion)
        assert answer.sentence.startswith(f"At {conclusion.operating_point.name}: ")
        assert conclusion.outcome.value in answer.sentence
        assert verdict.cheapest in answer.sentence
        assert verdict.runner_up in answer.sentence
        assert any("would cost" in d or "What would change it" in d for d in answer.details)


def test_a_decided_point_names_the_cheaper_one() -> None:
    narrow = VIEW.scenario.model_copy(update={"twin": VIEW.scenario.twin.model_copy(update={"half_width": 0.001})})
    decided = [a for a in answers(run_view(narrow)) if a.outcome is Outcome.CHEAPER]
    assert decided
    assert all("is CHEAPER under every price book and tier" in answer.sentence for answer in decided)


def test_an_unreachable_point_has_its_reason_and_no_ratio() -> None:
    points = tuple(p.model_copy(update={"interactivity": 900.0}) for p in VIEW.scenario.operating_points[:1])
    (answer,) = answers(run_view(VIEW.scenario.model_copy(update={"operating_points": points})))
    assert answer.outcome is Outcome.UNREACHABLE
    assert "no deployment reaches it" in answer.sentence
    assert answer.details == ()


def test_conditions_name_what_another_run_must_share() -> None:
    facts = dict(conditions(VIEW))
    assert facts["Seed"] == "0"
    assert facts["Model"] == "deepseek-r1-0528"
    assert facts["ISL"] == "8192 nominal, uniform from 6553 to 8192 tokens"
    assert facts["Started"] == "2026-11-24 06:00:00 UTC"
    assert [name for name in facts if name.startswith("Price book ")] == [
        f"Price book {stamp.name}" for stamp in VIEW.manifest.price_books
    ]
    table = points_table(VIEW)
    assert len(table.rows) == len(VIEW.manifest.points)
    assert table.rows[0][-2] == VIEW.summaries[0].prompt_hash[:12]


def test_equal_views_give_equal_pages() -> None:
    assert render_html(run_view()) == render_html(run_view())


def test_figure_data_cannot_close_its_script_element() -> None:
    chart = Chart("k", "t", "c", "a", go.Figure(layout={"meta": "</script><img src=x>"}))
    text = figure_json(chart)
    assert "<" not in text
    assert json.loads(text)["layout"]["meta"] == "</script><img src=x>"
