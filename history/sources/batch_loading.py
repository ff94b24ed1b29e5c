"""Loading of Arrow batches into the database, without holding all of them in memory."""

import duckdb
import pyarrow as pa

from rapport.history.rejected_rows import FILE, LINE
from rapport.history.sql import quoted


def load_batches(name: str, batches: pa.RecordBatchReader, engine: duckdb.DuckDBPyConnection) -> None:
    """Load a stream as the table from which a source of this name is read."""
    engine.register("stream", batches)
    try:
        engine.execute(
            f"CREATE TABLE {quoted(f'loaded {name}')} AS SELECT *, CAST(NULL AS VARCHAR) AS {quoted(FILE)}, "
            f"row_number() OVER () AS {quoted(LINE)} FROM stream"
        )
    finally:
        engine.unregister("stream")
