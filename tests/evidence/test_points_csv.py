import datetime
from pathlib import Path

import pytest

from inferbench.errors import FileError
from inferbench.evidence.points_csv import MIXED_RUNS, Workers, read_points
from tests.support.calibration_factories import ROW, measured, point, write


def test_a_row_becomes_a_point(tmp_path: Path) -> None:
    found = read_points(write(tmp_path / "points.csv", {}))
    assert found.points == (point(),)
    assert not found.dropped
    assert not found.bad


def test_tpot_comes_from_interactivity_where_it_has_no_column_of_its_own(tmp_path: Path) -> None:
    found = read_points(write(tmp_path / "points.csv", {"median_tpot_s": "", "interactivity_median": "50"}))
    assert found.points[0].tpot_s == pytest.approx(0.02)


def test_a_worker_spans_its_gpus_whatever_its_tp_says(tmp_path: Path) -> None:
    """DP attention and EP-only rows give TP 1 to workers of 8 or 16 GPUs."""
    ranks = {
        "decode_tp": "1",
        "decode_ep": "16",
        "decode_dp_attn": "true",
        "decode_workers": "1",
        "num_decode_gpu": "16",
    }
    alone = {
        "decode_tp": "1",
        "decode_ep": "8",
        "decode_dp_attn": "false",
        "decode_workers": "2",
        "num_decode_gpu": "16",
    }
    dep, tep = read_points(write(tmp_path / "points.csv", ranks, alone)).points
    assert dep.decode == Workers(1, 16, 16, 16, True)
    assert tep.decode == Workers(2, 8, 8, 8, False)
    assert (dep.decode.kind, tep.decode.kind) == ("dep", "tep")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"flags": "known_accuracy_issue_run"}, "known_accuracy_issue_run"),
        ({"flags": "config_id=3;littles_law_outlier"}, "littles_law_outlier"),
        ({"kind": "vendor_blog_interpolated"}, "vendor_blog_interpolated"),
        ({"kind": "blog_table"}, "blog_table"),
    ],
)
def test_rows_that_are_known_to_be_wrong_are_left_out_and_counted(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    found = read_points(write(tmp_path / "points.csv", {}, change))
    assert len(found.points) == 1
    assert found.dropped == {reason: 1}


def test_a_flag_that_only_contains_the_name_of_another_is_kept(tmp_path: Path) -> None:
    found = read_points(write(tmp_path / "points.csv", {"flags": "may_include_known_accuracy_issue_run"}))
    assert len(found.points) == 1


def test_a_median_over_runs_has_no_date_and_little_weight(tmp_path: Path) -> None:
    dated, mixed = read_points(write(tmp_path / "points.csv", {}, {"kind": MIXED_RUNS, "date": "2026-07-20"})).points
    assert (dated.date, dated.weight) == (datetime.date(2026, 5, 27), 1.0)
    assert (mixed.date, mixed.weight) == (None, 0.25)
    assert dated.topology == mixed.topology


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"isl": "8k"}, "isl must be a number, not '8k'"),
        ({"conc": ""}, "conc must be a whole number of at least 1, not ''"),
        ({"conc": "1.5"}, "conc must be a whole number of at least 1, not '1.5'"),
        ({"prefill_workers": "0"}, "prefill_workers must be positive, not '0'"),
        ({"decode_workers": "3"}, "num_decode_gpu 40 is no multiple of decode_workers 3"),
        ({"disagg": "perhaps"}, "disagg must be true or false, not 'perhaps'"),
        ({"date": "27 May"}, "date must be YYYY-MM-DD, not '27 May'"),
        ({"tput_per_gpu": "-1"}, "tput_per_gpu must be positive, not '-1'"),
        ({"tput_per_gpu": "inf"}, "tput_per_gpu must be positive, not 'inf'"),
        ({"median_ttft_s": "nan"}, "median_ttft_s must be positive, not 'nan'"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, change: dict[str, str], message: str) -> None:
    found = read_points(write(tmp_path / "points.csv", {}, change, {}))
    assert found.bad == {3: message}
    assert len(found.points) == 2


def test_a_file_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("hw,framework\nb200,trt\n", encoding="utf-8")
    with pytest.raises(FileError, match=r"line 1: no column 'kind'"):
        read_points(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00hw"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "points.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=r"points\.csv"):
        read_points(path)


def test_extra_columns_and_short_rows_do_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "points.csv", {})
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join([lines[0] + ",own", lines[1] + ",1", "snapshot_latest,2026-01-01"]) + "\n", encoding="utf-8"
    )
    found = read_points(path)
    assert len(found.points) == 1
    assert list(found.bad) == [3]


def test_all_measured_rows_are_accounted_for() -> None:
    path = measured()
    found = read_points(path)
    rows = len(path.read_text(encoding="utf-8").splitlines()) - 1
    assert len(found.points) + sum(found.dropped.values()) + len(found.bad) == rows
    assert {"known_accuracy_issue_run", "littles_law_outlier"} <= set(found.dropped)
    assert len(found.bad) < rows / 100
    assert ROW.keys() >= {"kind"}
