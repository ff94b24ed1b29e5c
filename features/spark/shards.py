"""Shards of customers: rows of many tables packed so that the rows of one customer move together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Packet = tuple[str, bytes]
"""Rows of a table: its name, and the rows as an Arrow stream."""

Packer = Callable[[pa.Table], Iterator[tuple[int, Packet]]]

PACKED = pa.schema([("shard", pa.int32()), ("source", pa.string()), ("rows", pa.binary())])
"""The schema of packets as Spark rows."""

# Rows move to Java and back and are stored on disk in between: compressing them costs less than moving them.
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


def packer(name: str, own: str, shards: int) -> Packer:
    """Return a function that packs the rows of a table by shard; ``own`` is its column of customers."""

    def packed(rows: pa.Table) -> Iterator[tuple[int, Packet]]:
        found = shards_of(rows[own].combine_chunks(), shards)
        order = np.argsort(found, kind="stable")
        sorted_rows, starts = rows.take(order).combine_chunks(), np.searchsorted(found[order], np.arange(shards + 1))
        for shard, (start, end) in enumerate(pairwise(starts.tolist())):
            if start < end:
                yield shard, (name, as_bytes(sorted_rows.slice(start, end - start)))

    return packed


def shards_of(ids: pa.Array, shards: int) -> npt.NDArray[np.int16]:
    """Return the shard of each customer; ids are converted to text as the history does it."""
    if pa.types.is_floating(ids.type) or pa.types.is_decimal(ids.type):
        ids = pc.cast(ids, pa.int64(), safe=False)
    encoded = pc.utf8_trim_whitespace(pc.cast(ids, pa.string())).dictionary_encode()
    # Not Python's hash, which differs between processes.
    hashes = [crc32(each.encode()) % shards for each in encoded.dictionary.to_pylist()]
    codes = encoded.indices.fill_null(len(hashes)).to_numpy(zero_copy_only=False)
    # int16 is sorted by counting.
    found: npt.NDArray[np.int16] = np.asarray([*hashes, 0], np.int16)[codes]
    return found


def as_bytes(rows: pa.Table) -> bytes:
    """Return a table as the bytes of an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=_COMPRESSED) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def unpacked(packets: Iterable[Packet]) -> dict[str, pa.Table]:
    """Return the tables of some packets."""
    found: dict[str, list[pa.Table]] = {}
    for name, rows in packets:
        found.setdefault(name, []).append(pa.ipc.open_stream(rows).read_all())
    return {name: pa.concat_tables(parts) for name, parts in found.items()}
