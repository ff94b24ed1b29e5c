"""An order book as peers read it: one row an order, and what was known of each customer at a cutoff."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

DAY = pd.Timedelta(days=1)
WINDOWS = (30, 90, 180, 365)


@dataclass(frozen=True)
class Book:
    """Orders (customer_id, ordered_at, amount) and the task: who counts as active, and how far ahead is asked."""

    orders: pd.DataFrame
    horizon_days: int
    active_days: int

    def known(self, cutoff: pd.Timestamp) -> pd.DataFrame:
        """Return the features of every active customer at the cutoff, and ``left`` where the outcome is there."""
        past = self.orders[self.orders.ordered_at < cutoff]
        known = _features(past, cutoff)
        known = known[known.recency <= self.active_days]
        ahead = self.orders[
            (self.orders.ordered_at >= cutoff) & (self.orders.ordered_at < cutoff + self.horizon_days * DAY)
        ]
        return known.assign(left=~known.index.isin(ahead.customer_id.unique()))

    def slices(self, cutoff: pd.Timestamp, most: int) -> list[pd.DataFrame]:
        """Return earlier months' rows with outcomes known by the cutoff, newest first; at least one."""
        newest = cutoff - self.horizon_days * DAY
        # A slice with less history than the horizon teaches little.
        first = self.orders.ordered_at.min() + self.horizon_days * DAY
        moments = [newest - pd.DateOffset(months=back) for back in range(most)]
        return [self.known(moment) for moment in moments if moment == newest or moment >= first]


def read_book(folder: Path, horizon_days: int, active_days: int = 365) -> Book:
    """Read the orders of a history: lines of an order at one moment added up, returns left out."""
    lines = pd.read_parquet(folder / "orders.parquet", columns=["customer_id", "order_id", "ordered_at", "amount"])
    lines = lines[lines.amount > 0].assign(customer_id=lambda rows: rows.customer_id.astype(str))
    orders = lines.groupby(["customer_id", "order_id", "ordered_at"], as_index=False).amount.sum()
    return Book(orders.sort_values("ordered_at"), horizon_days, active_days)


def _features(past: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    age = (cutoff - past.ordered_at) / DAY
    past = past.assign(age=age, day=past.ordered_at.dt.floor("D"))
    by = past.groupby("customer_id")
    known = pd.DataFrame(
        {
            "recency": by.age.min(),
            "tenure": by.age.max(),
            "orders": by.size(),
            "days": by.day.nunique(),
            "spend": by.amount.sum(),
            "largest": by.amount.max(),
        }
    )
    for days in WINDOWS:
        window = past[past.age <= days].groupby("customer_id").amount.agg(["size", "sum"])
        known[f"orders_{days}"] = window["size"].reindex(known.index).fillna(0)
        known[f"spend_{days}"] = window["sum"].reindex(known.index).fillna(0)
    known["gap"] = (known.tenure - known.recency) / (known.days - 1).replace(0, np.nan)
    known["overdue"] = known.recency / known.gap.clip(lower=1)
    return known
