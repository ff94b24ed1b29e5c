"""Event streams: one row per fact, dated on the day from which it is known."""

from __future__ import annotations

from rapport.features.measures import Coalesce, Measure, PartialAggregate, WindowAggregate
from rapport.features.streams import communication, sales, service
from rapport.features.streams.stream import Stream

__all__ = ["STREAMS", "STREAM_BY_NAME", "Stream", "is_fixed_point", "measurable"]

STREAMS = (*sales.STREAMS, *communication.STREAMS, *service.STREAMS)
"""Every stream, in the order in which they are built."""

STREAM_BY_NAME = {stream.name: stream for stream in STREAMS}


def is_fixed_point(partial: PartialAggregate) -> bool:
    """Return whether a partial aggregate is in fixed point: of such a column, and neither a count nor squared."""
    return partial.column in STREAM_BY_NAME[partial.stream].fixed_point and partial.how not in ("known", "squares")


def measurable(measure: Measure, tables: frozenset[str]) -> bool:
    """Return whether a measure can be computed from these tables; of two alternatives, one is enough."""
    if isinstance(measure, WindowAggregate):
        return STREAM_BY_NAME[measure.partial.stream].is_measurable(tables)
    parts = [measurable(part, tables) for part in measure.parts()]
    return any(parts) if isinstance(measure, Coalesce) else all(parts)
