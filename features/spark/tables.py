"""The tables of a history on Spark, and how their rows get to the workers.

A folder that this machine and the workers share is read by the workers with the embedded engine's own reader, each some
rows of some file; what lies elsewhere is read by Spark. Either way rows are packed by shards of customers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
from rapport.features.spark.session import Session, is_mounted
from rapport.features.spark.shards import PACKED, Packet, packing
from rapport.history import Settings
from rapport.history.casting import literal, quoted
from rapport.history.contract import TABLES, Table, by_name
from rapport.history.naming import column_names, table_source
from rapport.history.rejects import FILE, LINE
from rapport.history.sources import Source, sources_in

from rapport.errors import TableError

ROWS_A_PIECE = 500_000
"""So many rows of a file are read at once by one worker."""

Noted = Callable[[str, pa.Table], Iterator[tuple[int, Packet]]]
"""What is told of rows of a table beside packing them, in packets for a shard of their own."""

_NESTED = ("array", "map", "struct", "STRUCT", "MAP", "UNION")


class Tables(Protocol):
    """The tables of a history where Spark's workers find them; ``sources`` names their columns."""

    @property
    def spark(self) -> Session:
        """Return the Spark session."""

    @property
    def settings(self) -> Settings:
        """Return the settings by which a part of the history is read."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """Return the contract's tables that there are."""

    def rows(self) -> int:
        """Return how many rows all tables have."""

    def packed(self, shards: int, noted: Noted) -> Any:
        """Return an RDD of (shard, packet) with the rows of all tables, and what is noted of them."""


def tables_of(spark: Session, source: str | Path, settings: Settings) -> Tables:
    """Find the contract's tables in a folder: ``orders.parquet``, or a folder ``orders`` of Parquet files."""
    inside = replace(settings, threads=settings.threads or 1)
    if is_mounted(spark, source) and Path(source).is_dir():
        return Mounted(spark, inside, _with_orders(_sources(Path(source).absolute(), settings), source))
    frames = {table.name: _frame(spark, str(source), table, settings) for table in TABLES}
    found = _with_orders({name: frame for name, frame in frames.items() if frame is not None}, source)
    return Framed(spark, inside, found)


@dataclass(frozen=True)
class Piece:
    """Some rows of one file of a table: ``sql`` reads them, ``customer`` is its column of customers."""

    table: str
    customer: str
    sql: str


@dataclass(frozen=True)
class Mounted:
    """Tables in files that every worker can open."""

    spark: Session
    settings: Settings
    sources: Mapping[str, Source]

    def rows(self) -> int:
        """Return how many rows all tables have."""
        return sum(rows for _, _, rows in self._files())

    def packed(self, shards: int, noted: Noted) -> Any:
        """Return an RDD of (shard, packet) with the rows of all tables, and what is noted of them."""
        pieces = [piece for name, file, rows in self._files() for piece in self._pieces(name, file, rows)]

        def read(piece: Piece) -> Iterator[tuple[int, Packet]]:
            with duckdb.connect(config={"threads": 1}) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                rows = connection.sql(piece.sql).to_arrow_table()
            yield from packing(piece.table, piece.customer, shards)(rows)
            yield from noted(piece.table, rows)

        return self.spark.context.parallelize(pieces, max(1, len(pieces))).flatMap(read)

    def _files(self) -> list[tuple[str, str, int]]:
        counts = " UNION ALL ".join(
            f"SELECT {literal(name)}, {quoted(FILE)}, count(*) FROM ({source.sql}) GROUP BY ALL"
            for name, source in self.sources.items()
        )
        with duckdb.connect() as connection:
            return connection.execute(counts).fetchall()

    def _pieces(self, name: str, file: str, rows: int) -> list[Piece]:
        source, settings = self.sources[name], self.settings
        read = f"SELECT {', '.join(map(quoted, own_columns(name, source, settings)))} FROM ({source.sql})"
        customer = column_names(by_name(name), source, settings)["customer_id"]
        return [
            Piece(
                name,
                customer,
                f"{read} WHERE {quoted(FILE)} = {literal(file)} "
                f"AND {quoted(LINE)} > {first} AND {quoted(LINE)} <= {first + ROWS_A_PIECE}",
            )
            for first in range(0, rows, ROWS_A_PIECE)
        ]


@dataclass(frozen=True)
class Framed:
    """Tables that Spark reads."""

    spark: Session
    settings: Settings
    frames: Mapping[str, Any]

    @property
    def sources(self) -> Mapping[str, Source]:
        """Return the contract's tables that there are."""
        return {name: Source(name, name, "", dict(frame.dtypes)) for name, frame in self.frames.items()}

    def rows(self) -> int:
        """Return how many rows all tables have; Parquet says so without being read."""
        return sum(frame.count() for frame in self.frames.values())

    def packed(self, shards: int, noted: Noted) -> Any:
        """Return an RDD of (shard, packet) with the rows of all tables, and what is noted of them."""
        return self.spark.context.union([self._packed(name, shards, noted) for name in self.frames])

    def _packed(self, name: str, shards: int, noted: Noted) -> Any:
        source, frame = self.sources[name], self.frames[name]
        own = own_columns(name, source, self.settings)
        pack = packing(name, column_names(by_name(name), source, self.settings)["customer_id"], shards)

        def packed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                rows = pa.Table.from_batches([batch])
                packets = [*pack(rows), *noted(name, rows)]
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
        rows = in_arrow(chosen, packed, PACKED).rdd
        return rows.map(lambda row: (row[0], (row[1], bytes(row[2]))))


def in_arrow(
    frame: Any, step: Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]], schema: pa.Schema
) -> Any:
    """Return a Spark table of what a step makes of the batches of another."""
    types = importlib.import_module("pyspark.sql.pandas.types")
    return frame.mapInArrow(step, types.from_arrow_schema(schema))


def own_columns(name: str, source: Source, settings: Settings) -> list[str]:
    """Return the columns that are read: of customers all that hold one value, of others those of the contract."""
    if name != "customers":
        return list(column_names(by_name(name), source, settings).values())
    return [own for own, kind in source.types.items() if not kind.startswith(_NESTED) and not kind.endswith("]")]


def _sources(folder: Path, settings: Settings) -> dict[str, Source]:
    with duckdb.connect() as connection:
        sources = sources_in(folder, connection)
    found = {table.name: table_source(table, sources, settings) for table in TABLES}
    # A source that would have to be loaded first is not Parquet.
    return {name: source for name, source in found.items() if source is not None and source.lasting}


def _frame(spark: Session, source: str, table: Table, settings: Settings) -> Any:
    """Return the table as Spark reads it; None if it is not there."""
    errors = importlib.import_module("pyspark.errors")
    own = settings.mapping.get(table.name, {}).get("table", table.name)
    for path in (f"{source.rstrip('/')}/{own}.parquet", f"{source.rstrip('/')}/{own}"):
        try:
            return spark.tables.read.parquet(path)
        except errors.AnalysisException as error:
            if error.getCondition() not in ("PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA"):
                raise TableError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    return None


def _with_orders(found: dict[str, Any], source: str | Path) -> dict[str, Any]:
    if "orders" not in found:
        raise TableError(
            f"{source}: Spark finds no Parquet table orders there (orders.parquet, or a folder orders). "
            'If it has another name, say so in rapport.toml: [mapping.orders] table = "…".'
        )
    return found
