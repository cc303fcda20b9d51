"""Owned books: the bundled ones are complete and sourced, and a bad one gets one clear line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferbench.catalog.gpu import GpuFacts
from inferbench.errors import FileError, UsageError
from inferbench.files.yaml_values import read_value
from inferbench.metrics.summary import Basis
from inferbench.pricing.cost_figures import ITEMS, Trust
from inferbench.pricing.hourly_bill import hourly_bill
from inferbench.pricing.price_books import all_in_kw, load_book, price_of
from inferbench.pricing.settings import CostSettings, parse_settings
from inferbench.token_cost.per_token import cost
from tests.support.factories import point_summary, price_book, sweep_point
from tests.support.owned_factories import PRICING, exact_but, line_of, owned, template

BOOKS = ("enterprise-owned-2026", "neocloud-owned-2026", "template-owned")
GPUS = read_value(PRICING.parent / "inferbench" / "catalog" / "gpus.yaml", GpuFacts).gpus


@pytest.mark.parametrize("name", BOOKS)
def test_a_bundled_book_prices_each_of_its_gpus(name: str) -> None:
    book = owned(name)
    assert (book.name, book.tiers) == (name, ("owned",))
    assert set(book.gpus) <= set(GPUS)
    for gpu in book.gpus:
        price, kw = price_of(book, gpu, "owned"), all_in_kw(book, gpu)
        assert price.low is not None
        assert price.high is not None
        assert 0 < price.low < price.value < price.high
        assert kw is not None
        assert kw > GPUS[gpu].tdp_w / 1000, "a server draws more than its GPUs"


@pytest.mark.parametrize("name", BOOKS)
def test_every_figure_has_a_source_and_every_assumption_a_range(name: str) -> None:
    book = owned(name)
    for line in book.lines:
        assert line.source
        assert line.as_of <= book.as_of
        if line.trust is Trust.ASSUMPTION:
            low, high = line.ends
            assert low < high


def test_the_hosts_of_all_gpus_are_charged_alike_where_nothing_is_public() -> None:
    """What an MI355X server draws beside its GPUs is taken from a DGX B200's, an MI300X server's from a DGX H200's."""
    figures = {gpu: owned("enterprise-owned-2026").figures(gpu)["kw_per_gpu"].value for gpu in GPUS if gpu in (
        "b200", "mi355x", "h200", "mi300x",
    )}  # fmt: skip
    for amd, nvidia in (("mi355x", "b200"), ("mi300x", "h200")):
        beside = figures[nvidia] - GPUS[nvidia].tdp_w / 1000
        assert figures[amd] == pytest.approx(GPUS[amd].tdp_w / 1000 + beside, abs=0.005)


def test_a_gpu_the_book_does_not_have() -> None:
    with pytest.raises(FileError, match=r"template-owned, tier owned: unknown GPU 'b20'; .* did you mean 'b200'\?"):
        hourly_bill(owned(), "b20", "owned")


def test_a_mistyped_tier() -> None:
    with pytest.raises(FileError, match=r"template-owned: unknown tier 'ownd'; allowed: owned; did you mean 'owned'\?"):
        price_of(owned(), "b200", "ownd")


def test_a_line_of_one_gpu_takes_the_place_of_the_common_one() -> None:
    data = template()
    data["lines"].append({**line_of(data, "pue"), "gpu": "mi355x", "value": 1.45})
    values = {gpu: read_value_of(data).figures(gpu)["pue"].value for gpu in ("b200", "mi355x")}
    assert values == {"b200": 1.3, "mi355x": 1.45}


def read_value_of(data: dict[str, Any]) -> Any:
    return type(owned()).model_validate(data)


def _set(item: str, gpu: str | None = None, /, **change: object) -> Callable[[dict[str, Any]], object]:
    return lambda data: line_of(data, item, gpu).update(change)


def _drop(item: str, gpu: str | None = None) -> Callable[[dict[str, Any]], object]:
    return lambda data: data["lines"].remove(line_of(data, item, gpu))


BAD: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (_set("power_price", value=-0.1), "lines[11]: power_price: must be at least 0 (USD/kWh), not -0.1"),
    (_set("server_price", "b200", value=-1), "lines[0]: server_price of b200: must be above 0 (USD/server), not -1"),
    (_set("depreciation_years", value=0), "lines[4]: depreciation_years: must be above 0 (years), not 0"),
    (_set("pue", value=0.9), "lines[10]: pue: must be at least 1 (ratio), not 0.9"),
    (_set("utilisation", value=0), "lines[21]: utilisation: must be above 0 (share), not 0"),
    (_set("utilisation", high=1.2), "lines[21]: utilisation: must be at most 1 (share), not 1.2"),
    (_set("pue", value=float("nan")), "lines[10].value: input should be a finite number (given nan)"),
    (
        _set("power_price", unit="EUR/kWh"),
        "lines[11]: power_price: unit 'EUR/kWh' is not allowed; use 'USD/kWh'; one book holds one currency",
    ),
    (_set("load", unit="percent"), "lines[9]: load: unit 'percent' is not allowed; use 'share'"),
    (_set("pue", trust="offical"), "lines[10].trust: 'offical' is not allowed; use 'official', "),
    (_set("pue", item="peu"), "lines[10]: unknown item 'peu'; allowed: "),
    (_set("pue", low=None), "lines[10]: pue: give both low and high, or neither"),
    (_set("pue", low=1.35), "lines[10]: pue: value 1.3 is not within low 1.35 and high 1.5"),
    (_set("pue", low=None, high=None), "(top level): pue: an assumption needs a range, low and high"),
    (_set("server_price", "b200", gpu="b2000"), "(top level): server_price: GPU 'b2000' is not one of b200, mi355x"),
    (_set("server_price", "b200", gpu="mi355x"), "(top level): two lines for server_price of mi355x"),
    (_drop("server_price", "b200"), "(top level): no line 'server_price' for b200: a figure that is missing is not"),
    (_drop("load"), "(top level): no line 'load' for b200: a figure that is missing is not zero"),
    (lambda data: data.update(currency="EUR"), "currency: 'EUR' is not allowed; use 'USD'"),
    (lambda data: data.update(kind="ownd"), "kind: unknown kind of price book 'ownd'; allowed: all_in, owned; did"),
    (lambda data: data["switches"].update(licens=True), "switches.licens: unknown key; allowed: fabric, licence"),
    (lambda data: data.update(prices=[]), "prices: unknown key; allowed: format, kind, name"),
]


@pytest.mark.parametrize(("bend", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_a_bad_owned_book_gets_one_line(tmp_path: Path, bend: Callable[[dict[str, Any]], object], message: str) -> None:
    data = template()
    bend(data)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(FileError) as caught:
        load_book(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["server_price", "pue", "lines", "switches"])
def test_a_line_of_a_build_up_on_an_all_in_book_is_an_error(tmp_path: Path, key: str) -> None:
    data = yaml.safe_load((PRICING / "inferencex-2026-09.yaml").read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**data, key: 1}))
    with pytest.raises(FileError, match=f"all-in: {key} on one would count it twice; remove it, or use kind: owned"):
        load_book(path)


def test_setting_a_line_of_a_build_up_on_an_all_in_book_is_an_error() -> None:
    book = load_book(PRICING / "inferencex-2026-09.yaml")
    for pairs in ({"power_price": "0.1"}, {"licence": "on"}):
        with pytest.raises(UsageError, match=r"inferencex-2026-09: tiers are all-in, so \w+ is already inside"):
            hourly_bill(book, "b200", "hyperscaler", parse_settings(pairs))


def test_utilisation_is_applied_once_to_an_all_in_price() -> None:
    book = load_book(PRICING / "inferencex-2026-09.yaml")
    bill = hourly_bill(book, "b200", "hyperscaler", CostSettings({"utilisation": 0.6, "availability": 0.9}))
    assert bill.usd_per_gpu_hour == pytest.approx(1.73 / 0.54)
    assert bill.provisioned_usd_per_gpu_hour == 1.73
    assert sum(line.usd_per_hour for line in bill.lines) == pytest.approx(bill.usd_per_gpu_hour)


def test_a_points_bill_under_an_owned_book_is_a_gpus_bill_for_all_its_gpus() -> None:
    summary = point_summary(sweep_point(prefill_gpus=4, decode_gpus=8), tput_per_gpu=900.0)
    one = hourly_bill(owned(), "b200", "owned")
    found = cost(summary, owned(), "owned", "b200", Basis.WHOLE_RUN)
    assert found.usd_per_hour == pytest.approx(12 * one.usd_per_gpu_hour)
    assert [line.usd_per_hour for line in found.lines] == pytest.approx([12 * ln.usd_per_hour for ln in one.lines])
    assert sum(line.usd_per_hour for line in found.lines) == pytest.approx(found.usd_per_hour)
    assert (found.usd_per_gpu_hour_low, found.usd_per_gpu_hour_high) == (one.low, one.high)
    assert found.joules_per_token_provisioned == pytest.approx(1.8 * 1.3 * 1000 / 900)


def test_lines_say_what_in_them_is_assumed() -> None:
    lines = {line.item: line for line in hourly_bill(owned("enterprise-owned-2026"), "b200", "owned").lines}
    assert lines["space"].trust is Trust.REPORTED
    assert lines["space"].assumed == ()
    assert lines["server capital"].trust is Trust.ASSUMPTION
    assert set(lines["server capital"].assumed) == {"capital_rate", "residual_share"}


def test_settings_name_the_nearest_key() -> None:
    with pytest.raises(UsageError, match=r"unknown key to set 'utilization'; .* did you mean 'utilisation'\?"):
        parse_settings({"utilization": "0.6"})


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("utilisation", "0", r"utilisation: must be above 0 \(share\), not 0"),
        ("utilisation", "1.1", r"utilisation: must be at most 1 \(share\), not 1.1"),
        ("availability", "0", r"availability: must be above 0 \(share\), not 0"),
        ("pue", "0.99", r"pue: must be at least 1 \(ratio\), not 0.99"),
        ("depreciation_years", "0", r"depreciation_years: must be above 0 \(years\), not 0"),
        ("power_price", "-0.01", r"power_price: must be at least 0 \(USD/kWh\), not -0.01"),
        ("power_price", "inf", "power_price: must be a finite number, not inf"),
        ("power_price", "nan", "power_price: must be a finite number, not nan"),
        ("power_price", "cheap", r"power_price: 'cheap' is not a number \(USD/kWh\)"),
        ("licence", "yes", "licence: unknown setting 'yes'; allowed: off, on"),
    ],
)
def test_a_bad_setting_gets_one_line(key: str, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_settings({key: text})


def test_every_item_can_be_set() -> None:
    figures = owned().figures("b200")
    settings = parse_settings({item: str(figures[item].value) for item in ITEMS})
    book = hourly_bill(owned(), "b200", "owned")
    bill = hourly_bill(owned(), "b200", "owned", settings)
    assert bill.usd_per_gpu_hour == book.usd_per_gpu_hour == bill.low == bill.high
    assert {figure.source for figure in bill.figures} == {"set by the user"}


def test_a_lines_range_is_that_of_its_own_figures() -> None:
    bill = hourly_bill(owned(), "b200", "owned", exact_but(owned(), "b200", "server_price"))
    lines = {line.item: (line.low, line.usd_per_hour, line.high) for line in bill.lines}
    low, at, high = lines["server capital"]
    assert (low, high) == (pytest.approx(0.9 * at), pytest.approx(1.1 * at))
    low, at, high = lines["down and idle time"]
    assert low == at == high, "what idle time costs moves with all lines; its own range is that of its own figures"


def test_an_interval_that_an_all_in_book_gives_is_kept() -> None:
    book = price_book({"b200": 2.0})
    ranged = book.model_copy(update={"prices": (book.prices[0].model_copy(update={"low": 1.8, "high": 2.4}),)})
    bill = hourly_bill(ranged, "b200", "rented", CostSettings({"utilisation": 0.5}))
    assert (bill.low, bill.usd_per_gpu_hour, bill.high) == (3.6, 4.0, 4.8)
    assert (bill.provisioned_low, bill.provisioned_high) == (1.8, 2.4)
