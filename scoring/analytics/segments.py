"""Segments: ABC classes by revenue, RFM segments, and their shares of revenue."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rapport.errors import CardError
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.card_scores import numpy_columns, score_card
from rapport.scoring.cards.rfm import RfmSegments, rfm_table

A_SHARE, B_SHARE = 0.8, 0.95
"""Class A is the first 80 % of revenue, B the next 15 %, C the rest."""
REVENUE = "spend_net_sum_365d"

Floats = npt.NDArray[np.float64]


def segments(snapshot: pa.Table, card: Card, names: RfmSegments) -> pa.Table:
    """Return one row per customer with orders: RFM levels, cell, segment, 12-month revenue, and class A, B or C."""
    if REVENUE not in snapshot.column_names:
        raise CardError(f"segments: the table has no column {REVENUE}. Create it with `rapport features`.")
    revenue = np.nan_to_num(np.asarray(numpy_columns(snapshot, [REVENUE])[REVENUE], dtype=float))
    table = rfm_table(snapshot["customer_id"], score_card(card, snapshot), revenue, names)
    table = table.append_column("abc", abc(revenue))
    return table.filter(pc.is_valid(table["cell"]))


def abc(revenue: Floats) -> pa.Array:
    """Return each customer's class by rank of revenue; a customer without revenue is C."""
    earned = np.maximum(revenue, 0.0)
    order = np.argsort(-earned, kind="stable")
    # A customer belongs to the class in which its own revenue starts.
    begins = np.cumsum(earned[order]) - earned[order]
    total = earned.sum()
    classes = np.full(len(earned), "C", dtype=object)
    classes[order[begins < B_SHARE * total]] = "B"
    classes[order[begins < A_SHARE * total]] = "A"
    classes[earned <= 0] = "C"
    return pa.array(classes, pa.string())


def revenue_shares(table: pa.Table, by: str = "segment") -> pa.Table:
    """Return one row per segment: customers and revenue with their shares, largest revenue first."""
    grouped = table.group_by(by).aggregate([("customer_id", "count"), ("revenue", "sum")])
    customers = np.asarray(grouped["customer_id_count"], dtype=float)
    revenue = np.asarray(grouped["revenue_sum"], dtype=float)
    shares = pa.table(
        {
            by: grouped[by],
            "customers": grouped["customer_id_count"],
            "share_of_customers": customers / max(customers.sum(), 1),
            "revenue": revenue,
            "share_of_revenue": revenue / revenue.sum() if revenue.sum() else revenue * 0,
        }
    )
    return shares.sort_by([("revenue", "descending"), (by, "ascending")])


def pareto(revenue: Floats, share: float = 0.8) -> dict[str, object]:
    """Return the share of customers that brings `share` of the revenue."""
    earned = np.sort(np.maximum(np.nan_to_num(revenue), 0.0))[::-1]
    total = earned.sum()
    needed = int(np.searchsorted(np.cumsum(earned), share * total) + 1) if total else 0
    return {"share_of_revenue": share, "customers": needed, "share_of_customers": needed / max(len(earned), 1)}
