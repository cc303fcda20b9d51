"""The names that InferenceX gives to hardware, frameworks and speculation, and their normal forms."""

from __future__ import annotations

import re

_GPU = re.compile(r"(rtx6000pro|gb200|gb300|h100|h200|b200|b300|mi300x|mi325x|mi355x)(?=$|[-_.])", re.IGNORECASE)
FRAMEWORKS = {"sglang-disagg": "mori-sglang", "trtllm": "trt", "dynamo-trtllm": "dynamo-trt"}
"""As its dashboard renames them."""


def gpu(text: str) -> str:
    """The GPU in a runner's name: `mi355x-disagg` is an mi355x. Raises ValueError for a name without one."""
    found = _GPU.match(text)
    if not found:
        raise ValueError(f"hardware {text!r} is no GPU that is known here")
    return found[1].lower()


def framework(text: str) -> str:
    """A framework's normal name."""
    return FRAMEWORKS.get(text.lower(), text.lower())


def speculation(value: object) -> str:
    """`none`, or the kind of speculation; rows before December 2025 say `on` for MTP."""
    low = str(value or "none").lower()
    return {"off": "none", "false": "none", "on": "mtp", "true": "mtp"}.get(low, low)
