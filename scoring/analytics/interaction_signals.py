"""Signals in the texts of interactions: what a customer needs, misses, praises, compares, or intends to stop."""

from datetime import datetime

import pyarrow as pa

from rapport.durations import parse_duration
from rapport.history import History
from rapport.history.content import content_signals
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

RECENT = parse_duration("6mo")
BAD = ("stop", "competitor", "price", "pain")
"""The kinds of signals that are bad news."""
SCHEMA = pa.schema(
    {
        "customer_id": pa.string(),
        "at": pa.timestamp("us"),
        "signal": pa.string(),
        "quote": pa.string(),
        "channel": pa.string(),
    }
)


def interaction_signals(history: History, as_of: datetime, since: datetime | None = None) -> pa.Table:
    """Return one row per signal of the last six months, or since a time: customer, time, kind, quoted words.

    A time stands for when the interaction became known, so that an alert sees each signal once.
    """
    start = since or RECENT.before(as_of)
    rows = query_as_of(
        history,
        f"""
        SELECT customer_id, greatest(occurred_at, coalesce(recorded_at, occurred_at)) AS known_at, occurred_at, channel,
            text
        FROM {rows_known_at("interactions", extra=["recorded_at"])}
        WHERE text IS NOT NULL AND coalesce(direction, 'inbound') <> 'outbound'
        ORDER BY customer_id, occurred_at DESC, text
        """,
        as_of,
    )
    first = start.replace(tzinfo=None)
    found: dict[str, list[object]] = {name: [] for name in SCHEMA.names}
    cache: dict[str, tuple[tuple[str, str], ...]] = {}
    for row in rows.to_pylist():
        if row["known_at"].replace(tzinfo=None) < first:
            continue
        text = row["text"]
        if text not in cache:
            cache[text] = tuple((signal.kind, signal.quote) for signal in content_signals(text))
        for kind, quote in cache[text]:
            line = (row["customer_id"], row["occurred_at"].replace(tzinfo=None), kind, quote, row["channel"])
            for name, value in zip(SCHEMA.names, line, strict=True):
                found[name].append(value)
    return pa.table(found, SCHEMA)
