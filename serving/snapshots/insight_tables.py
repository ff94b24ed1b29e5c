"""The analyses that a scoring run writes, one table each, with the figures about it in the table's metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.history import History
from rapport.scoring.analytics.attribution import attribution
from rapport.scoring.analytics.deal_outcomes import DealCard, deal_rates
from rapport.scoring.analytics.key_accounts import account_plans, key_accounts, referrals, revenue_12m
from rapport.scoring.analytics.outcomes import best_practice, key_figures, satisfaction
from rapport.scoring.analytics.owner_change import adjusted_changes
from rapport.scoring.analytics.products import next_products, white_space
from rapport.scoring.analytics.prospects import presale_health
from rapport.scoring.analytics.sales import channel_roi, lead_stages, response_times, sales_cycle
from rapport.scoring.analytics.segments import revenue_shares
from rapport.scoring.analytics.service_load import cost_to_serve, late_tickets
from rapport.scoring.analytics.touch_effect import carts, touch_effect
from rapport.scoring.money.assumptions import Assumptions
from rapport.serving.snapshots.feature_columns import known_mean

_BY_ATTRIBUTION = ("campaign", "action", "asset")


def insight_tables(
    history: History, as_of: datetime, card: DealCard, portfolio: pa.Table, assumptions: Assumptions
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the tables behind ``/v1/analytics`` by name, one at a time; the catalog of analyses names each of them."""
    for name, table, facts in _insights(history, as_of, card, portfolio, assumptions):
        yield f"view_{name}", table.replace_schema_metadata({b"facts": json.dumps(facts, ensure_ascii=False).encode()})


def _insights(
    history: History, as_of: datetime, card: DealCard, portfolio: pa.Table, assumptions: Assumptions
) -> Iterator[tuple[str, pa.Table, Mapping[str, object]]]:
    yield "deal_rates", deal_rates(history, as_of, card), card.facts()
    yield from _account_insights(history, as_of, portfolio)
    products, judged = next_products(history, as_of)
    yield "next_products", products, judged
    yield "referrals", _named(referrals(history, as_of), portfolio), {}
    yield "sales_cycle", sales_cycle(history, as_of), {}
    yield "response_times", response_times(history, as_of), {}
    yield "lead_stages", *lead_stages(history, as_of)
    yield "channel_roi", channel_roi(history, as_of), {}
    yield "satisfaction", satisfaction(history, as_of), {}
    yield "best_practice", *best_practice(history, as_of)
    costs, sums = cost_to_serve(history, as_of, assumptions)
    yield "cost_to_serve", _named(costs, portfolio), sums
    late, lateness = late_tickets(history, as_of)
    yield "late_tickets", _named(late, portfolio), lateness
    yield "presale_health", _named(presale_health(history, as_of), portfolio), {}
    yield "touch_effect", touch_effect(history, as_of), {}
    yield "clv_concentration", clv_concentration(portfolio), {}
    yield "carts", carts(history, as_of), {}
    figures = key_figures(history, as_of, portfolio.select(["customer_id"]))
    yield "key_figures", _with_health(figures, portfolio), {}
    if "segment" in portfolio.column_names:
        yield "segment_shares", _segment_shares(history, as_of, portfolio), {}
    for by in _BY_ATTRIBUTION:
        yield f"attribution_{by}", attribution(history, as_of, by), {}


def _account_insights(
    history: History, as_of: datetime, portfolio: pa.Table
) -> Iterator[tuple[str, pa.Table, Mapping[str, object]]]:
    keys, concentration = key_accounts(history, as_of)
    yield "key_accounts", _named(keys, portfolio), concentration
    yield "account_plans", account_plans(history, as_of, keys), {}
    yield "white_space", white_space(history, as_of), {}


def _segment_shares(history: History, as_of: datetime, portfolio: pa.Table) -> pa.Table:
    """Return the share of customers and of 12-month revenue, net of returns, of each RFM segment."""
    earned = revenue_12m(history, as_of)
    rows = pc.index_in(portfolio["customer_id"], value_set=earned["customer_id"])
    revenue = pc.fill_null(earned["revenue"].take(rows), 0.0)
    # The portfolio is memory-mapped: a filter of all its columns would copy them.
    named = portfolio.select(["customer_id", "segment"]).append_column("revenue", revenue)
    return revenue_shares(named.filter(pc.is_valid(named["segment"])))


def _named(table: pa.Table, portfolio: pa.Table) -> pa.Table:
    """Return the table with the name and the owner of each customer."""
    rows = pc.index_in(table["customer_id"], value_set=portfolio["customer_id"])
    for name in ("name", "owner"):
        table = table.append_column(name, portfolio[name].take(rows).cast(pa.string()))
    return table


def _with_health(figures: pa.Table, portfolio: pa.Table) -> pa.Table:
    """Return the owners' figures with mean health, its change in 30 days, and health beside customers like theirs.

    Health beside customers alike is the mean of each customer's health less the mean of its industry, so that owners of
    a difficult industry are not measured by it; the adjusted change is that beyond regression to the mean.
    """
    if "health_score" not in portfolio.column_names:
        return figures
    health, before = (_floats(portfolio, name) for name in ("health_score", "health_before_30d"))
    owners = np.array([name or "" for name in portfolio["owner"].to_pylist()])
    industries = np.array([name or "" for name in portfolio["industry"].to_pylist()])
    usual = np.full(len(health), np.nan)
    for industry in np.unique(industries):
        usual[industries == industry] = known_mean(health[industries == industry])
    columns: dict[str, list[float | None]] = {"health": [], "health_change_30d": [], "health_beside_like": []}
    for owner in figures["owner"].to_pylist():
        own = owners == owner
        for name, values in zip(columns, (health, health - before, health - usual), strict=True):
            mean = known_mean(values[own])
            columns[name].append(None if np.isnan(mean) else mean)
    changes = adjusted_changes(before, health, industries, owners)
    for name, figure in (("adjusted", "mean"), ("low", "low"), ("high", "high")):
        columns[f"health_change_{name}"] = [
            getattr(changes[owner], figure) if owner in changes else None for owner in figures["owner"].to_pylist()
        ]
    for name, found in columns.items():
        figures = figures.append_column(name, pa.array(found, pa.float64()))
    return figures


def _floats(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)


_CLV = "clv_3y"
_TOP_SHARE = 0.2


def clv_concentration(portfolio: pa.Table) -> pa.Table:
    """Return customers and three-year CLV of all, of those above the average, and of the best fifth, with shares.

    Customers without a CLV are left out; a portfolio of leads has none.
    """
    known = np.empty(0)
    if _CLV in portfolio.column_names:
        values = np.asarray(portfolio[_CLV].to_numpy(zero_copy_only=False), dtype=np.float64)
        known = np.sort(values[~np.isnan(values)])[::-1]
    if not len(known):
        return pa.Table.from_pylist([], _CLV_SCHEMA)
    groups = {
        "all": known,
        "above_average": known[known > known.mean()],
        "top_20_percent": known[: int(np.ceil(_TOP_SHARE * len(known)))],
    }
    total = float(known.sum())
    rows = [
        {
            "group": name,
            "customers": len(group),
            "share_of_customers": len(group) / len(known),
            "clv": float(group.sum()),
            "share_of_clv": float(group.sum()) / total if total else None,
        }
        for name, group in groups.items()
    ]
    return pa.Table.from_pylist(rows, _CLV_SCHEMA)


_CLV_SCHEMA = pa.schema(
    {"group": pa.string(), "customers": pa.int64(), "share_of_customers": pa.float64(), "clv": pa.float64(),
     "share_of_clv": pa.float64()}
)  # fmt: skip
