"""The contract rows of each customer, published by a scoring run: live answers need no database.

``rows_<table>.arrow`` holds the rows sorted by customer, with the columns that the company's table has;
``rows_ids.npy`` the sorted ids of all customers, ``rows_<table>.npy`` the first row of each of them. Workers
memory-map all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from filecmp import cmp
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.errors import ServingError
from rapport.files import link_or_copy
from rapport.history import History, history_of
from rapport.history.contract import CUSTOMERS, FEATURE_TABLES, Table, by_name, columns_of
from rapport.history.reading.merges import present_rows
from rapport.history.settings import Settings
from rapport.history.sql import quoted
from rapport.serving.snapshots.customer_index import CustomerIndex, id_bytes, npy_bytes

_BATCH_ROWS = 1 << 16
Rows = dict[str, list[dict[str, Any]]]
Cells = dict[str, list[Any]]
"""The columns of some rows of one table, by name."""


@dataclass(frozen=True)
class ContractRows:
    """The contract rows in one run's folder, by customer."""

    folder: Path

    def of(self, customer_ids: Sequence[str], tables: Collection[str] | None = None) -> Rows:
        """Return the rows of some customers by table (default: all tables); a customer without rows has none."""
        return {name: rows_of(cells) for name, cells in self.cells(customer_ids, tables).items()}

    def cells(self, customer_ids: Sequence[str], tables: Collection[str] | None = None) -> dict[str, Cells]:
        """Return the same rows as columns, which is five times faster."""
        spans = [span for one in customer_ids if (span := self._ids.row_of(one)) is not None]
        found: dict[str, Cells] = {}
        for name, (table, starts) in self._tables.items():
            if tables is not None and name not in tables:
                continue
            edges = [starts[span : span + 2].tolist() for span in spans]
            if parts := [table.slice(first, end - first) for first, end in edges if end > first]:
                rows = pa.concat_tables(parts)
                found[name] = dict(zip(rows.column_names, map(_values, rows.columns), strict=True))
        return found

    def column(self, table: str, name: str) -> list[Any]:
        """Return one whole column, such as the parents of all customers; empty if the table has no such column."""
        rows = self._tables.get(table)
        return rows[0].column(name).to_pylist() if rows and name in rows[0].column_names else []

    def history(self, settings: Settings) -> History:
        """Return the rows as a history; they have the contract's names and values, so no mapping applies."""
        if not self.is_complete:
            raise ServingError("The last scoring run did not publish its rows. Score again, or name a HISTORY.")
        tables = {name: rows for name, (rows, _) in self._tables.items()}
        return history_of(tables, replace(settings, mapping={}, value_mapping={}))

    @cached_property
    def is_complete(self) -> bool:
        """Whether the run published its rows; runs of earlier versions did not."""
        return (self.folder / "rows_ids.npy").is_file()

    @cached_property
    def _ids(self) -> CustomerIndex:
        path = self.folder / "rows_ids.npy"
        return CustomerIndex(np.load(path, mmap_mode="r") if path.is_file() else np.array([], dtype="S1"))

    @cached_property
    def _tables(self) -> dict[str, tuple[pa.Table, npt.NDArray[np.int64]]]:
        found = {}
        for table in FEATURE_TABLES:
            path = self.folder / f"rows_{table.name}.arrow"
            if path.is_file():
                with pa.memory_map(str(path)) as source:
                    rows = pa.ipc.open_file(source).read_all()
                found[table.name] = (rows, np.load(self.folder / f"rows_{table.name}.npy", mmap_mode="r"))
        return found


def rows_of(cells: Cells) -> list[dict[str, Any]]:
    """Return the rows of columns."""
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    # Arrow makes a time of Python from each value ten times slower than NumPy.
    if pa.types.is_timestamp(column.type):
        times: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
        return times
    values: list[Any] = column.to_pylist()
    return values


def write_contract_rows(history: History, folder: Path) -> None:
    """Write the rows of all tables into a run's folder, a batch at a time."""
    counts = {table.name: _counts(history, table) for table in FEATURE_TABLES if history.rows.get(table.name)}
    ids = np.unique(np.concatenate([ids for ids, _ in counts.values()] or [np.array([], dtype="S1")]))
    (folder / "rows_ids.npy").write_bytes(npy_bytes(ids))
    for name, (theirs, count) in counts.items():
        starts = np.zeros(len(ids) + 1, np.int64)
        starts[np.searchsorted(ids, theirs) + 1] = count
        (folder / f"rows_{name}.npy").write_bytes(npy_bytes(np.cumsum(starts)))
        _write_table(history, name, folder / f"rows_{name}.arrow")


def share_rows(folder: Path, runs: Iterable[Path]) -> None:
    """Give files of rows that another run has, too, its copy: rows are stored once for all targets."""
    for path in sorted(folder.glob("rows_*")):
        for other in (run / path.name for run in runs):
            if other.is_file() and other.stat().st_size == path.stat().st_size and cmp(path, other, shallow=False):
                path.unlink()
                link_or_copy(other, path)
                break


def _counts(history: History, table: Table) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.int64]]:
    present = present_rows(history.connection, table)
    found = history.connection.sql(f"SELECT customer_id, count(*) AS rows FROM {present} GROUP BY 1 ORDER BY 1")
    rows = found.to_arrow_table()
    return id_bytes(rows["customer_id"]), rows["rows"].to_numpy()


def _write_table(history: History, name: str, path: Path) -> None:
    columns = [quoted(column) for column in _columns(history, name)]
    # Equal rows give equal bytes, so that runs share the file.
    order = ", ".join(["customer_id", *(column for column in columns if column != "customer_id")])
    rows = present_rows(history.connection, by_name(name))
    query = f"SELECT {', '.join(columns)} FROM {rows} ORDER BY {order}"
    reader = history.connection.sql(query).to_arrow_reader(_BATCH_ROWS)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _columns(history: History, name: str) -> Iterator[str]:
    """Return the columns that the company's table has, and the attributes of customers."""
    present, table = history.present[name], next(table for table in FEATURE_TABLES if table.name == name)
    yield from (column.name for column in columns_of(table) if column.name in present)
    if table is CUSTOMERS:
        known = {column.name for column in columns_of(table)}
        yield from (
            row[0] for row in history.connection.execute("DESCRIBE customers").fetchall() if row[0] not in known
        )
