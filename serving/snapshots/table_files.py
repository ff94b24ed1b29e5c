"""Arrow and Parquet files of a scoring run: written whole or table by table, read memory-mapped."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from rapport.files import atomic_write

ROWS_IN_A_GROUP = 8_192
"""Small row groups: reading one customer reads one group."""
# Pages read these tables whole, so that compressed ones cost their readers little.
COMPRESSED = ("view_", "tree")


class TableFile:
    """An Arrow file that tables of the same columns are appended to; the first one has the types."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pa.RecordBatchFileWriter | None = None
        self._schema: pa.Schema | None = None

    def append(self, table: pa.Table) -> None:
        """Write the rows of a table behind those of the tables before."""
        if self._writer is None:
            self._schema = table.schema
            self._writer = pa.ipc.new_file(str(self._path), table.schema)
        self._writer.write_table(table.cast(self._schema or table.schema).combine_chunks())

    def __enter__(self) -> TableFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()


def map_table(path: Path) -> pa.Table:
    """Return the table of an Arrow file, memory-mapped."""
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as an Arrow file."""
    compression = "zstd" if path.name.startswith(COMPRESSED) else None
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema, options=options) as writer:
        writer.write_table(table)


def replace_table(path: Path, table: pa.Table) -> None:
    """Write a table atomically, as Arrow or Parquet by the name of the file."""
    with atomic_write(path) as part:
        if path.suffix == ".parquet":
            pq.write_table(table, part, compression="zstd", row_group_size=ROWS_IN_A_GROUP)
        else:
            write_table(part, table)
