"""Turning parts of a stack on and off: what each is worth at the condition that somebody published a figure for.

By the twin's steady state, which is the same pass times as the simulation without its events: differences of a
fraction of a percent are then differences of the stack, and not of the requests drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.errors import UsageError
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.simulator.ablation.ablation import Ablation, Measure, Off, PublishedFigure, Weighing, without
from inferbench.simulator.ablation.result import (
    AblationResult,
    BytesAndTime,
    ExchangeAnswer,
    FigureAnswer,
    Modelled,
    PartEffect,
    State,
    WeighingAnswer,
)
from inferbench.simulator.engine.build import cluster_of
from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.parameters.parameters import AllToAllParameters, load_parameters
from inferbench.simulator.parameters.stack_options import switched
from inferbench.simulator.steady_state.closed_loop import ClosedLoad, SteadyState
from inferbench.simulator.steady_state.disaggregated import steady_state
from inferbench.simulator.steady_state.topology_search import moments
from inferbench.simulator.timing.all_to_all import Formats, published_seconds

USUAL = Formats("fp8", "bf16")
"""What SGLang sends for an FP8 model."""
PLAIN = Formats("bf16", "bf16")


def ablate(spec: Ablation, model: ModelSpec, gpus: Mapping[str, Gpu]) -> AblationResult:
    """Answer every figure and weighing of an ablation.

    Raises UsageError where the twin has no constants for a deployment, or no published cost for what is off.
    """
    bench = _Bench(spec, model, gpus)
    return AblationResult(
        name=spec.name,
        title=spec.title,
        as_of=spec.as_of.isoformat(),
        figures=tuple(FigureAnswer(figure=figure, modelled=bench.figure(figure)) for figure in spec.figures),
        weighings=tuple(answer for weighing in spec.weighings for answer in bench.weigh(weighing)),
        exchange=bench.exchange(),
    )


class _Bench:
    """The twin with parts on and off."""

    def __init__(self, spec: Ablation, model: ModelSpec, gpus: Mapping[str, Gpu]) -> None:
        self._spec, self._model, self._gpus = spec, model, gpus

    def figure(self, figure: PublishedFigure) -> tuple[Modelled, ...]:
        deployment, topology = self._place(figure)
        off = _off(deployment, self._spec.off_of(figure))
        if figure.measure in _OF_A_LOOP:
            value, loads = _OF_A_LOOP[figure.measure], topology.concurrency
            return tuple(
                Modelled(load=load, ratio=_ratio(value, *(self._state(d, figure, load) for d in (deployment, off))))
                for load in loads
            )
        value_of = {
            Measure.PREFILL: self._prefill_tokens_s,
            Measure.EXPERTS: self._expert_factor,
            Measure.COMBINE: self._combine,
            Measure.EXCHANGE: self._exchange_seconds,
            Measure.BYTES: self._bytes,
        }[figure.measure]
        return tuple(
            Modelled(
                load=tokens,
                ratio=value_of(off, figure, tokens) / value_of(deployment, figure, tokens)
                if figure.measure.of_a_kernel
                else value_of(deployment, figure, tokens) / value_of(off, figure, tokens),
            )
            for tokens in figure.tokens_per_rank
        )

    def weigh(self, weighing: Weighing) -> tuple[WeighingAnswer, ...]:
        deployment, topology = self._place(weighing)
        return tuple(self._weighed(weighing, deployment, topology, load) for load in topology.concurrency)

    def _weighed(self, at: Weighing, whole: Deployment, topology: Topology, load: int) -> WeighingAnswer:
        parts = self._spec.parts

        def state(*off: Off) -> State:
            found = self._state(_off(whole, *off), at, load)
            tokens = moments(at.isl)[0] + moments(at.osl)[0]
            return State(
                tokens_s_gpu=float(found.requests_s) * tokens / topology.total_gpus, tpot_ms=float(found.tpot_s) * 1e3
            )

        everything, nothing = state(), state(*(part.without for part in parts))
        effects = []
        for number, part in enumerate(parts):
            alone = state(*(other.without for other in parts if other is not part))
            missing = state(part.without)
            effects.append(
                PartEffect(
                    part=part,
                    alone=alone.tokens_s_gpu / nothing.tokens_s_gpu,
                    alone_tpot=alone.tpot_ms / nothing.tpot_ms,
                    in_turn=state(*(other.without for other in parts[number + 1 :])),
                    missing=everything.tokens_s_gpu / missing.tokens_s_gpu,
                    missing_tpot=everything.tpot_ms / missing.tpot_ms,
                )
            )
        return WeighingAnswer(weighing=at, concurrency=load, none=nothing, effects=tuple(effects))

    def exchange(self) -> ExchangeAnswer:
        deployment = self._spec.deployment(self._spec.exchange_deployment)
        library, hidden = _library(deployment), self._model.hidden
        own = Formats(deployment.stack.dispatch, deployment.stack.combine)

        def seconds(formats: Formats, tokens: int) -> float:
            return float(published_seconds(library, formats, tokens))

        return ExchangeAnswer(
            bytes_over_bf16=PLAIN.round_trip_bytes(hidden) / own.round_trip_bytes(hidden),
            bytes_over_fp8=USUAL.round_trip_bytes(hidden) / own.round_trip_bytes(hidden),
            rows=tuple(
                BytesAndTime(
                    tokens=tokens,
                    microseconds=seconds(own, tokens) * 1e6,
                    time_over_bf16=seconds(PLAIN, tokens) / seconds(own, tokens),
                    time_over_fp8=seconds(USUAL, tokens) / seconds(own, tokens),
                )
                for tokens in self._spec.exchange_tokens
            ),
        )

    def _place(self, at: PublishedFigure | Weighing) -> tuple[Deployment, Topology]:
        deployment = self._spec.deployment(at.deployment)
        return deployment, deployment.topology(at.topology)

    def _cluster(self, deployment: Deployment, at: PublishedFigure | Weighing) -> Cluster:
        return cluster_of(self._model, self._gpus[deployment.gpu], deployment, deployment.topology(at.topology))

    def _state(self, deployment: Deployment, at: PublishedFigure | Weighing, concurrency: int) -> SteadyState:
        isl, squared = moments(at.isl)
        return steady_state(self._cluster(deployment, at), ClosedLoad(concurrency, isl, squared, moments(at.osl)[0]))

    def _prefill_tokens_s(self, deployment: Deployment, figure: PublishedFigure, tokens: int) -> float:
        """All ranks full with `tokens` each, in prompts of the figure's mean length."""
        isl, squared = moments(figure.isl)
        own = tokens * squared / isl
        cluster = self._cluster(deployment, figure)
        ranks = cluster.prefill_ranks
        seconds = cluster.prefill.seconds(tokens * ranks, own * ranks, tokens * ranks / isl, tokens, own)
        return tokens * ranks / float(seconds)

    def _expert_factor(self, deployment: Deployment, figure: PublishedFigure, _: int) -> float:
        drafts = deployment.topology(figure.topology).mtp
        return switched(load_parameters().switches, deployment, drafts).expert_factor

    def _combine(self, deployment: Deployment, _: PublishedFigure, tokens: int) -> float:
        time = _library(deployment).combine[deployment.stack.combine]
        return time.t0_us + time.us_per_token * tokens

    def _exchange_seconds(self, deployment: Deployment, _: PublishedFigure, tokens: int) -> float:
        return float(published_seconds(_library(deployment), _formats(deployment), tokens))

    def _bytes(self, deployment: Deployment, _: PublishedFigure, __: int) -> float:
        return _formats(deployment).round_trip_bytes(self._model.hidden)


_OF_A_LOOP: dict[Measure, Callable[[SteadyState], float]] = {
    Measure.REQUESTS: lambda state: float(state.requests_s),
    Measure.OUTPUT: lambda state: float(state.requests_s),
    Measure.TPOT: lambda state: float(state.tpot_s),
}
"""Outputs are of the same length with and without a part, so that their rates are those of requests."""


def _ratio(value: Callable[[SteadyState], float], on: SteadyState, off: SteadyState) -> float:
    return value(on) / value(off)


def _off(deployment: Deployment, *off: Off) -> Deployment:
    return deployment.model_copy(update={"stack": without(deployment.stack, *off)})


def _formats(deployment: Deployment) -> Formats:
    return Formats(deployment.stack.dispatch, deployment.stack.combine)


def _library(deployment: Deployment) -> AllToAllParameters:
    name = deployment.stack.all_to_all
    known = load_parameters().all_to_all
    if name not in known:
        raise UsageError(f"ablate: {name} has no published times; use {', '.join(known)}")
    return known[name]
