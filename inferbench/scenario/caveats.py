"""What makes a benchmark unlike production: one list, whether a launch plan asks for it or an engine tells of it."""

from __future__ import annotations

from collections.abc import Mapping

from inferbench.values import Value


class Caveat(Value):
    """A setting that nobody would serve people with, or that hides what they would see."""

    name: str
    text: str
    """What it does to the figures, as half a sentence."""


FAKE_DISPATCH = Caveat(
    name="fake expert dispatch",
    text="tokens go to experts drawn at random and balanced perfectly: another model than the one that answers people",
)
RADIX_CACHE_OFF = Caveat(
    name="prefix cache off", text="every prompt is computed whole, also where people's prompts share a beginning"
)
CAPPED_MOE_ROWS = Caveat(
    name="capped MoE rows", text="rows beyond the cap never reach their experts: the answers are not the model's"
)
SYNTHETIC_ACCEPTANCE = Caveat(
    name="synthetic acceptance", text="drafted tokens are accepted at a rate that was set, and not by what they say"
)
LOSSY_ACCEPTANCE = Caveat(
    name="lossy acceptance", text="drafted tokens are accepted that the model itself would not have written"
)
DUMMY_WEIGHTS = Caveat(name="dummy weights", text="the weights are random: the answers mean nothing")


def stream_interval(tokens: int) -> Caveat:
    """The caveat of a server that gathers `tokens` tokens before it sends them."""
    return Caveat(
        name=f"stream interval {tokens}",
        text=f"tokens are sent {tokens} at a time: people would see text come in bursts, and ITL is not a token's",
    )


def caveats_of(flags: Mapping[str, str]) -> tuple[Caveat, ...]:
    """The caveats that an engine's own launch flags ask for, under the names that SGLang and vLLM give them."""
    found = [caveat for name, value, caveat in _FLAGS if flags.get(name, "").lower() == value]
    if _number(flags.get("stream_interval")) > 1:
        found.append(stream_interval(int(_number(flags.get("stream_interval")))))
    if any(0 < _number(flags.get(name)) < 1 for name in _THRESHOLDS):
        found.append(LOSSY_ACCEPTANCE)
    return tuple(dict.fromkeys(found))


_FLAGS = (
    ("ep_dispatch_algorithm", "fake", FAKE_DISPATCH),
    ("disable_radix_cache", "true", RADIX_CACHE_OFF),
    ("enable_prefix_caching", "false", RADIX_CACHE_OFF),
    ("load_format", "dummy", DUMMY_WEIGHTS),
)
_THRESHOLDS = ("speculative_accept_threshold_single", "speculative_accept_threshold_acc")


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
