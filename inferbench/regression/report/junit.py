"""A regression verdict as JUnit XML: a suite per scenario, a case per metric."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from inferbench.regression.verdicts import (
    MetricRegression,
    RegressionOutcome,
    RegressionReport,
    ScenarioRegression,
)

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""


def regression_junit(report: RegressionReport) -> bytes:
    """REGRESSED is a failure, INCOMPARABLE and INVALID are errors; UNDECIDED is skipped, or a failure by the policy."""
    root = ET.Element("testsuites", name="inferbench regress")
    for scenario in report.scenarios:
        suite = ET.SubElement(root, "testsuite", name=_clean(scenario.scenario))
        if not scenario.metrics:
            _case(suite, scenario, "comparison", *_verdict(report, scenario.outcome, ruled_out=False), scenario.reason)
        for metric in scenario.metrics:
            verdict = _verdict(report, metric.outcome, ruled_out=metric.loss_ruled_out)
            _case(suite, scenario, metric.metric.value, *verdict, _message(metric))
        for kind, name in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(kind, str(len(suite.findall(f"testcase/{name}"))))
        suite.set("tests", str(len(suite)))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _verdict(report: RegressionReport, outcome: RegressionOutcome, *, ruled_out: bool) -> tuple[str | None, str]:
    """The element that a case holds, None for success, and its type."""
    if outcome in (RegressionOutcome.PASS, RegressionOutcome.IMPROVED):
        return None, outcome.value
    if outcome is RegressionOutcome.UNDECIDED:
        fails = report.policy.undecided == "fail" and not ruled_out
        return ("failure" if fails else "skipped"), outcome.value
    return ("failure" if outcome is RegressionOutcome.REGRESSED else "error"), outcome.value


def _message(metric: MetricRegression) -> str:
    return f"{metric.outcome.value}: {metric.reason}"


def _case(
    suite: ET.Element, scenario: ScenarioRegression, name: str, element: str | None, kind: str, message: str
) -> None:
    case = ET.SubElement(suite, "testcase", classname=_clean(f"inferbench.{scenario.scenario}"), name=name, time="0")
    if element is not None:
        inner = ET.SubElement(case, element, message=_clean(message))
        if element != "skipped":
            inner.set("type", kind)
    else:
        ET.SubElement(case, "system-out").text = _clean(message)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
