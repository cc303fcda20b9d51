"""The policy of a regression gate: which effects matter, and what an undecided answer means for a build."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from inferbench.files.number_limits import usable
from inferbench.metrics import catalog, families
from inferbench.metrics.summary import Basis
from inferbench.values import DescribedValue


class RegressionMetric(StrEnum):
    """The tested family. It is small, since every member costs all others power; cost follows from the first."""

    OUTPUT_TPUT_PER_GPU = catalog.OUTPUT_TPUT_PER_GPU.name
    TPOT_P50 = families.TPOT_P50.name
    TTFT_P99 = families.TTFT_P99.name


Share = Annotated[float, Field(gt=0, lt=0.5), AfterValidator(usable)]


class Effects(DescribedValue):
    """Relative changes that matter: 0.025 is 2.5 %. Smaller ones neither fail a build nor count as a gain."""

    output_tput_per_gpu: Share = 0.025
    tpot_p50: Share = 0.025
    ttft_p99: Share = 0.10


class RegressionPolicy(DescribedValue):
    """A policy file. Every key has a default, and a gate without a file uses those."""

    format: Literal[1] = 1
    undecided: Literal["pass", "fail"] = "pass"
    """Whether a build fails where a loss beyond the effect can be neither shown nor ruled out."""
    effects: Effects = Effects()
    alpha: Share = 0.025
    """Chance per scenario that two equal versions are called REGRESSED, over the whole family."""
    basis: Basis = Basis.WHOLE_RUN
    points: tuple[str, ...] = Field(default=("*",), min_length=1)
    """Sweep points that count, as shell patterns over their keys."""
    max_error_share: float = Field(default=0.01, ge=0, lt=1)
    """Above this share of failed requests a run is INVALID: the figures are those of the requests that succeeded."""
    allow_different: tuple[str, ...] = ()
    """Manifest keys that may differ, because the difference is the question."""
