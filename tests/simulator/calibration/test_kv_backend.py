"""A probe of a cluster takes the place of published constants of KV transfer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inferbench.catalog.bundled import gpus
from inferbench.cli.twin.twin import app
from inferbench.errors import FileError, UsageError
from inferbench.microbench.kv_result import KvPoint, KvProbe
from inferbench.simulator.calibration.kv_backend import calibrate_kv
from inferbench.simulator.parameters.parameters import PARAMETERS_FILE, load_parameters

FIXED_US, MESSAGE_US, GB_S = 20.0, 7.5, 40.0


def probe(**changed: object) -> KvProbe:
    """A link that takes a fixed time, a time for each message, and one for each byte."""
    points = []
    for size in (4 << 10, 1 << 20, 16 << 20):
        for batch in (1, 8):
            took = FIXED_US + batch * MESSAGE_US + batch * size / GB_S / 1e3
            shape = {"message_bytes": size, "batch": batch, "concurrency": 1, "transfers": 10}
            rate = {"latency_p50_us": took, "latency_p99_us": took, "gb_per_s": batch * size / took / 1e3}
            points += [KvPoint(direction=direction, **shape, **rate) for direction in ("read", "write")]
    values: dict[str, object] = {
        "backend": "mooncake", "version": "0.3.13", "transport": "rdma", "host": "a", "peer": "b", "loopback": False,
        "measured_unix": 1.8e9, "first_transfer_ms": 3.0, "checked_bytes": 1, "points": points,
    }  # fmt: skip
    return KvProbe.model_validate(values | changed)


@pytest.fixture
def parameters(tmp_path: Path) -> Path:
    return Path(shutil.copyfile(PARAMETERS_FILE, tmp_path / "parameters.yaml"))


def test_the_constants_become_those_that_were_measured(parameters: Path) -> None:
    before = load_parameters()
    found = calibrate_kv(probe(), gpus()["mi355x"], parameters)
    assert found.software_us_per_layer == pytest.approx(MESSAGE_US, rel=1e-3)
    assert found.nic_efficiency == pytest.approx(max(p.gb_per_s for p in probe().points) / gpus()["mi355x"].nic_gb_s)
    assert found.how == "measured"
    after = load_parameters(parameters)
    assert after.kv_transfer["mooncake"].source == found.source
    assert after.kv_transfer["mooncake"].software_us_per_layer == pytest.approx(MESSAGE_US, rel=1e-3)
    others = {name: value for name, value in before.kv_transfer.items() if name != "mooncake"}
    assert {name: value for name, value in after.kv_transfer.items() if name != "mooncake"} == others
    assert after.model_copy(update={"kv_transfer": {}}) == before.model_copy(update={"kv_transfer": {}})


def test_the_command_takes_a_file(parameters: Path, tmp_path: Path) -> None:
    file = tmp_path / "kv-mooncake.json"
    file.write_text(probe().model_dump_json())
    arguments = ["calibrate", "--probe", str(file), "--gpu", "b200", "--output", str(parameters)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "inferbench probe kv, mooncake 0.3.13 over rdma, a to b, 2027-01-15" in result.stdout


def test_what_says_nothing_of_a_nic_is_refused(parameters: Path) -> None:
    with pytest.raises(UsageError, match="made over loopback"):
        calibrate_kv(probe(loopback=True), gpus()["mi355x"], parameters)
    with pytest.raises(UsageError, match="at least three shapes"):
        calibrate_kv(probe(points=probe().points[:4]), gpus()["mi355x"], parameters)


def test_a_parameter_file_without_the_block_is_refused(parameters: Path) -> None:
    parameters.write_text(parameters.read_text().replace("  mooncake:\n", '  "mooncake":\n'))
    with pytest.raises(FileError, match=r"has no block kv_transfer\.mooncake"):
        calibrate_kv(probe(), gpus()["mi355x"], parameters)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "give --points, --probe, or both"),
        (["--probe", "no.json"], "no.json: no such file"),
        (["--probe", "FILE", "--gpu", "b2000"], "did you mean 'b200'"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: list[str], expected: str) -> None:
    file = tmp_path / "kv.json"
    file.write_text(probe().model_dump_json())
    given = [str(file) if argument == "FILE" else argument for argument in arguments]
    with pytest.raises((UsageError, FileError), match=expected):
        CliRunner().invoke(app, ["calibrate", *given, "--output", str(tmp_path / "out")], catch_exceptions=False)


def test_a_file_that_is_no_probe_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kv.json"
    file.write_text('{"backend": "mooncake"}')
    with pytest.raises(FileError, match="is required and missing"):
        CliRunner().invoke(app, ["calibrate", "--probe", str(file)], catch_exceptions=False)
