"""Frames of other libraries: pandas, Polars and anything else that speaks Arrow are taken where a table is."""

from __future__ import annotations

import pyarrow as pa


def as_table(frame: object) -> pa.Table:
    """Return a frame of pandas, Polars or Arrow as an Arrow table; the index of a pandas frame is left out."""
    if isinstance(frame, pa.Table):
        return frame
    if hasattr(frame, "iloc"):
        return pa.Table.from_pandas(frame, preserve_index=False)
    return pa.table(frame)
