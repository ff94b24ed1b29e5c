"""Products: what relatives buy and a customer does not, and what customers like it bought next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from rapport.history import History
from rapport.scoring.analytics.account_hierarchy import build_account_hierarchy
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

TOP_PRODUCTS, SUGGESTED, JUDGED_DAYS, RECENT_DAYS = 1_000, 3, 182, 730
CUSTOMERS_AT_ONCE = 2_048
_SMOOTHING = 5.0
_WAYS = ("like_customers", "most_popular")
_NEXT = pa.schema(
    {"customer_id": pa.string(), "rank": pa.int64(), "product": pa.string(), "buyers": pa.int64(),
     "because": pa.string()}
)  # fmt: skip
Numbers = npt.NDArray[np.floating[Any]]
Places = npt.NDArray[np.intp]
Facts = dict[str, Any]


@dataclass(frozen=True)
class Purchases:
    """Who bought what: ``bought`` is a sparse matrix of ones, customers x products, both in order of their names."""

    customers: pa.Array
    products: pa.Array
    bought: Any

    @classmethod
    def of(cls, rows: pa.Table, customers: pa.Array, products: pa.Array) -> "Purchases":
        """Return the rows of these customers and products; other rows are left out."""
        row, column = (
            pc.index_in(rows[name], value_set=known).combine_chunks()
            for name, known in (("customer_id", customers), ("product", products))
        )
        known = pc.and_(row.is_valid(), column.is_valid())
        places = tuple(each.filter(known).to_numpy() for each in (row, column))
        ones = np.ones(len(places[0]), np.float32)
        return cls(customers, products, sparse.csr_array((ones, places), shape=(len(customers), len(products))))

    @cached_property
    def buyers(self) -> Numbers:
        """Return the number of buyers of each product."""
        return np.bincount(self.bought.indices, minlength=len(self.products)).astype(np.float32)

    @cached_property
    def popular(self) -> Numbers:
        """Return the share of customers who have each product."""
        return self.buyers / max(len(self.customers), 1)

    @cached_property
    def conditional(self) -> Numbers:
        """Return the chance that a buyer of a product (row) has another (column), shrunk to the share of all."""
        together = (self.bought.T @ self.bought).toarray()
        shares: Numbers = (together + _SMOOTHING * self.popular[None, :]) / (self.buyers[:, None] + _SMOOTHING)
        return shares

    def ranked(self, *, by_similarity: bool) -> Iterator[tuple[int, Numbers, Places]]:
        """Yield, for some customers after the other: the first one's place, what they have, and their next products.

        The next products are customers x ``SUGGESTED`` places, best first; -1 where nothing is left to suggest. All
        customers at once would take 20 bytes for each customer and product.
        """
        for first in range(0, len(self.customers) if len(self.products) else 0, CUSTOMERS_AT_ONCE):
            have = self.bought[first : first + CUSTOMERS_AT_ONCE].toarray()
            count = np.maximum(have.sum(axis=1, keepdims=True), 1.0)
            scores = np.where(have > 0, -np.inf, have @ self.conditional / count if by_similarity else self.popular)
            rows, best = np.arange(len(have)), np.empty((len(have), SUGGESTED), np.intp)
            for rank in range(SUGGESTED):
                place = scores.argmax(axis=1)
                best[:, rank] = np.where(np.isfinite(scores[rows, place]), place, -1)
                scores[rows, place] = -np.inf
            yield first, have, best


def white_space(history: History, as_of: datetime) -> pa.Table:
    """Return, per customer with relatives, each product that a relative bought in two years and this one did not.

    What was returned is not bought; the amount is net of returns.
    """
    none = pa.array([], pa.float64())
    scores = pa.table({"customer_id": pa.array([], pa.string()), "probability": none, "value": none})
    tree = build_account_hierarchy(history, as_of, scores).select(["customer_id", "root_id"])
    history.connection.register("account_roots", tree)
    try:
        return query_as_of(
            history,
            f"""
            WITH bought AS (SELECT customer_id, product, sum(amount) AS amount FROM {rows_known_at("orders")}
                WHERE product IS NOT NULL AND ordered_at >= $as_of::TIMESTAMP - INTERVAL {RECENT_DAYS} DAY
                GROUP BY ALL HAVING sum(amount) > 0),
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
    facts = _evaluate(history, as_of)
    purchases = _purchases(history, as_of)
    by_similarity = facts["served"] == "like_customers"
    parts = [
        _named(purchases, *part, by_similarity=by_similarity) for part in purchases.ranked(by_similarity=by_similarity)
    ]
    return pa.concat_tables([_NEXT.empty_table(), *parts]), facts


def _purchases(history: History, as_of: datetime) -> Purchases:
    """Return who bought which of the most frequent products in the two years before a moment."""
    rows = _bought(history, as_of, RECENT_DAYS)
    counted = rows["product"].value_counts()
    names, counts = (np.array(counted.field(name).to_pylist()) for name in ("values", "counts"))
    kept = sorted(names[np.lexsort((names, -counts))[:TOP_PRODUCTS]].tolist()) if len(names) else []
    customers = pc.unique(rows["customer_id"])
    return Purchases.of(rows, customers.take(pc.sort_indices(customers)), pa.array(kept, pa.string()))


def _bought(history: History, as_of: datetime, days: int) -> pa.Table:
    """Return each customer's products of so many days before a moment, without those that it returned."""
    return query_as_of(
        history,
        f"""
        SELECT customer_id, product FROM {rows_known_at("orders")}
        WHERE product IS NOT NULL AND ordered_at >= $as_of::TIMESTAMP - INTERVAL {days} DAY
        GROUP BY ALL HAVING sum(amount) > 0
        """,
        as_of,
    )


def _named(purchases: Purchases, first: int, have: Numbers, best: Places, *, by_similarity: bool) -> pa.Table:
    """Return the rows of some customers; ``because`` is the product they have that speaks most for the suggested."""
    because = np.full(best.shape, -1)
    if by_similarity:
        for at in range(SUGGESTED):
            speaks = np.where(have > 0, purchases.conditional.T[best[:, at]], -np.inf)
            because[:, at] = np.where(have.any(axis=1), speaks.argmax(axis=1), -1)
    customer, rank = np.nonzero(best >= 0)
    product, because = best[customer, rank], because[customer, rank]
    columns = [
        purchases.customers.take(pa.array(first + customer)),
        pa.array(rank + 1),
        purchases.products.take(pa.array(product)),
        pa.array(purchases.buyers[product].astype(np.int64)),
        purchases.products.take(pa.array(because, mask=because < 0)),
    ]
    return pa.table(columns, schema=_NEXT)


def _evaluate(history: History, as_of: datetime) -> Facts:
    """Return the hit rate of both ways on first purchases of the last half year."""
    judged = as_of - timedelta(days=JUDGED_DAYS)
    before = _purchases(history, judged)
    later = Purchases.of(_bought(history, as_of, JUDGED_DAYS), before.customers, before.products)
    fresh = later.bought - later.bought.multiply(before.bought)
    active = np.asarray(fresh.sum(axis=1)) > 0
    rates = {name: _hit_rate(before, fresh, active, by_similarity=name == "like_customers") for name in _WAYS}
    like, popular = (rates[name] for name in _WAYS)
    better = like is not None and popular is not None and like > popular
    return {
        "judged_from": judged.date().isoformat(),
        "customers_judged": int(active.sum()),
        "hit_rate_like_customers": like,
        "hit_rate_most_popular": popular,
        "lift_over_most_popular": like / popular if like is not None and popular else None,
        "served": "like_customers" if better else "most_popular",
    }


def _hit_rate(before: Purchases, fresh: Any, active: npt.NDArray[np.bool_], *, by_similarity: bool) -> float | None:
    """Return the share of customers with a first purchase who bought one of the three named products."""
    if not active.any():
        return None
    hits = 0
    for first, have, best in before.ranked(by_similarity=by_similarity):
        bought = np.take_along_axis(fresh[first : first + len(have)].toarray(), best, axis=1)
        hits += int(((bought > 0) & (best >= 0)).any(axis=1).sum())
    return hits / int(active.sum())
