"""Training rows written to a file, so that a benchmark measures them without holding them all."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rapport.features import Catalog, catalog
from rapport.features.feature_table.training_rows import iter_training_rows
from rapport.features.targets.dataset_spec import DatasetSpec
from rapport.history import History


def write_training_rows(history: History, spec: DatasetSpec, out: Path, features: Catalog | None = None) -> int:
    """Write the training rows to a Parquet file, a chunk of customers at a time; return the number of rows."""
    parts = iter_training_rows(history, spec, features or catalog())
    first = next(parts)
    # Floats repeat too little for a dictionary to be worth its time.
    dictionary = [field.name for field in first.schema if not pa.types.is_floating(field.type)]
    # One part is written while the next is computed.
    with pq.ParquetWriter(out, first.schema, use_dictionary=dictionary) as writer, ThreadPoolExecutor(1) as pool:
        written, previous = 0, None
        for part in chain([first], parts):
            written += len(part)
            if previous is not None:
                previous.result()
            previous = pool.submit(writer.write_table, part)
        assert previous is not None
        previous.result()
    return written
