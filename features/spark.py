"""Features on Spark: the same compiled plan by the embedded engine inside each partition of customers.

Spark reads the tables, brings all rows of a customer into one partition, and writes what comes out. Nothing is
collected to the driver but the words of the vocabulary and counts. PySpark is imported when it is asked for.
"""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.catalog import Catalog, Vocabulary, catalog, vocabulary_from, word_counts
from features.engine import snapshot
from features.kin import PARENT
from features.shards import PACKED, Step, packing, unpacked
from history import History, Settings, history_of
from history.contract import TABLES, Table, by_name
from history.errors import SettingsError, TableError
from history.naming import column_names
from history.sources import Source
from history.spans import Span

ROWS_A_PARTITION = 500_000
"""About so many rows of all tables lie in a partition: some 200 MB in the worker that measures them."""

SHARDS_A_PARTITION = 8
"""Customers are dealt out in more shards than there are partitions, so that partitions come out even."""

Work = Callable[[History], pa.Table]
Gather = Callable[[Sequence[pa.RecordBatch]], dict[str, pa.Table]]
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Tables:
    """The tables of a history as Spark sees them, and the settings by which a part of them is read."""

    frames: Mapping[str, Any]
    settings: Settings
    refused: Any
    parts: int

    @property
    def present(self) -> tuple[str, ...]:
        """Return the names of the contract's tables that there are."""
        return tuple(self.frames)


def spark_features(  # noqa: PLR0913 - the options of one command
    source: str | Path,
    out: str | Path,
    *,
    as_of: datetime,
    active: Span,
    settings: Settings | None = None,
    master: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Write the features of every customer known at ``as_of`` as a Parquet table; return how many there are.

    ``source`` is a folder of Parquet tables that all workers can read; ``master`` any Spark, or the one that is
    running already.
    """
    say = progress or _silent
    say("starting Spark", 0.0)
    spark = session(master)
    tables = read_tables(spark, source, settings or Settings())
    say("reading the company's words", 0.2)
    features = catalog(spark_vocabulary(tables, as_of))
    say("measuring every customer", 0.4)
    rows = spark_snapshot(tables, as_of, features, active=active)
    write_parquet(rows, out)
    count = int(spark.read.parquet(str(out)).count())
    say("done", 1.0)
    refuse_too_many(tables)
    return count


def session(master: str | None = None) -> Any:
    """Return the running Spark session, or start one."""
    sql = importlib.import_module("pyspark.sql")
    errors = importlib.import_module("pyspark.errors")
    builder = sql.SparkSession.builder.appName("rapport").config("spark.sql.session.timeZone", "UTC")
    if master:
        builder = builder.master(master).config("spark.ui.enabled", "false").config("spark.driver.memory", "2g")
    try:
        spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    except errors.PySparkRuntimeError as error:
        raise SettingsError(
            "Spark could not be started. It needs Java 17: install one (apt-get install openjdk-17-jre-headless), "
            f"set JAVA_HOME, or name another master. It says: {str(error).splitlines()[0]}"
        ) from error
    if master and master.startswith("local"):
        # Workers of this machine run in this very Python, not in the first one of the PATH.
        spark.sparkContext.pythonExec = sys.executable
    spark.sparkContext.setLogLevel("ERROR")
    # Local times are told apart from instants, and a batch is worth its journey to Python.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "200000")
    return spark


def read_tables(spark: Any, source: str | Path, settings: Settings) -> Tables:
    """Find the contract's tables in a folder: ``orders.parquet``, or a folder ``orders`` of Parquet files."""
    frames = {table.name: _frame(spark, str(source), table, settings) for table in TABLES}
    found = {name: frame for name, frame in frames.items() if frame is not None}
    if "orders" not in found:
        raise TableError(
            f"{source}: Spark finds no Parquet table orders there (orders.parquet, or a folder orders). "
            'If it has another name, say so in rapport.toml: [mapping.orders] table = "…".'
        )
    inside = replace(settings, threads=settings.threads or 1)
    # Parquet says how many rows it has without being read.
    functions = importlib.import_module("pyspark.sql.functions")
    one = [frame.select(functions.lit(1)) for frame in found.values()]
    rows = reduce(lambda first, other: first.union(other), one).count()
    parts = max(spark.sparkContext.defaultParallelism, rows // ROWS_A_PARTITION + 1)
    return Tables(found, inside, _counter(spark), parts)


def spark_vocabulary(tables: Tables, before: datetime) -> Vocabulary:
    """Return the words that the company uses, counted where the rows are."""
    # Any row may be anywhere: words are not counted by customer. What is not read need not travel.
    words = {"touches": ("occurred_at", "action"), "interactions": ("occurred_at", "channel")}
    counts = [
        _in_arrow(
            _own(frame, name, tables.settings, words[name]),
            _working(tables, lambda history: word_counts(history, before), _WORDS, _as_table(name)),
            _WORDS,
        )
        for name, frame in tables.frames.items()
        if name in words
    ]
    if not counts:
        return vocabulary_from({}, tables.settings)
    rows = reduce(lambda one, other: one.union(other), counts).groupBy("source", "word").sum("times").collect()
    return vocabulary_from({(row[0], row[1]): row[2] for row in rows}, tables.settings)


def _as_table(name: str) -> Gather:
    return lambda batches: {name: pa.Table.from_batches(batches)} if batches else {}


_WORDS = pa.schema([("source", pa.string()), ("word", pa.string()), ("times", pa.int64())])


def spark_snapshot(tables: Tables, as_of: datetime, features: Catalog, *, active: Span) -> Any:
    """Return a Spark table with the rows of ``features.snapshot``."""
    vocabulary, present = features.vocabulary, tables.present
    if PARENT in vocabulary.attributes:
        raise SettingsError(
            "Spark brings the rows of one customer together, not those of its relatives. Take parent_id out of "
            "fixed_attributes, or use the embedded engine."
        )

    def measured(history: History) -> pa.Table:
        return snapshot(history, as_of, catalog(vocabulary), active=active, present=present)

    kinds = {each.name: pa.string() if each.is_category else pa.float64() for each in features.features}
    names = {"customer_id": pa.string(), "state": pa.string()} | kinds
    return by_customer(tables, measured, pa.schema(list(names.items())))


def by_customer(tables: Tables, work: Work, schema: pa.Schema) -> Any:
    """Bring each customer's rows of all tables together, and do ``work`` on the history of every partition.

    Rows travel as Arrow, many in one value: as rows of Spark with the columns of twelve tables they would cost more
    than all the measuring.
    """
    functions = importlib.import_module("pyspark.sql.functions")
    shards = tables.parts * SHARDS_A_PARTITION
    frames = [
        _in_arrow(
            _own(frame, name, tables.settings),
            packing(name, _columns(frame, name, tables.settings)["customer_id"], shards),
            PACKED,
        )
        for name, frame in tables.frames.items()
    ]
    together = reduce(lambda one, other: one.union(other), frames).repartition(tables.parts, functions.col("shard"))
    return _in_arrow(together, _working(tables, work, schema, unpacked), schema)


def write_parquet(rows: Any, out: str | Path) -> None:
    """Write a Spark table as a folder of Parquet files; one that is there is not touched."""
    errors = importlib.import_module("pyspark.errors")
    try:
        rows.write.mode("errorifexists").parquet(str(out))
    except errors.AnalysisException as error:
        if error.getCondition() != "PATH_ALREADY_EXISTS":
            raise
        raise SettingsError(f"{out} is there already. Name a folder that is not, or remove it.") from error


def refuse_too_many(tables: Tables) -> None:
    """Stop, as reading in one piece would, where more rows were refused than the settings allow."""
    for name in tables.present:
        read, bad = tables.refused.value[name, "read"], tables.refused.value[name, "bad"]
        if bad > tables.settings.reject_share * read:
            raise TableError(
                f"{name}: {bad} of {read} rows cannot be used, more than the {tables.settings.reject_share:.0%} that "
                "reject_share allows. What was written should not be used; run `rapport check` to see which rows."
            )


def _frame(spark: Any, source: str, table: Table, settings: Settings) -> Any:
    """Return the table as Spark reads it; None if it is not there."""
    errors = importlib.import_module("pyspark.errors")
    own = settings.mapping.get(table.name, {}).get("table", table.name)
    for path in (f"{source.rstrip('/')}/{own}.parquet", f"{source.rstrip('/')}/{own}"):
        try:
            return spark.read.parquet(path)
        except errors.AnalysisException as error:
            if error.getCondition() not in ("PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA"):
                raise TableError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    return None


def _columns(frame: Any, name: str, settings: Settings) -> dict[str, str]:
    return column_names(by_name(name), Source(name, name, "", dict(frame.dtypes)), settings)


def _own(frame: Any, name: str, settings: Settings, asked: Sequence[str] = ()) -> Any:
    """Return the table with the columns that are read: of customers all, of others those of the contract."""
    if name == "customers":
        own = [column for column, kind in frame.dtypes if not kind.startswith(("array", "map", "struct"))]
    else:
        wanted = {*asked, *by_name(name).required, "recorded_at"} if asked else None
        found = _columns(frame, name, settings)
        own = [own for column, own in found.items() if wanted is None or column in wanted]
    return frame.select([frame[f"`{column}`"] for column in own])


def _in_arrow(frame: Any, step: Step, schema: pa.Schema) -> Any:
    types = importlib.import_module("pyspark.sql.pandas.types")
    return frame.mapInArrow(step, types.from_arrow_schema(schema))


def _working(tables: Tables, work: Work, schema: pa.Schema, gather: Gather) -> Step:
    """Return what does ``work`` on the history that a partition holds."""
    inside, refused = replace(tables.settings, reject_share=1.0), tables.refused

    def part(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        given = gather(list(batches))
        if not given:
            return
        with history_of(given, inside, whole=False) as history:
            rows = history.rows
            refused.add(Counter({(name, "read"): table.num_rows for name, table in given.items()}))
            refused.add(Counter({(name, "bad"): table.num_rows - rows[name] for name, table in given.items()}))
            yield from work(history).cast(schema).to_batches()

    return part


def _counter(spark: Any) -> Any:
    accumulators = importlib.import_module("pyspark.accumulators")

    class Sums(accumulators.AccumulatorParam):  # type: ignore[misc,name-defined,unused-ignore]
        """Adds up counts that workers send."""

        def zero(self, value: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:  # noqa: ARG002 - Spark's shape
            return Counter()

        def addInPlace(  # noqa: N802 - Spark's name
            self, one: Counter[tuple[str, str]], other: Counter[tuple[str, str]]
        ) -> Counter[tuple[str, str]]:
            one.update(other)
            return one

    return spark.sparkContext.accumulator(Counter(), Sums())


def _silent(message: str, share: float) -> None:
    """Say nothing of the progress."""
