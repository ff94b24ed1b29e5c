"""Every stream: what happened, one row a fact, each placed on the day from which it is known."""

from __future__ import annotations

from rapport.features.measures import Either, Leaf, Measure
from rapport.features.streams import buying, caring, talking
from rapport.features.streams.stream import Stream

__all__ = ["STREAM", "STREAMS", "Stream", "measurable"]

STREAMS = (*buying.STREAMS, *talking.STREAMS, *caring.STREAMS)
"""Every stream, in the order in which they are built."""

STREAM = {stream.name: stream for stream in STREAMS}


def measurable(measure: Measure, tables: frozenset[str]) -> bool:
    """Return whether a measure can be told from these tables; of two alternatives, one is enough."""
    if isinstance(measure, Leaf):
        return STREAM[measure.partial.stream].is_kept(tables)
    parts = [measurable(part, tables) for part in measure.parts()]
    return any(parts) if isinstance(measure, Either) else all(parts)
