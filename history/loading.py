"""Streams of Arrow batches into the engine, without holding them all in memory first."""

import duckdb
import pyarrow as pa
from rapport.history.casting import quoted
from rapport.history.rejects import FILE, LINE


def load_batches(name: str, batches: pa.RecordBatchReader, engine: duckdb.DuckDBPyConnection) -> None:
    """Load a stream as the table that a source of this name is read from."""
    engine.register("stream", batches)
    try:
        engine.execute(
            f"CREATE TABLE {quoted(f'loaded {name}')} AS SELECT *, CAST(NULL AS VARCHAR) AS {quoted(FILE)}, "
            f"row_number() OVER () AS {quoted(LINE)} FROM stream"
        )
    finally:
        engine.unregister("stream")
