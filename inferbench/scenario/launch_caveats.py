"""What makes a deployment, as a scenario describes its launch, unlike production."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise

from inferbench.scenario.caveats import (
    CAPPED_MOE_ROWS,
    FAKE_DISPATCH,
    RADIX_CACHE_OFF,
    SYNTHETIC_ACCEPTANCE,
    Caveat,
    caveats_of,
    stream_interval,
)
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.scenario.launch import FlagValue, Launch

_ENVIRONMENT = {
    "SGLANG_MORI_MOE_MAX_INPUT_TOKENS": CAPPED_MOE_ROWS,
    "SGLANG_RADIX_FORCE_MISS": RADIX_CACHE_OFF,
    "SGLANG_SIMULATE_ACC_LEN": SYNTHETIC_ACCEPTANCE,
    "TLLM_SPEC_DECODE_FORCE_NUM_ACCEPTED_TOKENS": SYNTHETIC_ACCEPTANCE,
}
"""Variables that an engine reads, and what setting them to anything but 0 means."""
NEGATED = "--no-"
_FLAG = re.compile(r"--?[A-Za-z]")
"""How a flag begins; -1 is a value."""


def caveats_of_deployment(deployment: Deployment, topology: Topology | None = None) -> tuple[Caveat, ...]:
    """Return the caveats of one topology of a deployment, or of all together."""
    topologies = (topology,) if topology is not None else deployment.topologies
    launch = deployment.launch or Launch()
    return tuple(dict.fromkeys((*_switches(deployment, launch, topologies), *_given(launch))))


def _switches(deployment: Deployment, launch: Launch, topologies: tuple[Topology, ...]) -> Iterator[Caveat]:
    """Random routing and capped rows touch only workers that spread experts over GPUs."""
    spread = any(group.ep > 1 for topology in topologies for group in topology.groups)
    if launch.random_routing and spread:
        yield FAKE_DISPATCH
    if not launch.prefix_cache:
        yield RADIX_CACHE_OFF
    capped = launch.moe_rows.prefill is not None or launch.moe_rows.decode is not None
    if capped and spread and deployment.stack.all_to_all == "mori-ep":
        yield CAPPED_MOE_ROWS
    held = max(topology.stream_interval for topology in topologies)
    if held > 1:
        yield stream_interval(held)


def _given(launch: Launch) -> Iterator[Caveat]:
    """Flags and variables that the person gave by themselves."""
    for flags in (launch.flags.prefill, launch.flags.decode):
        yield from caveats_of(flag_texts(flags))
    for environment in (launch.environment.prefill, launch.environment.decode):
        yield from caveats_of_environment(environment)


def caveats_of_environment(environment: Mapping[str, str]) -> Iterator[Caveat]:
    """The caveats that variables ask for."""
    yield from (caveat for name, caveat in _ENVIRONMENT.items() if environment.get(name, "0") not in ("", "0"))


def caveats_of_command(command: str) -> tuple[Caveat, ...]:
    """The caveats that a launch command asks for, by its flags and by the variables that stand before it."""
    flags, environment = flags_of_command(command)
    return tuple(dict.fromkeys((*caveats_of(flags), *caveats_of_environment(environment))))


def flags_of_command(command: str) -> tuple[dict[str, str], dict[str, str]]:
    """The flags of a launch command as an engine tells of them, and the variables that stand before it."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quote is not closed: nobody knows where words end
        return {}, {}
    environment = dict(word.split("=", 1) for word in words if "=" in word and not word.startswith("-"))
    flags: dict[str, FlagValue] = {}
    for word, following in pairwise([*words, "--"]):
        if _FLAG.match(word):
            name, separator, value = f"--{word.lstrip('-')}".partition("=")
            flags[name] = value if separator else True if _FLAG.match(following) or following == "--" else following
    return flag_texts(flags), environment


def flag_texts(flags: Mapping[str, FlagValue]) -> dict[str, str]:
    """Flags of a command as an engine tells of them: names with underscores, switches as true or false."""
    texts = {}
    for flag, value in flags.items():
        negated = flag.startswith(NEGATED)
        name = flag.removeprefix(NEGATED).removeprefix("--").replace("-", "_")
        texts[name] = str(not value if negated and isinstance(value, bool) else value).lower()
    return texts
