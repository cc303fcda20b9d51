"""SQL over the index: two tables, and nothing else within reach."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pyarrow as pa
import pytest

from inferbench.errors import UsageError
from inferbench.store.index import refresh
from inferbench.store.query import SETTINGS, query
from inferbench.store.storage_backends import DirectoryBackend
from tests.support.store_factories import write_run


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    store = tmp_path_factory.mktemp("store")
    for number in range(3):
        write_run(store, f"r{number}", tput=1 + number / 10, began=float(number))
    return refresh(DirectoryBackend(store)).table


def test_runs_and_points_can_be_joined(table: pa.Table) -> None:
    columns, rows = query(
        table,
        "SELECT r.run_id, max(p.tput_per_gpu) AS best FROM runs r JOIN points p USING (name) GROUP BY ALL ORDER BY 1",
    )
    assert columns == ["run_id", "best"]
    assert [(run, round(best)) for run, best in rows] == [("r0", 900), ("r1", 990), ("r2", 1080)]
    assert query(table, "SELECT count(*) FROM points WHERE client_valid")[1] == [(6,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "COPY runs TO 'out.csv'",
        "ATTACH 'other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM 's3://bucket/x.parquet'",
        "SELECT * FROM read_parquet('https://example.invalid/x.parquet')",
        "SET autoinstall_known_extensions = true",
        "SET enable_external_access = true",
        "SELECT * FROM all_runs",
        "nonsense",
    ],
)
def test_a_query_reaches_no_file_no_network_and_no_setting(
    table: pa.Table, sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a socket was opened")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(UsageError, match=r"^query: "):
        query(table, sql)
    assert list(tmp_path.iterdir()) == []


def test_no_extension_is_fetched_or_loaded_by_itself(tmp_path: Path) -> None:
    """What a query can do is refused above; here, that the settings stand before anything else runs."""
    config: dict[str, Any] = dict(SETTINGS)
    with duckdb.connect(":memory:", config={**config, "extension_directory": str(tmp_path)}) as connection:
        for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
            assert connection.execute(f"SELECT current_setting('{name}')").fetchone() == (False,)
        with pytest.raises(duckdb.Error):
            connection.execute("SELECT * FROM read_parquet('https://127.0.0.1:9/x.parquet')")
    assert list(tmp_path.rglob("*.duckdb_extension")) == []


def test_an_empty_store_can_be_asked(tmp_path: Path) -> None:
    assert query(refresh(DirectoryBackend(tmp_path)).table, "SELECT count(*) FROM points")[1] == [(0,)]
