"""`inferbench tco` and `inferbench size` on a small run, as a user has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inferbench.catalog.bundled import find
from inferbench.cli import execute
from inferbench.errors import ExitCode
from inferbench.files.whole_files import sha256
from inferbench.metrics.summary import Origin, PointSummary
from inferbench.pricing.bundled_books import open_book
from inferbench.pricing.hourly_bill import hourly_bill
from inferbench.records import layout
from inferbench.runs.answers import judge
from inferbench.runs.answers.costs import price_readings
from inferbench.runs.answers.fleets import latest_run
from inferbench.runs.opened_run import open_run
from inferbench.scenario.read_scenario import load_scenario, price_books
from inferbench.scenario.scenario import OperatingPoint
from inferbench.store.manifest import RunState
from inferbench.store.run_directory import RunDirectory
from tests.support.factories import point_manifest, point_summary, run_manifest, sweep_point
from tests.support.scenarios_for_tests import small_scenario, write_scenario


def summaries() -> list[PointSummary]:
    """One point of each of two topologies of two deployments; only two of the four keep 20 ms of TPOT."""
    figures = {
        ("mi355x-sglang-mori", "1p1d-tp8", 4, 8, 8): (1000.0, 60.0),
        ("mi355x-sglang-mori", "1p2d-tp8", 4, 8, 16): (2000.0, 40.0),
        ("b200-trtllm", "1p5d-tep8-b1", 4, 4, 40): (1500.0, 60.0),
        ("b200-trtllm", "1p5d-tep8-b8", 4, 4, 40): (3000.0, 45.0),
    }
    return [
        point_summary(sweep_point(*where), tput_per_gpu=tput, interactivity=speed)
        for where, (tput, speed) in figures.items()
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = RunDirectory.create(tmp_path_factory.mktemp("store"), "small")
    points = summaries()
    scenario = write_scenario(directory.path / layout.SCENARIO, small_scenario())
    entries = (point_manifest(s.point) for s in points)
    directory.write_value(layout.MANIFEST, run_manifest(*entries, scenario_sha256=sha256(scenario)))
    directory.write_value(layout.SUMMARY, points)
    return directory.path


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without a scenario: what is known of it is its points and what answered."""
    directory = RunDirectory.create(tmp_path_factory.mktemp("store"), "imported")
    points = [
        point_summary(sweep_point("theirs", prefill_gpus=4, decode_gpus=8), origin=Origin.IMPORTED, tput_per_gpu=900.0)
    ]
    manifests = [point_manifest(s.point, origin=Origin.IMPORTED, gpu="b200") for s in points]
    directory.write_value(layout.MANIFEST, run_manifest(*manifests, scenario_sha256=None))
    directory.write_value(layout.SUMMARY, points)
    return directory.path


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def ask(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str | Path) -> Any:
    assert execute([*map(str, arguments), "--json"]) == ExitCode.OK
    return json.loads(capfdbinary.readouterr().out)


def refused(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert execute([*map(str, arguments)]) == ExitCode.USAGE
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    return said.removeprefix("inferbench: ").rstrip()


def test_every_point_is_priced_at_its_gpus_hour(run: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    found = ask(capfdbinary, "tco", run, "--tier", "hyperscaler", "--set", "utilisation=0.5")
    assert [bill["gpu"] for bill in found["bills"]] == ["mi355x", "b200"]
    assert [bill["usd_per_gpu_hour"] for bill in found["bills"]] == [3.0, 3.46]
    by_hand = [3.0 / 3.6, 3.0 / 7.2, 3.46 / 5.4, 3.46 / 10.8]
    assert [cost["usd_per_mtok_total"] for cost in found["costs"]] == pytest.approx(by_hand)


def test_bill_is_what_tco_means(run: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    options = (run, "--tier", "hyperscaler")
    assert ask(capfdbinary, "tco", *options) == ask(capfdbinary, "tco", "bill", *options)


def test_operating_points_of_the_scenario_are_priced(run: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    options = ("--price-book", "template-owned", "--at", "operating-points")
    found = ask(capfdbinary, "tco", run, *options)
    assert [o["operating_point"]["name"] for o in found["operating_points"]] == ["100 tok/s/user", "x"]
    for at in found["operating_points"]:
        assert all(priced["usd_per_mtok"] is None for priced in at["readings"])
        assert all(priced["reading"]["unreachable"] for priced in at["readings"])


def test_a_mix_is_priced(run: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    found = ask(capfdbinary, "tco", run, "--tier", "hyperscaler", "--blend", "16:2")
    assert [c["usd_per_mtok_blended"] for c in found["costs"]] == pytest.approx(
        [c["usd_per_mtok_total"] for c in found["costs"]]
    )


def test_an_imported_run_is_priced_by_the_gpu_that_it_names(
    imported: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    found = ask(capfdbinary, "tco", imported, "--tier", "hyperscaler")
    assert [c["usd_per_mtok_total"] for c in found["costs"]] == pytest.approx([1.73 / 3.24])
    assert found["costs"][0]["origin"] == "imported"


@pytest.mark.usefixtures("wide")
def test_the_bill_marks_what_is_assumed_and_names_its_sources(capfd: pytest.CaptureFixture[str]) -> None:
    assert execute(["tco", "--price-book", "enterprise-owned-2026", "--figures"]) == ExitCode.OK
    said = capfd.readouterr().out
    assert "Bill of one mi355x under enterprise-owned-2026 owned" in said
    assert "stands behind server_price, residual_share, capital_rate, kw_per_gpu" in " ".join(said.split())
    assert "mercatus-ai.com/blog/b200-server-price" in said
    assert "Figures behind one b200 in enterprise-owned-2026" in said


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("command", ["tco", "size"])
def test_tables_have_every_deployment(run: Path, command: str, capfd: pytest.CaptureFixture[str]) -> None:
    more = {"tco": [str(run)], "size": ["--run", str(run), "--slo", "tpot:24", "--tokens-per-day", "1e10"]}[command]
    assert execute([command, *more, "--tier", "hyperscaler"]) == ExitCode.OK
    said = capfd.readouterr().out
    for summary in summaries():
        assert (summary.point.key if command == "tco" else summary.point.deployment) in said


def test_implied_runs_a_tier_backwards(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    found = ask(capfdbinary, "tco", "implied", "--tier", "hyperscaler", "--years", "5", "--rate", "0.08")
    assert [row["gpu"] for row in found] == ["b200", "mi355x", "h200", "mi300x"]
    assert {(row["years"], row["capital_rate"]) for row in found} == {(5, 0.08)}
    for row in found:
        assert row["server_price_low"] < row["server_price"] < row["server_price_high"]


def test_size_picks_the_topology_that_keeps_the_slo(run: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    options = ("--slo", "tpot:20,ttft:2000", "--tokens-per-day", "8.64e9", "--tier", "hyperscaler")
    found = ask(capfdbinary, "size", "--run", run, *options)
    # 100,000 tok/s: 16 GPUs at 1,000 tok/s each are 16,000, 44 GPUs at 1,500 are 66,000; both simulated at +-25 %.
    assert [(f["replica"]["topology"], f["replicas"], f["gpus_used"], f["gpus_billed"]) for f in found["fleets"]] == [
        ("1p5d-tep8-b1", 2, 88, 96),
        ("1p1d-tp8", 7, 112, 112),
    ]
    assert found["fleets"][0]["usd_per_year"] == pytest.approx(96 * 8760 * 1.73)
    assert found["outcome"] == "UNDECIDED"
    packed = ask(capfdbinary, "size", "--run", run, *options, "--pack")
    assert packed["fleets"][0]["gpus_billed"] == 88


def test_size_says_what_comes_closest_where_nothing_keeps_the_slo(
    run: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    options = ("--slo", "tpot:5", "--tokens-per-day", "1e9", "--tier", "hyperscaler", "--deployments", "b200-trtllm")
    found = ask(capfdbinary, "size", "--run", run, *options)
    assert (found["fleets"], found["outcome"]) == ([], "UNREACHABLE")
    assert found["unreachable"]["b200-trtllm"].startswith("closest is 1p5d-tep8-b1 at concurrency 4: p99 TPOT 16.67 ms")


def test_size_of_an_imported_run_rounds_up_each_role(imported: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    options = ("--slo", "tpot:80", "--tokens-per-day", "1e9", "--tier", "hyperscaler")
    (fleet,) = ask(capfdbinary, "size", "--run", imported, *options)["fleets"]
    assert (fleet["replicas"], fleet["gpus_used"], fleet["gpus_billed"]) == (2, 24, 32)
    assert fleet["gpus_billed_high"] == 32, "an imported throughput is taken as exact"
    (fleet,) = ask(capfdbinary, "size", "--run", imported, *options, "--gpus-per-node", "4")["fleets"]
    assert fleet["gpus_billed"] == 24


def test_size_takes_the_latest_run_of_a_scenario(run: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    options = ("--slo", "tpot:80", "--tokens-per-day", "1e9", "--tier", "hyperscaler")
    by_name = ask(capfdbinary, "size", "--scenario", "small", "--store", run.parents[1], *options)
    assert by_name == ask(capfdbinary, "size", "--run", run, *options)


TIER = ("--tier", "hyperscaler")
TEMPLATE = ("tco", "--price-book", "template-owned")
SIZE = ("size", "--tokens-per-day", "1e9", "--tier", "hyperscaler")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tco",), "price book inferencex-2026-09 has tiers hyperscaler, rental-3y: name one with --tier"),
        (("tco", "--tier", "hyperscalr"), "price book inferencex-2026-09: unknown tier 'hyperscalr'; allowed: "),
        (("tco", *TIER, "--set", "power_price=0.1"), "price book inferencex-2026-09: tiers are all-in"),
        ((*TEMPLATE, "--set", "powr_price=1"), "--set: unknown key to set 'powr_price'; "),
        ((*TEMPLATE, "--set", "pue"), "--set: 'pue' is not KEY=VALUE"),
        (("tco", "--price-book", "template-owed"), "template-owed: no such file, and unknown name in pricing"),
        (("tco", *TIER, "--blend", "8"), "--blend: '8' is not IN:OUT"),
        (("tco", *TIER, "--blend", "-8:1"), "--blend: input_per_output: input should be greater than"),
        (("tco", "implied", "--tier", "hyperscaler", "--years", "0"), "--set: depreciation_years: must be above 0"),
        (
            ("tco", "implied", "--tier", "hyperscaler", "--owned-book", "inferencex-2026-07"),
            "price book inferencex-2026-07 is all-in: it has no lines",
        ),
        ((*SIZE, "--slo", "tpt:20"), "--slo: unknown limit 'tpt'; allowed: tpot, ttft; did you mean 'tpot'?"),
        ((*SIZE, "--slo", "tpot:fast"), "--slo: 'tpot:fast' is not tpot:MS"),
        ((*SIZE, "--slo", "tpot:0"), "--slo: limits must be above 0 ms, not 'tpot:0'"),
        ((*SIZE, "--slo", "tpot:20"), "give either --run or --scenario"),
        ((*SIZE, "--slo", "tpot:20", "--scenario", "small"), "reports: no complete run of scenario 'small'; make one"),
    ],
)  # fmt: skip
def test_a_bad_option_gets_one_line(
    arguments: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert refused(capfd, *arguments).startswith(message)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--deployments", "b200-trt"), "unknown deployment 'b200-trt'; allowed: b200-trtllm, mi355x-sglang-mori; did"),
        (("--peak-to-mean", "0.5"), "--peak-to-mean: input should be greater than or equal to 1"),
        (("--set", "utilisation=0.5"), "utilisation: a fleet's follows from its demand; set headroom instead"),
    ],
)
def test_a_bad_demand_gets_one_line(
    run: Path, more: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert refused(capfd, *SIZE, "--slo", "tpot:20", "--run", run, *more).startswith(message)


def test_a_scenario_may_name_an_owned_book(tmp_path: Path) -> None:
    data = small_scenario()
    data["price_books"].append("neocloud-owned-2026")
    data["headline"] = {"book": "neocloud-owned-2026", "tier": "owned"}
    data["operating_points"] = [{"name": "slow", "slo": {"tpot_p99_ms": 25}}]
    scenario = load_scenario(write_scenario(tmp_path / "owned.yaml", data))
    books, points = price_books(scenario), summaries()
    costs = [c for c in judge.costs(points, scenario, books) if (c.book, c.tier) == ("neocloud-owned-2026", "owned")]
    assert len(costs) == 2 * len(points)
    assert all(c.usd_per_gpu_hour_low and c.usd_per_gpu_hour_low < (c.usd_per_gpu_hour or 0) for c in costs)
    (conclusion,) = judge.conclusions(points, scenario, books)
    assert ("neocloud-owned-2026", "owned") in {(v.book, v.tier) for v in conclusion.verdicts}


def test_an_owned_book_can_be_validated(capfd: pytest.CaptureFixture[str]) -> None:
    template = find("pricing", "template-owned")
    assert execute(["validate", str(template)]) == ExitCode.OK
    assert capfd.readouterr().out == f"{template}: price book template-owned, 22 figures in 1 tiers\n"


def test_the_latest_complete_run_is_taken(tmp_path: Path) -> None:
    for day, state in (("01", RunState.COMPLETE), ("02", RunState.COMPLETE), ("03", RunState.PARTIAL)):
        path = tmp_path / "small" / f"202601{day}-000000-abcdef"
        path.mkdir(parents=True)
        manifest = run_manifest().model_copy(update={"state": state})
        RunDirectory(path).write_value(layout.MANIFEST, manifest)
    assert latest_run(tmp_path, "small").path.name.startswith("20260102")


def test_a_price_at_an_operating_point_has_the_books_interval(run: Path) -> None:
    book = open_book("template-owned")
    opened = open_run(run)
    scenario = opened.scenario
    assert scenario is not None
    reached = scenario.model_copy(update={"operating_points": (OperatingPoint(name="50", interactivity=50),)})
    opened.__dict__["scenario"] = reached
    ((_, readings),) = price_readings(opened, book, "owned")
    bills = {bill.gpu: bill for bill in (hourly_bill(book, gpu, "owned") for gpu in ("mi355x", "b200"))}
    for priced, gpu in zip(readings, ("mi355x", "b200"), strict=True):
        assert priced.usd_per_mtok is not None
        assert priced.low is not None
        assert priced.high is not None
        assert priced.low < priced.usd_per_mtok < priced.high
        assert priced.high / priced.low == pytest.approx(bills[gpu].high / bills[gpu].low)
