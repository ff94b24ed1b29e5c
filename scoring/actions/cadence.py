"""Cadence of reviews: weekly for high risk, monthly for RFM, quarterly for all customers."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from rapport.scoring.cards.card import Card
from rapport.scoring.cards.config_models import ConfigModel, Count

_Days = Count


@dataclass(frozen=True)
class Cadence(ConfigModel):
    """Days between two reviews of a customer in a red tier, of its RFM segment, and on all cards.

    The other three are the days between two visits: to core customers (those that bring 80 % of revenue), to ordinary
    ones, and to those that are new (first order within `new_for_days`).
    """

    high_risk_days: _Days = 7
    rfm_days: _Days = 30
    full_days: _Days = 91
    core_days: _Days = 91
    ordinary_days: _Days = 182
    new_days: _Days = 30
    new_for_days: _Days = 90


def due_reviews(last: pa.Table, card: Card, as_of: datetime, cadence: Cadence) -> pa.Table:
    """Return the customers that are due at `as_of`, with what is due and since when, the longest overdue first.

    `last` has one row per customer: customer_id, tier, and scored_at, rfm_at and full_at, the last review of each kind
    (null: never, which is due at once).
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


def _due(last: pa.Table, what: str, column: str, days: int, now: np.datetime64, who: np.ndarray) -> pa.Table:
    reviewed = _times(last, column)
    due_at = np.where(np.isnat(reviewed), np.datetime64("1970-01-01", "us"), reviewed + np.timedelta64(days, "D"))
    rows = who & (due_at <= now)
    ids = last["customer_id"].filter(pa.array(rows))
    return pa.table({"customer_id": ids, "what": pa.repeat(what, int(rows.sum())), "due_at": pa.array(due_at[rows])})


def _times(last: pa.Table, column: str) -> np.ndarray:
    return np.asarray(last[column].cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)).astype("datetime64[us]")
