"""What an engine's flags say about how unlike production it runs."""

from __future__ import annotations

import pytest

from inferbench.domain import marks
from inferbench.domain.marks import marks_of


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ({}, []),
        ({"disable_radix_cache": "false", "stream_interval": "1", "ep_dispatch_algorithm": "static"}, []),
        ({"disable_radix_cache": "true"}, ["prefix cache off"]),
        ({"enable_prefix_caching": "False"}, ["prefix cache off"]),
        ({"enable_prefix_caching": "False", "disable_radix_cache": "true"}, ["prefix cache off"]),
        ({"ep_dispatch_algorithm": "fake", "stream_interval": "100"}, ["fake expert dispatch", "stream interval 100"]),
        ({"load_format": "dummy"}, ["dummy weights"]),
        ({"speculative_accept_threshold_single": "0.8"}, ["lossy acceptance"]),
        ({"speculative_accept_threshold_single": "1.0", "speculative_accept_threshold_acc": "1.0"}, []),
        ({"stream_interval": "many", "speculative_accept_threshold_single": "null"}, []),
    ],
)
def test_marks_of_flags(flags: dict[str, str], names: list[str]) -> None:
    assert [mark.name for mark in marks_of(flags)] == names


def test_an_interval_says_how_many_tokens_come_at_once() -> None:
    assert "100 at a time" in marks.stream_interval(100).text
