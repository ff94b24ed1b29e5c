"""Cadence: which customers are due for another look, weekly for high risk, monthly for RFM, quarterly for all."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from rapport.scoring.cards.card import Card


@dataclass(frozen=True)
class Cadence:
    """Days between two looks at a customer in a red tier, at everyone who orders (RFM), and at everyone (all cards)."""

    high_risk_days: int = 7
    rfm_days: int = 30
    full_days: int = 91


def due(last: pa.Table, card: Card, as_of: datetime, cadence: Cadence) -> pa.Table:
    """Give the customers that are due at `as_of`, with what is due and since when, the longest overdue first.

    `last` has a row a customer: customer_id, tier, and scored_at, rfm_at and full_at, the last look of each kind (null:
    never, which is due at once).
    """
    now = np.datetime64(as_of.replace(tzinfo=None), "us")
    red = {tier.name for tier in card.tiers if tier.signal == "red"}
    is_red = np.array([tier in red for tier in last["tier"].to_pylist()], dtype=bool)
    everyone = np.ones(last.num_rows, dtype=bool)
    parts = [
        _due(last, "high_risk", "scored_at", cadence.high_risk_days, now, is_red),
        _due(last, "rfm", "rfm_at", cadence.rfm_days, now, everyone),
        _due(last, "full", "full_at", cadence.full_days, now, everyone),
    ]
    return pa.concat_tables(parts).sort_by(
        [("due_at", "ascending"), ("customer_id", "ascending"), ("what", "ascending")]
    )


def next_due(last: pa.Table, card: Card, cadence: Cadence) -> pa.Array:
    """Give the date on which each customer is next due for any look; null where it was never looked at."""
    red = {tier.name for tier in card.tiers if tier.signal == "red"}
    days = [cadence.high_risk_days if tier in red else cadence.rfm_days for tier in last["tier"].to_pylist()]
    looked = _times(last, "scored_at")
    return pa.array(looked + np.array(days, dtype="timedelta64[D]"), pa.timestamp("us"))


def _due(last: pa.Table, what: str, column: str, days: int, now: np.datetime64, who: np.ndarray) -> pa.Table:
    looked = _times(last, column)
    due_at = np.where(np.isnat(looked), np.datetime64("1970-01-01", "us"), looked + np.timedelta64(days, "D"))
    rows = who & (due_at <= now)
    ids = last["customer_id"].filter(pa.array(rows))
    return pa.table({"customer_id": ids, "what": pa.repeat(what, int(rows.sum())), "due_at": pa.array(due_at[rows])})


def _times(last: pa.Table, column: str) -> np.ndarray:
    return np.asarray(last[column].cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)).astype("datetime64[us]")
