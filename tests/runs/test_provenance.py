"""What a run says of where it was made."""

from __future__ import annotations

from pathlib import Path

import pytest

import inferbench
from inferbench.runs.opened_run import open_run
from inferbench.runs.provenance import pull_request
from tests.support.scenarios_for_tests import small_scenario, write_scenario

GITHUB = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/r", "GITHUB_REF": "refs/pull/7/merge"}
GITLAB = {"CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.example/o/r", "CI_MERGE_REQUEST_IID": "9"}


def test_the_pull_request_is_what_the_job_says() -> None:
    assert pull_request(GITHUB) == "https://github.com/o/r/pull/7"
    assert pull_request(GITLAB) == "https://gitlab.example/o/r/-/merge_requests/9"


@pytest.mark.parametrize(
    "said",
    [
        {},
        GITHUB | {"GITHUB_REF": "refs/heads/main"},
        GITHUB | {"GITHUB_SERVER_URL": "javascript:alert(1)//"},
        {"GITHUB_REF": "refs/pull/7/merge"},
    ],
)
def test_no_pull_request_and_no_address_of_the_web_are_none(said: dict[str, str]) -> None:
    assert pull_request(said) is None


def test_a_run_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GITHUB.items():
        monkeypatch.setenv(name, value)
    scenario = small_scenario()
    scenario["deployments"] = scenario["deployments"][:1]
    run = inferbench.run(write_scenario(tmp_path / "small.yaml", scenario), store=tmp_path / "store", live=False)
    assert open_run(run.path).manifest.pull_request == "https://github.com/o/r/pull/7"
