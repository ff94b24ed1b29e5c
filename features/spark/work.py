"""Work on every customer: rows dealt out so that those of a customer lie together, measured where they lie."""

from __future__ import annotations

import importlib
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from rapport.features.catalog import Vocabulary, vocabulary_from, word_counts
from rapport.features.kin import PARENT
from rapport.features.spark.session import Session, is_mounted
from rapport.features.spark.shards import Packet, as_bytes, unpacked
from rapport.features.spark.tables import Noted, Tables, in_arrow
from rapport.history import History, Settings, history_of
from rapport.history.contract import by_name
from rapport.history.naming import column_names

from rapport.errors import SettingsError, TableError

ROWS_A_PARTITION = 1_000_000
"""About so many rows of all tables lie in a partition: some 400 MB in the worker that measures them."""

WORDS = {"touches": ("occurred_at", "action"), "interactions": ("occurred_at", "channel")}
"""What a company's own words are read from."""

Work = Callable[[History], pa.Table]


class Dealt:
    """The rows of all tables, dealt out by customer to partitions; the deal itself waits until it is needed.

    With a time ``before``, the company's words known by then are counted on the way.
    """

    def __init__(self, tables: Tables, before: datetime | None = None) -> None:
        context = tables.spark.context
        self.tables, self.context = tables, context
        # As many for every core, or some would wait for others.
        cores = context.defaultParallelism
        self.parts = cores * (tables.rows() // (ROWS_A_PARTITION * cores) + 1)
        noted = _nothing if before is None else _words(tables, before, self.parts)
        # The last partition is for what is noted. Dealt once: a second job finds the first one's files.
        self.packets = tables.packed(self.parts, noted).partitionBy(self.parts + 1, int).values()
        self.refused = _counter(context)

    def vocabulary(self) -> Vocabulary:
        """Return the words that the company uses."""
        counts: Counter[tuple[str, str]] = Counter()
        for _, rows in self.context.runJob(self.packets, list, [self.parts]):
            for row in pa.ipc.open_stream(rows).read_all().to_pylist():
                counts[row["source"], row["word"]] += row["times"]
        return vocabulary_from(counts, self.tables.settings)

    def write(self, work: Work, schema: pa.Schema, out: str | Path) -> int:
        """Do ``work`` on the history of every partition, and write what comes out as a folder of Parquet files.

        Returns how many rows there are. Nothing is collected; a folder that is there is not touched.
        """
        done = _working(self.tables.settings, work, schema, self.refused)
        if is_mounted(self.tables.spark, out):
            count = self._write_files(done, schema, Path(out).absolute())
        else:
            count = self._write_by_spark(done, schema, str(out))
        self._refuse_too_many()
        return count

    def _write_files(self, done: Callable[[Iterable[Packet]], pa.Table | None], schema: pa.Schema, out: Path) -> int:
        with _folder(out) as folder:

            def write(packets: Iterable[Packet]) -> list[tuple[str, int]]:
                rows = done(packets)
                if rows is None:
                    return []
                name = f"part-{uuid4().hex}.parquet"
                pq.write_table(rows, folder / name)
                return [(name, rows.num_rows)]

            written = dict(self.context.runJob(self.packets, write, range(self.parts)))
            # What a worker that failed has left behind is not among the written.
            for path in folder.iterdir():
                if path.name not in written:
                    path.unlink()
            if not written:
                pq.write_table(schema.empty_table(), folder / "part-0.parquet")
            (folder / "_SUCCESS").touch()
        return sum(written.values())

    def _write_by_spark(self, done: Callable[[Iterable[Packet]], pa.Table | None], schema: pa.Schema, out: str) -> int:
        parts, errors = self.parts, importlib.import_module("pyspark.errors")

        def measured(place: int, packets: Iterable[Packet]) -> Iterator[tuple[bytes]]:
            rows = done(packets) if place < parts else None
            if rows is not None:
                yield (as_bytes(rows),)

        spark = self.tables.spark
        frame = spark.tables.createDataFrame(self.packets.mapPartitionsWithIndex(measured), "rows binary")
        try:
            in_arrow(frame, _opened, schema).write.mode("errorifexists").parquet(out)
        except errors.AnalysisException as error:
            if error.getCondition() != "PATH_ALREADY_EXISTS":
                raise
            raise _there_already(out) from error
        return int(spark.tables.read.parquet(out).count())

    def _refuse_too_many(self) -> None:
        """Stop, as reading in one piece would, where more rows were refused than the settings allow."""
        for name in self.tables.sources:
            read, bad = self.refused.value[name, "read"], self.refused.value[name, "bad"]
            if bad > self.tables.settings.reject_share * read:
                raise TableError(
                    f"{name}: {bad} of {read} rows cannot be used, more than the "
                    f"{self.tables.settings.reject_share:.0%} that reject_share allows. What was written should not be "
                    "used; run `rapport check` to see which rows."
                )


def refuse_relatives(attributes: Collection[str]) -> None:
    """Stop where features tell of a customer's relatives, which may lie in another partition."""
    if PARENT in attributes:
        raise SettingsError(
            "Spark brings the rows of one customer together, not those of its relatives. Take parent_id out of "
            "fixed_attributes, or use the embedded engine."
        )


def refuse_taken(spark: Session, out: str | Path) -> None:
    """Stop before the work where the folder to write is there already."""
    if is_mounted(spark, out) and Path(out).exists():
        raise _there_already(out)


def _nothing(name: str, rows: pa.Table) -> Iterator[tuple[int, Packet]]:  # noqa: ARG001 - notes nothing of any table
    return iter(())


def _words(tables: Tables, before: datetime, shard: int) -> Noted:
    """Return what counts the company's words in some rows of a table."""
    settings, own = replace(tables.settings, reject_share=1.0), {}
    for name in WORDS.keys() & tables.sources.keys():
        names = column_names(by_name(name), tables.sources[name], settings)
        wanted = {*WORDS[name], *by_name(name).required, "recorded_at"}
        own[name] = [column for contract, column in names.items() if contract in wanted]

    def counted(name: str, rows: pa.Table) -> Iterator[tuple[int, Packet]]:
        if name in own:
            with history_of({name: rows.select(own[name])}, settings, whole=False) as history:
                yield shard, ("words", as_bytes(word_counts(history, before)))

    return counted


def _working(
    settings: Settings, work: Work, schema: pa.Schema, refused: Any
) -> Callable[[Iterable[Packet]], pa.Table | None]:
    """Return what does ``work`` on the history that a partition holds; of nobody there is no table."""
    inside = replace(settings, reject_share=1.0)

    def done(packets: Iterable[Packet]) -> pa.Table | None:
        given = unpacked(packets)
        if not given:
            return None
        with history_of(given, inside, whole=False) as history:
            rows = history.rows
            refused.add(Counter({(name, "read"): table.num_rows for name, table in given.items()}))
            refused.add(Counter({(name, "bad"): table.num_rows - rows[name] for name, table in given.items()}))
            return work(history).cast(schema)

    return done


def _opened(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for rows in batch["rows"]:
            yield from pa.ipc.open_stream(rows.as_buffer()).read_all().to_batches()


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """Give a folder to write into that becomes ``out`` only when all is written."""
    if out.exists():
        raise _there_already(out)
    folder = out.with_name(f".{out.name}-{uuid4().hex}")
    folder.mkdir(parents=True)
    try:
        yield folder
        folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _there_already(out: str | Path) -> SettingsError:
    return SettingsError(f"{out} is there already. Name a folder that is not, or remove it.")


def _counter(context: Any) -> Any:
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

    return context.accumulator(Counter(), Sums())
