"""A verdict as Markdown, annotations, JUnit XML, JSON under its schema, and a page."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from inferbench.regression.check import regress
from inferbench.regression.policy import RegressionPolicy
from inferbench.regression.report.html import regression_html
from inferbench.regression.report.json import SCHEMA_FILE, regression_json, schema_text
from inferbench.regression.report.junit import regression_junit
from inferbench.regression.report.markdown import MARKER, regression_markdown, workflow_commands
from inferbench.regression.verdicts import RegressionReport
from tests.support.store_factories import write_run, write_side

HOSTILE = "<script>alert(1)</script>|`x`\x00%\n::error::"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RegressionReport]:
    """One report of every outcome."""
    store = tmp_path_factory.mktemp("store")
    made = {
        "base": write_side(store, "base"),
        "PASS": write_side(store, "same", scenario="s2"),
        "REGRESSED": write_side(store, "worse", 0.9, scenario="s3"),
        "IMPROVED": write_side(store, "better", 1.2, scenario="s4"),
        "UNDECIDED": [
            write_run(store, f"n{i}", tput=t, seed=i, scenario="s5").path for i, t in enumerate((0.95, 1.05))
        ],
        "INVALID": write_side(store, "late", scenario="s6", invalid=HOSTILE),
        "INCOMPARABLE": write_side(store, "other", scenario="s7", scenario_sha256="9" * 64),
    }
    base = made.pop("base")
    policy = RegressionPolicy(allow_different=("scenario",))
    return {
        name: regress(base, runs, policy=RegressionPolicy() if name == "INCOMPARABLE" else policy, store=store)
        for name, runs in made.items()
    }


OUTCOMES = ("PASS", "REGRESSED", "IMPROVED", "UNDECIDED", "INVALID", "INCOMPARABLE")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_has_every_report(reports: dict[str, RegressionReport], outcome: str) -> None:
    report = reports[outcome]
    assert report.outcome == outcome
    document = json.loads(regression_json(report))
    jsonschema.validate(document, json.loads(SCHEMA_FILE.read_text()))
    assert RegressionReport.model_validate(document) == report
    text = regression_markdown(report)
    assert text.startswith(MARKER)
    assert outcome in text
    page = regression_html(report)
    assert page.count(outcome) >= 2
    ET.fromstring(regression_junit(report))


def test_the_schema_that_is_shipped_is_that_of_the_values() -> None:
    assert SCHEMA_FILE.read_text() == schema_text()
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA_FILE.read_text()))


def test_the_schema_refuses_what_is_no_report(reports: dict[str, RegressionReport]) -> None:
    document = json.loads(regression_json(reports["PASS"]))
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))
    for key, value in (("outcome", "FINE"), ("failed", "no"), ("extra", 1)):
        assert not validator.is_valid(document | {key: value})


def junit_kinds(report: RegressionReport) -> dict[str, list[str]]:
    root = ET.fromstring(regression_junit(report))
    return {case.get("name", ""): [child.tag for child in case] for case in root.iter("testcase")}


def test_junit_says_what_a_build_server_understands(reports: dict[str, RegressionReport]) -> None:
    family = ("output_tput_per_gpu", "tpot_p50", "ttft_p99")
    assert junit_kinds(reports["PASS"]) == {name: ["system-out"] for name in family}
    assert junit_kinds(reports["REGRESSED"])["output_tput_per_gpu"] == ["failure"]
    assert junit_kinds(reports["INVALID"]) == {"comparison": ["error"]}
    undecided = reports["UNDECIDED"]
    assert junit_kinds(undecided)["tpot_p50"] == ["skipped"]
    root = ET.fromstring(regression_junit(undecided))
    assert "further repeats" in (root.find(".//skipped").get("message") or "")  # type: ignore[union-attr]
    strict = undecided.model_copy(update={"policy": RegressionPolicy(undecided="fail")})
    assert junit_kinds(strict)["tpot_p50"] == ["failure"]
    suite = ET.fromstring(regression_junit(reports["REGRESSED"])).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "3", "0")


def test_annotations_are_one_line_each_at_the_level_of_the_outcome(reports: dict[str, RegressionReport]) -> None:
    levels = {name: workflow_commands(report)[0].split(" ")[0] for name, report in reports.items()}
    assert levels == {
        "PASS": "::notice",
        "IMPROVED": "::notice",
        "UNDECIDED": "::warning",
        "REGRESSED": "::error",
        "INVALID": "::error",
        "INCOMPARABLE": "::error",
    }
    line = workflow_commands(reports["INVALID"])[0]
    assert "\n" not in line
    assert "%25" in line
    strict = reports["UNDECIDED"].model_copy(update={"policy": RegressionPolicy(undecided="fail")})
    assert workflow_commands(strict)[0].startswith("::error ")


def test_text_from_runs_is_never_markup(reports: dict[str, RegressionReport]) -> None:
    report = reports["INVALID"]
    assert "<script>alert" not in regression_html(report)
    assert "<script>alert" not in regression_markdown(report)
    scenario = reports["REGRESSED"].scenarios[0]
    hostile = scenario.model_copy(
        update={"scenario": HOSTILE, "candidate_runs": (HOSTILE,) * len(scenario.candidate_runs)}
    )
    worse = reports["REGRESSED"].model_copy(update={"scenarios": (hostile,)})
    assert "<script>alert" not in regression_html(worse)
    assert "\n::error::" not in "\n".join(workflow_commands(worse))
    ET.fromstring(regression_junit(worse))


def test_the_page_draws_the_runs_of_both_sides_over_each_other(reports: dict[str, RegressionReport]) -> None:
    page = regression_html(reports["REGRESSED"])
    figures = {
        key: json.loads(text)
        for key, text in re.findall(r'<script type="application/json" id="data-([a-z0-9-]+)">(.*?)</script>', page)
    }
    runs = [trace for trace in figures["runs-0"]["data"] if trace["type"] == "box"]
    assert [(t["name"], len(t["y"])) for t in runs] == [("baseline", 5), ("candidate", 5)] * 3
    assert [t["xaxis"] for t in runs] == ["x", "x", "x2", "x2", "x3", "x3"]
    assert {trace["type"] for trace in figures["change-0"]["data"]} == {"bar", "scatter"}
    assert "default-src 'none'" in page
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert not re.search(r'(?:src|href)="(?!#|data:)', outside)


def test_no_metrics_no_scripts(reports: dict[str, RegressionReport]) -> None:
    page = regression_html(reports["INCOMPARABLE"])
    assert "<script" not in page
    assert "script-src 'none'" in html.unescape(page)


def test_simulated_figures_say_so(reports: dict[str, RegressionReport]) -> None:
    for text in (regression_markdown(reports["PASS"]), regression_html(reports["PASS"])):
        assert "comes from the twin" in text or "come from the twin" in text


def test_equal_reports_give_equal_bytes(reports: dict[str, RegressionReport], tmp_path: Path) -> None:
    again = RegressionReport.model_validate_json(regression_json(reports["PASS"]))
    assert regression_json(again) == regression_json(reports["PASS"])
