"""Key accounts: those that bring 80 % of revenue, who would join them, three layers of relation, and referrals."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.analytics.segments import A_SHARE, pareto
from rapport.scoring.analytics.stakeholders import list_stakeholders

KEY_ROLES = ("decision_maker", "finance", "influencer")
_JOIN_SHARE = 1.0
"""A customer would join the key accounts if its pace of the last half year, kept for a year, reaches their least."""

CUSTOMERS_AT_ONCE = 1 << 15
"""Plans are made in Python objects, three and their parts a customer."""
_PLANS = pa.schema(
    {"customer_id": pa.string(), "layer": pa.string(), "score": pa.float64(), "missing": pa.list_(pa.string())}
)

Facts = dict[str, Any]


def key_accounts(history: History, as_of: datetime) -> tuple[pa.Table, Facts]:
    """Return the customers by 12-month revenue with their role: key, candidate or other; and who brings how much."""
    table = query_as_of(
        history,
        f"""
        WITH spent AS (
            SELECT customer_id, greatest(sum(amount) FILTER (ordered_at >= $as_of::TIMESTAMP - INTERVAL 365 DAY), 0)
                    AS revenue,
                2 * greatest(sum(amount) FILTER (ordered_at >= $as_of::TIMESTAMP - INTERVAL 182 DAY), 0) AS pace
            FROM {rows_known_at("orders")} GROUP BY customer_id),
        deals AS (SELECT customer_id, sum(amount) AS open_amount FROM {rows_known_at("opportunities")}
                  WHERE closed_at IS NULL GROUP BY customer_id)
        SELECT spent.customer_id, coalesce(revenue, 0) AS revenue, coalesce(pace, 0) AS pace,
            coalesce(open_amount, 0) AS open_amount
        FROM spent LEFT JOIN deals USING (customer_id) ORDER BY revenue DESC NULLS LAST, customer_id
        """,
        as_of,
    )
    revenue, pace = (np.asarray(table[name], dtype=float) for name in ("revenue", "pace"))
    total = float(revenue.sum())
    before = np.cumsum(revenue) - revenue
    is_key = (before < A_SHARE * total) & (revenue > 0)
    least = float(revenue[is_key].min()) if is_key.any() else 0.0
    joins = ~is_key & (pace >= _JOIN_SHARE * least) & (least > 0)
    role = np.where(is_key, "key", np.where(joins, "candidate", "other"))
    shown = table.append_column("role", pa.array(role, pa.string()))
    shown = shown.append_column("share", pa.array(revenue / total if total else revenue))
    shown = shown.append_column("rank", pa.array(np.arange(1, len(revenue) + 1)))
    return shown.filter(pa.array(role != "other")), _concentration(revenue, is_key, joins, least)


def revenue_12m(history: History, as_of: datetime) -> pa.Table:
    """Return the revenue of the last 365 days of each customer with orders, net of returns and at least 0."""
    year = "$as_of::TIMESTAMP - INTERVAL 365 DAY"
    return query_as_of(
        history,
        f"""
        SELECT customer_id, coalesce(greatest(sum(amount) FILTER (ordered_at >= {year}), 0), 0)::DOUBLE AS revenue
        FROM {rows_known_at("orders")} GROUP BY customer_id
        """,
        as_of,
    )


def account_plans(history: History, as_of: datetime, keys: pa.Table) -> pa.Table:
    """Return the three layers of relation of each key account or candidate: key people, goodwill, organisation.

    A layer's score is the mean of its checks, of 100; `missing` names the checks that fail.
    """
    found = [_PLANS.empty_table()]
    stakeholders, ties = list_stakeholders(history, as_of), _ties(history, as_of)
    for first in range(0, len(keys), CUSTOMERS_AT_ONCE):
        ids = keys["customer_id"].slice(first, CUSTOMERS_AT_ONCE)
        people, tied = (rows.filter(pc.is_in(rows["customer_id"], ids)).to_pylist() for rows in (stakeholders, ties))
        found.append(pa.Table.from_pylist(_plans(ids.to_pylist(), people, tied), _PLANS))
    return pa.concat_tables(found).combine_chunks().sort_by("customer_id")


def _plans(ids: list[str], people: list[dict[str, Any]], ties: list[dict[str, Any]]) -> list[dict[str, object]]:
    """Return a row for each layer of some customers."""
    people_of: dict[str, list[dict[str, Any]]] = {}
    for person in people:
        people_of.setdefault(person["customer_id"], []).append(person)
    ties_of = {row["customer_id"]: row for row in ties}
    rows: list[dict[str, object]] = []
    for customer in ids:
        for layer, checks in _layers(people_of.get(customer, []), ties_of.get(customer, {})).items():
            known = {name: value for name, value in checks.items() if value is not None}
            score = 100 * sum(known.values()) / len(known) if known else None
            missing = [name for name, value in known.items() if not value]
            rows.append({"customer_id": customer, "layer": layer, "score": score, "missing": missing})
    return rows


def referrals(history: History, as_of: datetime) -> pa.Table:
    """Return one row per customer who referred others: how many were known by then, how many bought, what they spent.

    A referred customer counts only if it was known before `as_of`.
    """
    return query_as_of(
        history,
        f"""
        WITH spent AS (SELECT customer_id, sum(amount) AS revenue FROM {rows_known_at("orders")} GROUP BY customer_id)
        SELECT referred_by AS customer_id, count(*) AS referred, count(revenue) AS bought,
            coalesce(sum(revenue), 0) AS revenue, max(created_at) AS latest
        FROM {rows_known_at("customers")} LEFT JOIN spent USING (customer_id)
        WHERE referred_by IS NOT NULL AND referred_by <> customer_id
        GROUP BY referred_by ORDER BY revenue DESC, customer_id
        """,
        as_of,
    )


def _concentration(revenue: np.ndarray, is_key: np.ndarray, joins: np.ndarray, least: float) -> Facts:
    buyers = revenue[revenue > 0]
    top = int(np.ceil(0.2 * len(buyers)))
    total = float(buyers.sum())
    above = buyers[buyers > buyers.mean()] if len(buyers) else buyers
    return {
        **pareto(buyers, A_SHARE),
        "key_accounts": int(is_key.sum()),
        "candidates": int(joins.sum()),
        "least_revenue_of_a_key_account": least,
        "share_of_revenue_by_top_20_percent": float(buyers[:top].sum() / total) if total else None,
        "share_of_revenue_by_customers_above_average": float(above.sum() / total) if total else None,
        "customers_above_average": len(above),
        "buyers": len(buyers),
    }


def _ties(history: History, as_of: datetime) -> pa.Table:
    recent = "$as_of::TIMESTAMP - INTERVAL 365 DAY"
    return query_as_of(
        history,
        f"""
        WITH talks AS (SELECT customer_id, avg(sentiment) AS sentiment,
                avg((direction = 'inbound')::INT) AS inbound,
                count(*) FILTER (channel IN ('meeting', 'visit')) AS meetings
            FROM {rows_known_at("interactions")} WHERE occurred_at >= {recent} GROUP BY customer_id),
        nps AS (SELECT customer_id, arg_max(score, answered_at) AS nps FROM {rows_known_at("surveys")}
            WHERE kind = 'nps' AND score IS NOT NULL GROUP BY customer_id),
        terms AS (SELECT customer_id, max(ends_at) AS ends_at, bool_or(ends_at IS NULL) AS runs_on
            FROM {rows_known_at("contracts")} GROUP BY customer_id),
        bought AS (SELECT customer_id, count(DISTINCT product) AS products, min(ordered_at) AS first_at
            FROM {rows_known_at("orders")} WHERE amount > 0 GROUP BY customer_id)
        SELECT bought.customer_id, sentiment, inbound, meetings, nps, products,
            date_diff('day', first_at, $as_of::TIMESTAMP) AS days_together,
            runs_on OR ends_at > $as_of AS in_force, (SELECT count(*) FROM terms) AS contracts
        FROM bought LEFT JOIN talks USING (customer_id) LEFT JOIN nps USING (customer_id)
            LEFT JOIN terms USING (customer_id)
        """,
        as_of,
    )


def _layers(people: list[dict[str, Any]], ties: dict[str, Any]) -> dict[str, dict[str, bool | None]]:
    """Return the checks of each layer; None where the company has no data for one."""
    live = {person["role"] for person in people if person["strength"] >= 0.2}
    return {
        "key_people": {role: (role in live) if people else None for role in KEY_ROLES},
        "goodwill": {
            "three_active_contacts": sum(person["strength"] >= 0.2 for person in people) >= 3 if people else None,
            "positive_tone": _above(ties.get("sentiment"), 0.0),
            "they_call_us": _above(ties.get("inbound"), 0.3),
            "promoter": _above(ties.get("nps"), 8.5),
        },
        "organisation": {
            "contract_in_force": bool(ties.get("in_force")) if ties.get("contracts") else None,
            "two_years_together": _above(ties.get("days_together"), 730),
            "three_products": _above(ties.get("products"), 2.5),
            "met_this_year": _above(ties.get("meetings"), 0.5),
        },
    }


def _above(value: float | None, edge: float) -> bool | None:
    return None if value is None else bool(value > edge)
