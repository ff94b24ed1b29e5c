"""Products: what relatives buy and a customer does not, and what customers like it bought next."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.account_hierarchy import build_account_hierarchy
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

TOP_PRODUCTS, SUGGESTED, JUDGED_DAYS, RECENT_DAYS = 1_000, 3, 182, 730
_SMOOTHING = 5.0
Owned = npt.NDArray[np.float32]
Facts = dict[str, Any]


def white_space(history: History, as_of: datetime) -> pa.Table:
    """Return, per customer with relatives, each product that a relative bought in two years and this one did not."""
    none = pa.array([], pa.float64())
    scores = pa.table({"customer_id": pa.array([], pa.string()), "probability": none, "value": none})
    tree = build_account_hierarchy(history, as_of, scores).select(["customer_id", "root_id"])
    history.connection.register("account_roots", tree)
    try:
        return query_as_of(
            history,
            f"""
            WITH bought AS (SELECT customer_id, product, sum(amount) AS amount FROM {rows_known_at("orders")}
                WHERE product IS NOT NULL AND amount > 0
                    AND ordered_at >= $as_of::TIMESTAMP - INTERVAL {RECENT_DAYS} DAY GROUP BY ALL),
            buyers AS (SELECT bought.*, root_id FROM bought JOIN account_roots USING (customer_id))
            SELECT mine.customer_id, theirs.product, theirs.customer_id AS relative_id, theirs.amount
            FROM account_roots AS mine JOIN buyers AS theirs
                ON mine.root_id = theirs.root_id AND mine.customer_id <> theirs.customer_id
            WHERE NOT EXISTS (SELECT 1 FROM bought AS own
                WHERE own.customer_id = mine.customer_id AND own.product = theirs.product)
            ORDER BY mine.customer_id, theirs.amount DESC, theirs.product, relative_id
            """,
            as_of,
        )
    finally:
        history.connection.unregister("account_roots")


def next_products(history: History, as_of: datetime) -> tuple[pa.Table, Facts]:
    """Return up to three products that each recent customer has not bought, and how such lists did on later purchases.

    Both ways are judged on the last half year: learned before it, they name products for each customer, and a hit is
    a first purchase in it. The one with more hits is served: what like customers bought, or what is most popular.
    """
    judged = as_of - timedelta(days=JUDGED_DAYS)
    products, customers, owned = _owned(history, judged)
    facts = _evaluate(history, as_of, products, customers, owned)
    products, customers, owned = _owned(history, as_of)
    by_similarity = facts["served"] == "like_customers"
    rows = _named(products, customers, owned, by_similarity=by_similarity)
    schema = pa.schema(
        {"customer_id": pa.string(), "rank": pa.int64(), "product": pa.string(), "buyers": pa.int64(),
         "because": pa.string()}
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema), facts


def _owned(history: History, as_of: datetime) -> tuple[list[str], list[str], Owned]:
    """Return products, customers and who bought what in the two years before a moment."""
    rows = query_as_of(
        history,
        f"""
        SELECT DISTINCT customer_id, product FROM {rows_known_at("orders")}
        WHERE product IS NOT NULL AND amount > 0 AND ordered_at >= $as_of::TIMESTAMP - INTERVAL {RECENT_DAYS} DAY
        ORDER BY customer_id, product
        """,
        as_of,
    )
    names, counts = np.unique(np.array(rows["product"].to_pylist(), dtype=object).astype(str), return_counts=True)
    kept = sorted(names[np.argsort(-counts, kind="stable")[:TOP_PRODUCTS]].tolist())
    place = {name: at for at, name in enumerate(kept)}
    customers = sorted(set(rows["customer_id"].to_pylist()))
    row_of = {name: at for at, name in enumerate(customers)}
    owned = np.zeros((len(customers), len(kept)), dtype=np.float32)
    for customer, product in zip(rows["customer_id"].to_pylist(), rows["product"].to_pylist(), strict=True):
        if product in place:
            owned[row_of[customer], place[product]] = 1.0
    return kept, customers, owned


def _scores(owned: Owned, *, by_similarity: bool) -> tuple[Owned, Owned]:
    """Return each customer's score of each product, -inf for what it has; and the chance of one product given another.

    The chance that a buyer of a product has another one, shrunk to the share of all who have it.
    """
    buyers = owned.sum(axis=0)
    popular = buyers / max(len(owned), 1)
    together = owned.T @ owned
    given = (together + _SMOOTHING * popular[None, :]) / (buyers[:, None] + _SMOOTHING)
    count = np.maximum(owned.sum(axis=1, keepdims=True), 1.0)
    score = owned @ given / count if by_similarity else np.tile(popular, (len(owned), 1))
    return np.where(owned > 0, -np.inf, score).astype(np.float32), given


def _named(products: list[str], customers: list[str], owned: Owned, *, by_similarity: bool) -> list[dict[str, object]]:
    if not products:
        return []
    scores, given = _scores(owned, by_similarity=by_similarity)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :SUGGESTED]
    buyers = owned.sum(axis=0)
    rows = []
    for at, customer in enumerate(customers):
        have = np.flatnonzero(owned[at])
        for rank, product in enumerate(order[at].tolist(), start=1):
            if np.isfinite(scores[at, product]):
                because = products[have[given[have, product].argmax()]] if by_similarity and len(have) else None
                row = {"customer_id": customer, "rank": rank, "product": products[product]}
                rows.append(row | {"buyers": int(buyers[product]), "because": because})
    return rows


def _evaluate(history: History, as_of: datetime, products: list[str], customers: list[str], owned: Owned) -> Facts:
    """Return the hit rate of both ways on first purchases of the last half year."""
    bought = query_as_of(
        history,
        f"""
        SELECT DISTINCT customer_id, product FROM {rows_known_at("orders")}
        WHERE product IS NOT NULL AND amount > 0 AND ordered_at >= $as_of::TIMESTAMP - INTERVAL {JUDGED_DAYS} DAY
        """,
        as_of,
    )
    row_of, place = ({name: at for at, name in enumerate(names)} for names in (customers, products))
    later = np.zeros_like(owned)
    for customer, product in zip(bought["customer_id"].to_pylist(), bought["product"].to_pylist(), strict=True):
        if customer in row_of and product in place:
            later[row_of[customer], place[product]] = 1.0
    fresh = later * (owned == 0)
    active = fresh.sum(axis=1) > 0
    rates = {name: _hit_rate(owned, fresh, active, by_similarity=name == "like_customers") for name in _WAYS}
    like, popular = (rates[name] for name in _WAYS)
    better = like is not None and popular is not None and like > popular
    return {
        "judged_from": (as_of - timedelta(days=JUDGED_DAYS)).date().isoformat(),
        "customers_judged": int(active.sum()),
        "hit_rate_like_customers": like,
        "hit_rate_most_popular": popular,
        "lift_over_most_popular": like / popular if like is not None and popular else None,
        "served": "like_customers" if better else "most_popular",
    }


_WAYS = ("like_customers", "most_popular")


def _hit_rate(owned: Owned, fresh: Owned, active: npt.NDArray[np.bool_], *, by_similarity: bool) -> float | None:
    """Return the share of customers with a first purchase who bought one of the three named products."""
    if not active.any():
        return None
    scores, _ = _scores(owned, by_similarity=by_similarity)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :SUGGESTED]
    hit = np.take_along_axis(fresh, order, axis=1).max(axis=1) > 0
    return float(hit[active].mean())
