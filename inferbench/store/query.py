"""SQL over the index of a store, by DuckDB, which is given two tables and can reach nothing else."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from inferbench.distribution import install
from inferbench.errors import UsageError

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
"""DuckDB fetches extensions from the internet by itself where it is not told otherwise."""


def query(table: pa.Table, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a query over the tables `runs` and `points` and return column names and rows.

    `points` has a row per sweep point, with the run's `name`, `scenario`, `run_id` and `began_unix`. The query can read
    no file, reach no network and change no setting. Raises UsageError where DuckDB is missing or refuses the query.
    """
    try:
        import duckdb
    except ImportError:
        raise UsageError(f"runs query needs DuckDB: {install('store')}") from None
    with duckdb.connect(":memory:", config=SETTINGS) as connection:
        connection.register("all_runs", table)
        connection.execute("CREATE TABLE runs AS SELECT * EXCLUDE (points) FROM all_runs")
        connection.execute(
            "CREATE TABLE points AS SELECT name, scenario, run_id, began_unix, unnest(points, recursive := true) "
            "FROM all_runs"
        )
        connection.unregister("all_runs")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            answer = connection.execute(sql)
            columns = [column[0] for column in answer.description or ()]
            return columns, answer.fetchall()
        except duckdb.Error as error:
            raise UsageError(f"query: {' '.join(str(error).split())}") from None
