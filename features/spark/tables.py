"""The tables of a history on Spark, and how their rows get to the workers.

A folder that this machine and the workers share is read by the workers with the embedded engine, each a slice of a
file; other locations are read by Spark. Either way rows are packed by shards of customers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from rapport.errors import TableError
from rapport.features.spark.session import Session, is_shared_folder
from rapport.features.spark.shards import PACKED, Packet, packer
from rapport.history import Settings
from rapport.history.contract import FEATURE_TABLES, Table, by_name
from rapport.history.reading.table_names import resolve_columns, resolve_table
from rapport.history.rejected_rows import FILE, LINE
from rapport.history.sources.files import file_sources
from rapport.history.sources.source import Source
from rapport.history.sql import literal, quoted

ROWS_PER_SLICE = 500_000
"""The number of rows of a file that one worker reads at once."""

SideOutput = Callable[[str, pa.Table], Iterator[tuple[int, Packet]]]
"""A side output of the rows of a table: packets for a shard of their own."""

_NESTED = ("array", "map", "struct", "STRUCT", "MAP", "UNION")


class Tables(Protocol):
    """The tables of a history as Spark's workers read them; ``sources`` names their columns."""

    @property
    def spark(self) -> Session:
        """Return the Spark session."""

    @property
    def settings(self) -> Settings:
        """Return the settings with which a part of the history is read."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """Return the contract tables that are present."""

    def rows(self) -> int:
        """Return the number of rows of all tables."""

    def packed(self, shards: int, side_output: SideOutput) -> Any:
        """Return an RDD of (shard, packet) with the rows of all tables, and the side output."""


def tables_of(spark: Session, source: str | Path, settings: Settings) -> Tables:
    """Find the contract tables in a folder: ``orders.parquet``, or a folder ``orders`` of Parquet files."""
    worker_settings = replace(settings, threads=settings.threads or 1)
    _refuse_changes(spark, source, settings)
    if is_shared_folder(spark, source) and Path(source).is_dir():
        return SharedFiles(spark, worker_settings, _with_orders(_sources(Path(source).absolute(), settings), source))
    frames = {table.name: _frame(spark, str(source), table, settings) for table in FEATURE_TABLES}
    found = _with_orders({name: frame for name, frame in frames.items() if frame is not None}, source)
    return SparkFrames(spark, worker_settings, found)


@dataclass(frozen=True)
class FileSlice:
    """Some rows of one file of a table: ``sql`` reads them, ``customer`` is the column of customers."""

    table: str
    customer: str
    sql: str


@dataclass(frozen=True)
class SharedFiles:
    """Tables in files that every worker can read."""

    spark: Session
    settings: Settings
    sources: Mapping[str, Source]

    def rows(self) -> int:
        """Return the number of rows of all tables."""
        return sum(rows for _, _, rows in self._files())

    def packed(self, shards: int, side_output: SideOutput) -> Any:
        """Return an RDD of (shard, packet) with the rows of all tables, and the side output."""
        slices = [each for name, file, rows in self._files() for each in self._slices(name, file, rows)]

        def read(part: FileSlice) -> Iterator[tuple[int, Packet]]:
            with duckdb.connect(config={"threads": 1}) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                rows = connection.sql(part.sql).to_arrow_table()
            yield from packer(part.table, part.customer, shards)(rows)
            yield from side_output(part.table, rows)

        return self.spark.context.parallelize(slices, max(1, len(slices))).flatMap(read)

    def _files(self) -> list[tuple[str, str, int]]:
        counts = " UNION ALL ".join(
            f"SELECT {literal(name)}, {quoted(FILE)}, count(*) FROM ({source.sql}) GROUP BY ALL"
            for name, source in self.sources.items()
        )
        with duckdb.connect() as connection:
            return connection.execute(counts).fetchall()

    def _slices(self, name: str, file: str, rows: int) -> list[FileSlice]:
        source, settings = self.sources[name], self.settings
        read = f"SELECT {', '.join(map(quoted, source_columns(name, source, settings)))} FROM ({source.sql})"
        customer = resolve_columns(by_name(name), source, settings)["customer_id"]
        return [
            FileSlice(
                name,
                customer,
                f"{read} WHERE {quoted(FILE)} = {literal(file)} "
                f"AND {quoted(LINE)} > {first} AND {quoted(LINE)} <= {first + ROWS_PER_SLICE}",
            )
            for first in range(0, rows, ROWS_PER_SLICE)
        ]


@dataclass(frozen=True)
class SparkFrames:
    """Tables read by Spark."""

    spark: Session
    settings: Settings
    frames: Mapping[str, Any]

    @property
    def sources(self) -> Mapping[str, Source]:
        """Return the contract tables that are present."""
        return {name: Source(name, name, "", dict(frame.dtypes)) for name, frame in self.frames.items()}

    def rows(self) -> int:
        """Return the number of rows of all tables, from Parquet metadata."""
        return sum(frame.count() for frame in self.frames.values())

    def packed(self, shards: int, side_output: SideOutput) -> Any:
        """Return an RDD of (shard, packet) with the rows of all tables, and the side output."""
        return self.spark.context.union([self._packed(name, shards, side_output) for name in self.frames])

    def _packed(self, name: str, shards: int, side_output: SideOutput) -> Any:
        source, frame = self.sources[name], self.frames[name]
        own = source_columns(name, source, self.settings)
        pack = packer(name, resolve_columns(by_name(name), source, self.settings)["customer_id"], shards)

        def packed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                rows = pa.Table.from_batches([batch])
                packets = [*pack(rows), *side_output(name, rows)]
                if packets:
                    yield pa.record_batch(
                        [
                            pa.array([shard for shard, _ in packets], pa.int32()),
                            [of for _, (of, _) in packets],
                            [each for _, (_, each) in packets],
                        ],
                        schema=PACKED,
                    )

        chosen = frame.select([frame[f"`{column}`"] for column in own])
        rows = map_in_arrow(chosen, packed, PACKED).rdd
        return rows.map(lambda row: (row[0], (row[1], bytes(row[2]))))


def map_in_arrow(
    frame: Any, step: Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]], schema: pa.Schema
) -> Any:
    """Apply a function on Arrow batches to a Spark table."""
    types = importlib.import_module("pyspark.sql.pandas.types")
    return frame.mapInArrow(step, types.from_arrow_schema(schema))


def source_columns(name: str, source: Source, settings: Settings) -> list[str]:
    """Return the columns to read: of customers all that are not nested, of other tables those of the contract."""
    if name != "customers":
        return list(resolve_columns(by_name(name), source, settings).values())
    return [own for own, kind in source.types.items() if not kind.startswith(_NESTED) and not kind.endswith("]")]


def _sources(folder: Path, settings: Settings) -> dict[str, Source]:
    with duckdb.connect() as connection, ExitStack() as resources:
        sources = file_sources(folder, connection, resources)
    found = {table.name: resolve_table(table, sources, settings) for table in FEATURE_TABLES}
    # A source that has to be loaded first is not Parquet.
    return {name: source for name, source in found.items() if source is not None and source.persistent}


def _frame(spark: Session, source: str, table: Table, settings: Settings) -> Any:
    """Return a table as Spark reads it; None if it does not exist."""
    errors = importlib.import_module("pyspark.errors")
    own = settings.mapping.get(table.name, {}).get("table", table.name)
    for path in (f"{source.rstrip('/')}/{own}.parquet", f"{source.rstrip('/')}/{own}"):
        try:
            return spark.tables.read.parquet(path)
        except errors.AnalysisException as error:
            if error.getCondition() not in ("PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA"):
                raise TableError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    return None


def _refuse_changes(spark: Session, source: str | Path, settings: Settings) -> None:
    """Refuse histories of change, which belong to records and not to the customers by which Spark divides the rows."""
    if _frame(spark, str(source), by_name("merges"), settings) is not None:
        raise TableError(
            f"{source}: the table merges is not read on Spark. Leave it out, or compute the features without Spark."
        )
    named = next((name for name, names in settings.mapping.items() if "changes" in names), None)
    if named or _frame(spark, str(source), by_name("changes"), settings) is not None:
        what = f"[mapping.{named}] changes" if named else "the table changes"
        raise TableError(f"{source}: {what} is not read on Spark. Leave it out, or compute the features without Spark.")


def _with_orders(found: dict[str, Any], source: str | Path) -> dict[str, Any]:
    if "orders" not in found:
        raise TableError(
            f"{source}: Spark finds no Parquet table orders there (orders.parquet, or a folder orders). "
            'If it has another name, say so in rapport.toml: [mapping.orders] table = "…".'
        )
    return found
