"""Finds customers in tables that are sorted by customer_id, on arrays that workers memory-map."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class CustomerIndex:
    """Sorted customer ids: finds a row in microseconds, without a dictionary of a million strings in every worker."""

    sorted: npt.NDArray[np.bytes_]

    @classmethod
    def of(cls, ids: pa.Array | pa.ChunkedArray) -> CustomerIndex:
        """Index ids that are already sorted."""
        return cls(id_bytes(ids))

    def row_of(self, customer_id: str) -> int | None:
        """Return the row of a customer; None for an unknown one."""
        wanted = customer_id.encode("utf-8", "surrogatepass")
        position = int(self.sorted.searchsorted(wanted)) if len(self.sorted) else 0
        found = position < len(self.sorted) and bytes(self.sorted[position]) == wanted
        return position if found else None

    def id_of(self, row: int) -> str:
        """Return the id of the customer in a row."""
        return bytes(self.sorted[row]).decode("utf-8", "surrogatepass")


def id_bytes(ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bytes_]:
    """Return texts as bytes of one width, without a Python object for each."""
    whole = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    whole = whole.cast(pa.large_binary())
    lengths = pc.binary_length(whole).to_numpy(zero_copy_only=False).astype(np.int64)
    width = int(lengths.max(initial=1))
    found = np.zeros((len(lengths), max(width, 1)), np.uint8)
    _, offsets, data = whole.buffers()
    if data is not None and len(lengths):
        begin = np.frombuffer(offsets, np.int64)[whole.offset]
        used = np.frombuffer(data, np.uint8)[begin : begin + int(lengths.sum())]
        found[np.arange(found.shape[1]) < lengths[:, None]] = used
    texts: npt.NDArray[np.bytes_] = found.view(f"S{found.shape[1]}").reshape(-1)
    return texts


def row_counts(ids: pa.ChunkedArray) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.int64]]:
    """Return the ids that occur in a sorted column, and how many rows each has."""
    encoded = ids.combine_chunks().dictionary_encode()
    return id_bytes(encoded.dictionary), np.bincount(encoded.indices.to_numpy(), minlength=len(encoded.dictionary))


def row_offsets(snapshot: pa.ChunkedArray, tables: Mapping[str, pa.Table]) -> dict[str, bytes]:
    """Return, for each table sorted by customer, the offset of each snapshot customer's rows (as .npy files)."""
    ids = id_bytes(snapshot)
    found = {}
    for name, table in tables.items():
        theirs, counts = row_counts(table.column("customer_id"))
        begins = np.concatenate([[0], np.cumsum(counts)])
        starts = begins[np.searchsorted(theirs, ids)] if len(theirs) else np.zeros(len(ids))
        ends = begins[np.searchsorted(theirs, ids[-1:], side="right")] if len(theirs) else np.zeros(len(ids[-1:]))
        found[f"{name}.npy"] = npy_bytes(np.concatenate([starts, ends]).astype(np.int64))
    return found


def npy_bytes(values: npt.NDArray[Any]) -> bytes:
    """Return the content of an .npy file that workers can memory-map."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()
