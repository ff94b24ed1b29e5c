"""Shards of customers: rows of many tables packed so that those of one customer travel together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Step = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""What is done to the batches of a partition, one after the other."""

PACKED = pa.schema([("shard", pa.int32()), ("source", pa.string()), ("rows", pa.binary())])


def packing(name: str, own: str, shards: int) -> Step:
    """Return what packs the rows of each shard of a table into one value; ``own`` is its column of customers."""

    def packed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found = shards_of(batch.column(own), shards)
            order = np.argsort(found, kind="stable")
            rows, starts = batch.take(pa.array(order)), np.searchsorted(found[order], np.arange(shards + 1))
            filled = [shard for shard in range(shards) if starts[shard] < starts[shard + 1]]
            values = [_bytes(rows.slice(starts[shard], starts[shard + 1] - starts[shard])) for shard in filled]
            yield pa.record_batch([pa.array(filled, pa.int32()), [name] * len(filled), values], schema=PACKED)

    return packed


def shards_of(ids: pa.Array, shards: int) -> npt.NDArray[np.int64]:
    """Return the shard of each customer, whose id is read here as the history will read it."""
    if pa.types.is_floating(ids.type) or pa.types.is_decimal(ids.type):
        ids = pc.cast(ids, pa.int64(), safe=False)
    coded = pc.utf8_trim_whitespace(pc.cast(ids, pa.string())).dictionary_encode()
    # Not Python's own hash, which differs from one process to the next.
    hashes = [crc32(each.encode()) % shards for each in coded.dictionary.to_pylist()]
    places = coded.indices.fill_null(len(hashes)).to_numpy(zero_copy_only=False)
    found: npt.NDArray[np.int64] = np.asarray([*hashes, 0], np.int64)[places]
    return found


def _bytes(rows: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return bytes(sink.getvalue())


def unpacked(batches: Sequence[pa.RecordBatch]) -> dict[str, pa.Table]:
    """Return the tables whose rows were packed."""
    found: dict[str, list[pa.Table]] = {}
    for batch in batches:
        for name, rows in zip(batch["source"].to_pylist(), batch["rows"], strict=True):
            found.setdefault(name, []).append(pa.ipc.open_stream(rows.as_buffer()).read_all())
    return {name: pa.concat_tables(parts) for name, parts in found.items()}
