"""Shards of customers: rows of many tables packed so that those of one customer travel together."""

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

Packing = Callable[[pa.Table], Iterator[tuple[int, Packet]]]

PACKED = pa.schema([("shard", pa.int32()), ("source", pa.string()), ("rows", pa.binary())])
"""Packets as Spark's own rows."""

# Rows cross to Java and back, and lie on disk in between: packing them tight costs less than moving them.
_TIGHT = pa.ipc.IpcWriteOptions(compression="lz4")


def packing(name: str, own: str, shards: int) -> Packing:
    """Return what packs the rows of each shard of a table; ``own`` is its column of customers."""

    def packed(rows: pa.Table) -> Iterator[tuple[int, Packet]]:
        found = shards_of(rows[own].combine_chunks(), shards)
        order = np.argsort(found, kind="stable")
        sorted_rows, starts = rows.take(order).combine_chunks(), np.searchsorted(found[order], np.arange(shards + 1))
        for shard, (start, end) in enumerate(pairwise(starts.tolist())):
            if start < end:
                yield shard, (name, as_bytes(sorted_rows.slice(start, end - start)))

    return packed


def shards_of(ids: pa.Array, shards: int) -> npt.NDArray[np.int16]:
    """Return the shard of each customer, whose id is read here as the history will read it."""
    if pa.types.is_floating(ids.type) or pa.types.is_decimal(ids.type):
        ids = pc.cast(ids, pa.int64(), safe=False)
    coded = pc.utf8_trim_whitespace(pc.cast(ids, pa.string())).dictionary_encode()
    # Not Python's own hash, which differs from one process to the next.
    hashes = [crc32(each.encode()) % shards for each in coded.dictionary.to_pylist()]
    places = coded.indices.fill_null(len(hashes)).to_numpy(zero_copy_only=False)
    # Small numbers are sorted by counting.
    found: npt.NDArray[np.int16] = np.asarray([*hashes, 0], np.int16)[places]
    return found


def as_bytes(rows: pa.Table) -> bytes:
    """Return a table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=_TIGHT) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def unpacked(packets: Iterable[Packet]) -> dict[str, pa.Table]:
    """Return the tables whose rows were packed."""
    found: dict[str, list[pa.Table]] = {}
    for name, rows in packets:
        found.setdefault(name, []).append(pa.ipc.open_stream(rows).read_all())
    return {name: pa.concat_tables(parts) for name, parts in found.items()}
