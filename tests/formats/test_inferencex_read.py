"""InferenceX's formats, from rows made by their schema; and the real rows, where they are present."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inferbench.errors import FileError
from inferbench.evidence.measured_point import RoleWorkers
from inferbench.formats.inferencex import names
from inferbench.formats.inferencex.published_summary import summary_of
from inferbench.formats.inferencex.reader import read_inferencex
from inferbench.formats.inferencex.row import point_of
from tests.support.measured_data import measured

AGGREGATED: dict[str, Any] = {
    "hw": "b200-trt", "conc": 32, "image": "i:1", "model": "deepseek-r1-0528", "infmax_model_prefix": "dsr1",
    "framework": "trtllm", "precision": "fp8", "spec_decoding": "none", "disagg": False, "isl": 1024, "osl": 1024,
    "is_multinode": False, "tp": 8, "pp": 1, "pcp_size": 1, "ep": 8, "dp_attention": "true",
    "tput_per_gpu": 900.0, "output_tput_per_gpu": 450.0, "input_tput_per_gpu": 450.0,
    "mean_ttft": 0.3, "median_ttft": 0.2, "p99_ttft": 0.9, "p99.9_ttft": 1.1, "std_ttft": 0.1,
    "mean_tpot": 0.021, "median_tpot": 0.020, "p99_tpot": 0.030, "median_e2el": 19.0, "median_intvty": 50.0,
}  # fmt: skip
DISAGGREGATED = AGGREGATED | {
    "hw": "mi355x-disagg", "framework": "sglang-disagg", "spec_decoding": "mtp", "disagg": True, "is_multinode": True,
    "prefill_tp": 4, "prefill_ep": 1, "prefill_dp_attention": "false", "prefill_num_workers": 1, "num_prefill_gpu": 4,
    "decode_tp": 8, "decode_ep": 1, "decode_dp_attention": "false", "decode_num_workers": 2, "num_decode_gpu": 16,
    "tput_per_gpu": 320.0, "input_tput_per_gpu": 800.0, "output_tput_per_gpu": 200.0,
}  # fmt: skip


def save(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_an_aggregated_row_has_the_gpus_of_its_topology() -> None:
    point = point_of(AGGREGATED)
    assert (point.gpu, point.framework, point.gpus) == ("b200", "trt", 8)
    assert point.decode == RoleWorkers(workers=1, gpus=8, tp=8, ep=8, dp_attention=True)
    assert point.prefill is None
    assert point.ttft_ms is not None
    assert (point.ttft_ms.p50, point.ttft_ms.p99, point.ttft_ms.p999) == (200, 900, 1100)
    assert point.interactivity == 50
    assert point.stated_gpus is None


def test_tp_times_ep_is_kept_beside_what_the_topology_says() -> None:
    api = {k: v for k, v in AGGREGATED.items() if k not in ("hw", "tp", "ep", "dp_attention", "spec_decoding")} | {
        "hardware": "b200", "spec_method": "none", "decode_tp": 8, "decode_ep": 8, "decode_dp_attention": True,
        "decode_num_workers": 0, "num_prefill_gpu": 64, "num_decode_gpu": 64, "date": "2026-09-03",
    }  # fmt: skip
    point = point_of(api)
    assert (point.gpus, point.stated_gpus) == (8, 64)
    assert point.date == datetime.date(2026, 9, 3)


@pytest.mark.parametrize(
    ("given", "normal"),
    [(None, "none"), (False, "none"), ("off", "none"), ("on", "mtp"), (True, "mtp"), ("MTP", "mtp")],
)
def test_speculation_has_one_name_each(given: object, normal: str) -> None:
    assert point_of(AGGREGATED | {"spec_decoding": given, "mtp": None}).speculation == normal


def test_a_disaggregated_row_has_two_roles() -> None:
    point = point_of(DISAGGREGATED)
    assert point.topology == "1xTP4 + 2xTP8"
    assert (point.gpu, point.framework, point.speculation, point.gpus) == ("mi355x", "mori-sglang", "mtp", 20)


def test_metrics_may_be_nested_and_interactivity_may_be_missing() -> None:
    figures = ("tput_per_gpu", "median_tpot")
    row = {k: v for k, v in AGGREGATED.items() if k not in (*figures, "median_intvty")}
    nested = point_of(row | {"metrics": {key: AGGREGATED[key] for key in figures}})
    assert nested.interactivity == pytest.approx(50)
    assert nested.tput_per_gpu == 900


def test_rows_of_before_2026_have_one_topology_for_both_roles() -> None:
    old = {k: v for k, v in AGGREGATED.items() if k != "spec_decoding"} | {
        "disagg": True, "tp": 36, "ep": 1, "dp_attention": "false", "mtp": "on", "num_prefill_gpu": 4,
        "num_decode_gpu": 32, "hw": "gb200", "framework": "dynamo-trtllm",
    }  # fmt: skip
    point = point_of(old)
    assert (point.gpus, point.speculation, point.framework) == (36, "mtp", "dynamo-trt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hw": "abacus"}, "abacus"),
        ({"tput_per_gpu": None}, "tput_per_gpu is missing"),
        ({"tput_per_gpu": "fast"}, "'fast' is not a number"),
        ({"tput_per_gpu": float("nan")}, "not finite"),
        ({"tput_per_gpu": 0}, "greater than 0"),
        ({"conc": 1.5}, "not a whole number"),
        ({"isl": None}, "isl is missing"),
        ({"date": "yesterday"}, "not a date"),
        ({"tp": None}, "tp is missing"),
        ({"model": None}, "model is missing"),
    ],
)
def test_a_bad_row_says_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        point_of(AGGREGATED | change)


def test_bad_rows_are_named_by_number_and_the_others_are_kept(tmp_path: Path) -> None:
    rows = [AGGREGATED, AGGREGATED | {"isl": "long"}, "no row", AGGREGATED | {"conc": 64}]
    imported = read_inferencex(save(tmp_path / "agg_bmk.json", rows))
    assert [point.concurrency for point in imported.points] == [32, 64]
    assert [note.split(" left out")[0] for note in imported.notes] == ["agg_bmk.json: row 2", "agg_bmk.json: row 3"]


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    save(tmp_path / "agg_a.json", AGGREGATED)
    save(tmp_path / "agg_b.json", {"rows": [{"conc": 8}, {"conc": 16}], "common": {**AGGREGATED, "conc": None}})
    (tmp_path / "notes.txt").write_text("not read")
    assert [point.concurrency for point in read_inferencex(tmp_path).points] == [32, 8, 16]


def test_a_clients_own_result_needs_to_be_told_the_deployment(tmp_path: Path) -> None:
    result = {
        "date": "20260527-101112", "backend": "vllm", "model_id": "m", "num_prompts": 80, "max_concurrency": 8,
        "duration": 100.0, "completed": 80, "total_input_tokens": 72_000, "total_output_tokens": 36_000,
        "output_throughput": 360.0, "total_token_throughput": 1080.0, "input_lens": [800, 1000],
        "output_lens": [400, 500], "median_ttft_ms": 120.0, "p99_ttft_ms": 300.0, "median_tpot_ms": 10.0,
        "mean_e2el_ms": 5000.0, "median_e2el_ms": 4900.0,
    }  # fmt: skip
    path = save(tmp_path / "client.json", result)
    with pytest.raises(FileError, match="does not say gpu, gpus, framework, precision; give --gpu"):
        read_inferencex(path)
    said = {"gpu": "h200", "gpus": "8", "framework": "sglang", "precision": "fp8"}
    point = read_inferencex(path, said).points[0]
    assert (point.isl, point.osl, point.concurrency, point.gpus) == (900, 450, 8, 8)
    assert point.tput_per_gpu == 135
    assert point.output_tput_per_gpu == 45
    assert point.interactivity == 100
    assert point.date == datetime.date(2026, 5, 27)
    # What the file says of itself wins over what its reader says.
    assert read_inferencex(save(path, result | {"gpu": "b200"}), said).points[0].gpu == "b200"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", "{", "not valid JSON"),
        ("x.json", "[]", "no row can be used"),
        ("x.csv", "a,b\n1,2\n", "row 1 left out"),
        ("x.csv", "", "no row can be used"),
        ("x.csv", "\xff", "cannot be read"),
    ],
)
def test_a_file_without_rows_is_one_clear_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(FileError, match=message):
        read_inferencex(tmp_path / name)
    with pytest.raises(FileError, match="cannot be read"):
        read_inferencex(tmp_path / "absent.json")


ODD = st.one_of(st.none(), st.booleans(), st.integers(-2, 10**9), st.floats(), st.text(max_size=6), st.just([]))
KEYS = sorted({*AGGREGATED, *DISAGGREGATED, "metrics", "flags", "total_token_throughput", "input_lens", "gpus", "date"})


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), ODD, max_size=6), min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_no_row_breaks_the_reader(tmp_path: Path, changes: list[dict[str, Any]]) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(orjson.dumps([DISAGGREGATED | change for change in changes]))
    said = {"gpu": "h100", "gpus": "1", "framework": "x", "precision": "fp8"}
    try:
        imported = read_inferencex(path, said)
    except FileError as error:
        lines, rows = [str(error)], len(changes)
    else:
        lines, rows = list(imported.notes), len(imported.points) + len(imported.notes)
    assert rows == len(changes)
    assert all("\n" not in line for line in lines)


def test_an_interpolated_row_is_no_measurement(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    row = {k: v for k, v in DISAGGREGATED.items() if "." not in k}
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*row, "flags", "kind"])
        writer.writeheader()
        writer.writerow(row | {"kind": "snapshot_latest"})
        writer.writerow(row | {"flags": "interpolated_not_measured;x"})
    imported = read_inferencex(path)
    assert imported.points[0].marks == ("snapshot_latest",)
    assert imported.notes == ("points.csv: row 2 left out: interpolated, not measured",)


def test_a_summary_holds_what_was_published_and_no_more() -> None:
    summary = summary_of(point_of(DISAGGREGATED | {"date": "2026-05-27"}))
    assert summary.point.deployment == "mi355x-mori-sglang-fp8-mtp-1024x1024"
    assert summary.point.topology == "1xtp4_2xtp8.2026-05-27"
    whole = summary.whole_run
    assert whole is not None
    assert whole.throughput.output_tput == 3200
    assert whole.throughput.input_tput == 3200
    assert whole.throughput.tput_per_gpu == 320
    assert whole.throughput.in_flight_mean is None
    assert whole.e2el_ms is not None
    assert (whole.e2el_ms.p50, whole.e2el_ms.p99, whole.e2el_ms.mean) == (19_000, None, None)
    assert summary.window is None
    with pytest.raises(ValueError, match="concurrency"):
        summary_of(point_of({k: v for k, v in DISAGGREGATED.items() if k != "conc"}))


def test_without_rates_the_total_is_split_by_lengths() -> None:
    rates = ("input_tput_per_gpu", "output_tput_per_gpu")
    whole = summary_of(point_of({k: v for k, v in AGGREGATED.items() if k not in rates} | {"isl": 7168})).whole_run
    assert whole is not None
    assert whole.throughput.output_tput == pytest.approx(900 * 8 / 8)


@pytest.mark.parametrize(
    ("given", "normal"), [("mi355x-disagg", "mi355x"), ("B200-multinode", "b200"), ("gb200", "gb200"), ("h100", "h100")]
)
def test_hardware_names(given: str, normal: str) -> None:
    assert names.gpu(given) == normal


def test_the_real_api_rows() -> None:
    imported = read_inferencex(measured("inferencex_api_rows.json"))
    served = [point for point in imported.points if point.framework == "vllm"]
    assert [point.concurrency for point in served] == [64, 128, 256, 512, 1024]
    assert {(point.gpus, point.stated_gpus) for point in served} == {(8, 64)}
    first = served[0]
    assert first.tput_per_gpu == 1449.6198691145855
    assert first.ttft_ms is not None
    assert first.ttft_ms.p999 == pytest.approx(7162.278276194121)
    assert first.interactivity == 20.05353172202492
    old = next(point for point in imported.points if point.gpu == "gb200")
    assert (old.gpus, old.speculation) == (36, "mtp")
    assert any("amd_blog" in note for note in imported.notes)
