import itertools

import pytest

from inferbench.errors import UsageError
from inferbench.simulator.parameters.parameters import load_parameters
from inferbench.simulator.timing.all_to_all import (
    BF16,
    FP8,
    FP8_DIRECT,
    MXFP4,
    Formats,
    expected_destinations,
    format_change_seconds,
    published_seconds,
    wire_seconds,
)
from tests.support.twin_factories import MODEL

FITTED = Formats("fp4", "fp8-blockwise")
MORI = load_parameters().all_to_all["mori-ep"]


def test_quantised_formats_move_2_56_times_fewer_bytes() -> None:
    plain = Formats("bf16", "bf16").round_trip_bytes(7168)
    quantised = FITTED.round_trip_bytes(7168)
    assert plain == 28_672
    assert quantised == 11_200
    assert plain / quantised == 2.56


def test_scales_are_counted() -> None:
    assert BF16.bytes_per_token(7168) == 14_336
    assert FP8.bytes_per_token(7168) == 7168 + 56 * 4
    assert MXFP4.bytes_per_token(7168) == 3584 + 224
    assert FP8_DIRECT.bytes_per_token(7168) == 7168


@pytest.mark.parametrize(
    ("dispatch", "combine", "gain"),
    [("fp8", "bf16", 1.32), ("fp8", "fp8-blockwise", 1.94), ("fp4", "bf16", 1.58), ("fp4", "fp8-direct", 2.61)],
)
def test_gain_of_other_formats(dispatch: str, combine: str, gain: float) -> None:
    assert 28_672 / Formats(dispatch, combine).round_trip_bytes(7168) == pytest.approx(gain, abs=0.005)


@pytest.mark.parametrize(("ranks", "experts"), [(2, 2), (3, 4), (4, 3)])
def test_expected_destinations_by_enumeration(ranks: int, experts: int) -> None:
    draws = list(itertools.product(range(ranks), repeat=experts))
    counted = sum(len(set(draw)) for draw in draws) / len(draws)
    assert expected_destinations(ranks, experts) == pytest.approx(counted)


def test_a_token_reaches_5_of_8_ranks_and_all_of_one() -> None:
    assert expected_destinations(8, 8) == pytest.approx(5.251, abs=5e-4)
    assert expected_destinations(1, 8) == 1


def test_wire_time_is_bytes_over_bandwidth() -> None:
    seconds = wire_seconds(FITTED, MODEL.hidden, 1000, 8, 8, 500)
    assert seconds == pytest.approx(1000 * 5.2511 * 7 / 8 * 11_200 / 500e9, rel=1e-4)


def test_published_times_at_a_measured_size() -> None:
    fp4_fp8 = published_seconds(MORI, Formats("fp4", "fp8-direct"), 4096)
    assert fp4_fp8 == pytest.approx((335.1 + 485.7) * 1e-6, rel=0.03)


def test_only_a_change_of_format_changes_the_fitted_time() -> None:
    assert format_change_seconds(MORI, FITTED, FITTED, 512) == 0
    bf16 = format_change_seconds(MORI, Formats("fp4", "bf16"), FITTED, 4096)
    expected = (18.1 + 0.2076 * 4096) - (20.7 + 0.1829 * 4096)
    assert bf16 == pytest.approx(expected * 1e-6)


def test_formats_without_a_published_time_are_refused() -> None:
    with pytest.raises(UsageError, match="use fp4 with fp8-blockwise"):
        format_change_seconds(None, Formats("bf16", "bf16"), FITTED, 1)
    with pytest.raises(UsageError, match="did you mean 'fp8'"):
        published_seconds(MORI, Formats("fp88", "bf16"), 1)
