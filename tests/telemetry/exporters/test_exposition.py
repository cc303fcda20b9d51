"""Metrics pages, good and bad."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from inferbench.errors import EndpointError
from inferbench.telemetry.exporters.exposition import read_exposition

URL = "http://127.0.0.1:8000/metrics"


def test_what_prometheus_own_client_writes_is_read_back() -> None:
    registry = CollectorRegistry()
    Gauge("running", "Running.", ["model"], registry=registry).labels('a "quoted"\\ name\n').set(3)
    Counter("tokens", "Tokens.", registry=registry).inc(1e9)
    latency = Histogram("latency_seconds", "Latency.", registry=registry)
    for value in (0.25, 0.5):
        latency.observe(value)
    samples = {s.name: s for s in read_exposition(generate_latest(registry).decode(), URL)}
    assert samples["running"].value == 3
    assert samples["running"].labels == {"model": 'a "quoted"\\ name\n'}
    assert samples["tokens_total"].value == 1e9
    assert samples["latency_seconds_sum"].value == 0.75
    assert samples["latency_seconds_count"].value == 2
    assert "latency_seconds_bucket" not in samples


def test_a_counter_keeps_the_name_that_the_page_gives_it() -> None:
    page = "# TYPE energy counter\nenergy 7\n# TYPE tokens_total counter\ntokens_total 8\n"
    assert [(s.name, s.value) for s in read_exposition(page, URL)] == [("energy", 7), ("tokens_total", 8)]


def test_values_that_are_no_numbers_are_left_out() -> None:
    assert [s.name for s in read_exposition("a NaN\nb +Inf\nc 1\n", URL)] == ["c"]


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ("", "nothing"),
        (" \n\n", "nothing"),
        ("<!DOCTYPE html><html><body>Not here</body></html>", "HTML"),
        ('[{"iter": 1, "gpuMemUsage": 2}]', "JSON"),
        ('{"error": {"code": 404}}', "JSON"),
        ("404 page not found", "text that begins with '404 page not found'"),
        ("# HELP a b\n# TYPE a counter\n", "no sample"),
        ("a NaN\n", "no sample"),
        ('a{b="c 1\n', "text that begins with"),
        ("\x00\x01\x02", "text that begins with"),
    ],
)
def test_what_is_no_metrics_page_gives_one_line_with_the_url_and_what_came(page: str, what: str) -> None:
    with pytest.raises(EndpointError) as raised:
        read_exposition(page, URL)
    message = str(raised.value)
    assert message.startswith(f"{URL} is no Prometheus metrics page: it holds {what}")
    assert "\n" not in message
