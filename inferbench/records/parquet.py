"""Reading Parquet files and Arrow streams that somebody else may have written: no more than their size speaks for.

A few bytes can stand for a column of a billion equal values, and take gigabytes to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inferbench.errors import StoreError
from inferbench.files.untrusted_files import MIB

FREE = 1024 * MIB
"""What any file may take in memory, bytes."""
RATIO = 100
"""What a larger one may take, over its own size. Records, the best packed of our files, take ten times theirs."""
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 4}


def allowed(size: int) -> int:
    """Bytes of memory that a file of `size` bytes may take."""
    return max(FREE, RATIO * size)


def read_whole(source: Any, name: str, size: int, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet file of `size` bytes, all columns or some. Raises StoreError where it asks for too much.

    `pq.read_table` would read it too, and load pyarrow's data sets for that, which takes longer.
    """
    with pq.ParquetFile(source) as plain:
        _refuse(name, size, _asked(plain.metadata))
        texts = [field.name for field in plain.schema_arrow if pa.types.is_string(field.type)]
    if not isinstance(source, (str, bytes)) and hasattr(source, "seek"):
        source.seek(0)
    # A long text that many rows share stays in memory once; how much it is in all of them is seen before it is copied.
    with pq.ParquetFile(source, read_dictionary=texts) as file:
        table = file.read(columns=None if columns is None else list(columns))
    _refuse(name, size, sum(map(_unpacked, table.columns)))
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(index, field.with_type(pa.string()), table.column(index).cast(pa.string()))
    return table


def _asked(metadata: Any) -> int:
    """Bytes that a file's values take at least, as it says itself."""
    widths = [
        _WIDTHS.get(c.physical_type) or c.length for c in map(metadata.schema.column, range(metadata.num_columns))
    ]
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    columns = ((width, group.column(i)) for group in groups for i, width in enumerate(widths))
    return sum(max(column.num_values * width, column.total_uncompressed_size) for width, column in columns)


def _unpacked(column: pa.ChunkedArray) -> int:
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    return sum(int(pc.sum(pc.take(pc.binary_length(c.dictionary), c.indices)).as_py() or 0) for c in column.chunks)


def _refuse(name: str, size: int, asked: int) -> None:
    if asked > allowed(size):
        raise StoreError(
            f"{name}: {size:,} bytes that ask for {asked / 2**30:,.1f} GiB of memory; "
            f"a file of that size gets {allowed(size) / 2**30:,.1f}"
        )


def read_batches(file: Any, name: str, size: int) -> Iterator[pa.RecordBatch]:
    """The batches of an Arrow stream of `size` bytes, up to where it was cut off. Raises StoreError for too much."""
    taken = 0
    try:
        for batch in pa.ipc.open_stream(file):
            taken += batch.nbytes
            _refuse(name, size, taken)
            yield batch
    except (pa.ArrowInvalid, OSError):
        return  # the last batch was being written when the run was killed
