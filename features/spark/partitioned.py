"""Rows partitioned by customer, and a job on the history of each partition."""

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

from rapport.errors import SettingsError, TableError
from rapport.features.catalog.families.relatives import PARENT
from rapport.features.catalog.vocabulary import Vocabulary, vocabulary_from, word_counts
from rapport.features.spark.session import Session, is_shared_folder
from rapport.features.spark.shards import Packet, as_bytes, unpacked
from rapport.features.spark.tables import SideOutput, Tables, map_in_arrow
from rapport.history import History, Settings, history_of
from rapport.history.contract import by_name
from rapport.history.reading.table_names import resolve_columns

ROWS_PER_PARTITION = 1_000_000
"""The approximate number of rows of all tables in a partition: about 400 MB in its worker."""

WORD_COLUMNS = {"touches": ("occurred_at", "action"), "interactions": ("occurred_at", "channel")}
"""The time and word columns of the tables from which the vocabulary is counted."""

PartitionJob = Callable[[History], pa.Table]


class PartitionedTables:
    """The rows of all tables, partitioned by customer when they are first needed.

    With a time ``before``, the company's vocabulary known by then is counted on the way.
    """

    def __init__(self, tables: Tables, before: datetime | None = None) -> None:
        context = tables.spark.context
        self.tables, self.context = tables, context
        # The same number per core, so that no core waits for others.
        cores = context.defaultParallelism
        self.parts = cores * (tables.rows() // (ROWS_PER_PARTITION * cores) + 1)
        side_output = _no_output if before is None else _word_counter(tables, before, self.parts)
        # The last partition is for the side output. A second job reuses the shuffle files of the first.
        self.packets = tables.packed(self.parts, side_output).partitionBy(self.parts + 1, int).values()
        self.row_counts = _counter(context)

    def vocabulary(self) -> Vocabulary:
        """Return the company's vocabulary."""
        counts: Counter[tuple[str, str]] = Counter()
        for _, rows in self.context.runJob(self.packets, list, [self.parts]):
            for row in pa.ipc.open_stream(rows).read_all().to_pylist():
                counts[row["source"], row["word"]] += row["times"]
        return vocabulary_from(counts, self.tables.settings)

    def write(self, job: PartitionJob, schema: pa.Schema, out: str | Path) -> int:
        """Run a job on the history of every partition, and write its tables as a folder of Parquet files.

        Returns the number of rows. Nothing is collected to the driver; an existing folder is not touched.
        """
        run = _job_runner(self.tables.settings, job, schema, self.row_counts)
        if is_shared_folder(self.tables.spark, out):
            count = self._write_files(run, schema, Path(out).absolute())
        else:
            count = self._write_by_spark(run, schema, str(out))
        self._refuse_too_many_rejects()
        return count

    def _write_files(self, run: Callable[[Iterable[Packet]], pa.Table | None], schema: pa.Schema, out: Path) -> int:
        with _folder(out) as folder:

            def write(packets: Iterable[Packet]) -> list[tuple[str, int]]:
                rows = run(packets)
                if rows is None:
                    return []
                name = f"part-{uuid4().hex}.parquet"
                pq.write_table(rows, folder / name)
                return [(name, rows.num_rows)]

            written = dict(self.context.runJob(self.packets, write, range(self.parts)))
            # Files of a failed worker are not among those written.
            for path in folder.iterdir():
                if path.name not in written:
                    path.unlink()
            if not written:
                pq.write_table(schema.empty_table(), folder / "part-0.parquet")
            (folder / "_SUCCESS").touch()
        return sum(written.values())

    def _write_by_spark(self, run: Callable[[Iterable[Packet]], pa.Table | None], schema: pa.Schema, out: str) -> int:
        parts, errors = self.parts, importlib.import_module("pyspark.errors")

        def computed(partition: int, packets: Iterable[Packet]) -> Iterator[tuple[bytes]]:
            rows = run(packets) if partition < parts else None
            if rows is not None:
                yield (as_bytes(rows),)

        spark = self.tables.spark
        frame = spark.tables.createDataFrame(self.packets.mapPartitionsWithIndex(computed), "rows binary")
        try:
            map_in_arrow(frame, _opened, schema).write.mode("errorifexists").parquet(out)
        except errors.AnalysisException as error:
            if error.getCondition() != "PATH_ALREADY_EXISTS":
                raise
            raise _already_exists(out) from error
        return int(spark.tables.read.parquet(out).count())

    def _refuse_too_many_rejects(self) -> None:
        """Raise, as reading in one process does, if more rows were rejected than the settings allow."""
        for name in self.tables.sources:
            read, bad = self.row_counts.value[name, "read"], self.row_counts.value[name, "bad"]
            if bad > self.tables.settings.reject_share * read:
                raise TableError(
                    f"{name}: {bad} of {read} rows cannot be used, more than the "
                    f"{self.tables.settings.reject_share:.0%} that reject_share allows. The output should not be "
                    "used; run `rapport check` to see which rows."
                )


def refuse_relatives(attributes: Collection[str]) -> None:
    """Raise if features need a customer's relatives, which may be in another partition."""
    if PARENT in attributes:
        raise SettingsError(
            "Spark brings the rows of one customer together, not those of its relatives. Take parent_id out of "
            "fixed_attributes, or use the embedded engine."
        )


def refuse_existing_output(spark: Session, out: str | Path) -> None:
    """Raise before any work if the output folder exists."""
    if is_shared_folder(spark, out) and Path(out).exists():
        raise _already_exists(out)


def _no_output(name: str, rows: pa.Table) -> Iterator[tuple[int, Packet]]:  # noqa: ARG001 - the signature of SideOutput
    return iter(())


def _word_counter(tables: Tables, before: datetime, shard: int) -> SideOutput:
    """Return the side output that counts the company's words in some rows of a table."""
    settings, own = replace(tables.settings, reject_share=1.0), {}
    for name in WORD_COLUMNS.keys() & tables.sources.keys():
        names = resolve_columns(by_name(name), tables.sources[name], settings)
        wanted = {*WORD_COLUMNS[name], *by_name(name).required, "recorded_at"}
        own[name] = [column for contract, column in names.items() if contract in wanted]

    def counted(name: str, rows: pa.Table) -> Iterator[tuple[int, Packet]]:
        if name in own:
            with history_of({name: rows.select(own[name])}, settings, complete=False) as history:
                yield shard, ("words", as_bytes(word_counts(history, before)))

    return counted


def _job_runner(
    settings: Settings, job: PartitionJob, schema: pa.Schema, row_counts: Any
) -> Callable[[Iterable[Packet]], pa.Table | None]:
    """Return a function that runs a job on the history of a partition; it returns None for an empty partition."""
    worker_settings = replace(settings, reject_share=1.0)

    def run(packets: Iterable[Packet]) -> pa.Table | None:
        tables = unpacked(packets)
        if not tables:
            return None
        with history_of(tables, worker_settings, complete=False) as history:
            rows = history.rows
            row_counts.add(Counter({(name, "read"): table.num_rows for name, table in tables.items()}))
            row_counts.add(Counter({(name, "bad"): table.num_rows - rows[name] for name, table in tables.items()}))
            return job(history).cast(schema)

    return run


def _opened(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for rows in batch["rows"]:
            yield from pa.ipc.open_stream(rows.as_buffer()).read_all().to_batches()


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """Yield a temporary folder that is renamed to ``out`` when everything is written."""
    if out.exists():
        raise _already_exists(out)
    folder = out.with_name(f".{out.name}-{uuid4().hex}")
    folder.mkdir(parents=True)
    try:
        yield folder
        folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _already_exists(out: str | Path) -> SettingsError:
    return SettingsError(f"{out} exists already. Name another folder, or remove it.")


def _counter(context: Any) -> Any:
    accumulators = importlib.import_module("pyspark.accumulators")

    class Sums(accumulators.AccumulatorParam):  # type: ignore[misc,name-defined,unused-ignore]
        """Sum the counts that workers send."""

        def zero(self, value: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:  # noqa: ARG002 - Spark's signature
            return Counter()

        def addInPlace(  # noqa: N802 - Spark's name
            self, one: Counter[tuple[str, str]], other: Counter[tuple[str, str]]
        ) -> Counter[tuple[str, str]]:
            one.update(other)
            return one

    return context.accumulator(Counter(), Sums())
