"""What an engine's flags say about how unlike production it runs."""

from __future__ import annotations

import pytest

from inferbench.scenario import caveats
from inferbench.scenario.caveats import caveats_of
from inferbench.scenario.launch_caveats import caveats_of_command


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
    assert [caveat.name for caveat in caveats_of(flags)] == names


def test_an_interval_says_how_many_tokens_come_at_once() -> None:
    assert "100 at a time" in caveats.stream_interval(100).text


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("", []),
        ("python -m sglang.launch_server --model-path M --stream-interval 1 --tp 8", []),
        (
            "SGLANG_MORI_MOE_MAX_INPUT_TOKENS=2703 MODE=a=b python -m sglang.launch_server --disable-radix-cache "
            "--ep-dispatch-algorithm fake --stream-interval=100",
            ["fake expert dispatch", "prefix cache off", "stream interval 100", "capped MoE rows"],
        ),
        ("vllm serve M --no-enable-prefix-caching", ["prefix cache off"]),
        ("serve 'not closed --ep-dispatch-algorithm fake", []),
    ],
)
def test_marks_of_a_command(command: str, names: list[str]) -> None:
    assert [caveat.name for caveat in caveats_of_command(command)] == names
