import pytest

from inferbench.scenario.deployment import WorkerGroup
from inferbench.simulator.parameters.parameters import load_parameters
from inferbench.simulator.timing.kv_transfer import copies_per_nic, kv_bytes_per_token, kv_transfer, links_of
from tests.support.twin_factories import GPUS, MODEL, topology

BACKENDS = load_parameters().kv_transfer
TP8 = WorkerGroup(workers=1, gpus=8, tp=8)
TP4 = WorkerGroup(workers=1, gpus=4, tp=4)
DEP8 = WorkerGroup(workers=1, gpus=8, tp=8, ep=8, dp_attention=True)


def test_cache_of_a_token() -> None:
    assert kv_bytes_per_token(MODEL, 1, mtp=0) == 61 * 576
    assert kv_bytes_per_token(MODEL, 1, mtp=3) == 62 * 576
    assert kv_bytes_per_token(MODEL, 2, mtp=0) == 70_272


@pytest.mark.parametrize(
    ("prefill", "decode", "copies"),
    [(TP8, TP8, 1), (TP4, TP8, 2), (DEP8, TP8, 8), (DEP8, DEP8, 1), (TP8, DEP8, 1)],
)
def test_copies_on_the_busiest_nic(prefill: WorkerGroup, decode: WorkerGroup, copies: int) -> None:
    assert copies_per_nic(prefill, decode) == copies


def test_links_are_nics_that_send_apart() -> None:
    assert links_of(TP8) == 1
    assert links_of(DEP8) == 8


def test_a_prompt_of_8k_takes_6_ms_on_the_wire() -> None:
    transfer = kv_transfer(BACKENDS["mori-io"], GPUS["mi355x"], MODEL, 35_136, TP8, TP8)
    assert transfer.seconds(8192) - transfer.seconds(0) == pytest.approx(8192 * 35_136 / 47.75e9)
    assert transfer.seconds(8192) - transfer.seconds(0) == pytest.approx(0.006, abs=1e-4)
    assert transfer.seconds(0) == pytest.approx(0.002 + 61 * 36e-6)


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_faster_nic_is_never_slower(backend: str) -> None:
    top = topology()
    slow, fast = (
        kv_transfer(BACKENDS[backend], gpu, MODEL, 35_136, top.prefill, top.decode)
        for gpu in (GPUS["b200"], GPUS["b200"].model_copy(update={"nic_gb_s": 100}))
    )
    assert fast.seconds(8192) < slow.seconds(8192)
