"""The money columns of a portfolio table: amounts at risk, work lists, the value of leads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from rapport.scoring.health.threshold import least_risk_to_contact
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.money.amounts import (
    CustomerAmounts,
    CustomerFacts,
    customer_amounts,
    owner_ranks,
    this_week,
    work_lists,
)
from rapport.serving.snapshots.feature_columns import fact, facts, known
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy


def customer_money(
    policy: PortfolioPolicy, scored: ScoreBatch, features: pa.Table, columns: dict[str, Any]
) -> dict[str, Any]:
    """Return the amounts of customers and the work list of each; ``columns`` has their owners and opt-outs."""
    customers = CustomerFacts(
        state=scored.state,
        probability=scored.probability,
        low=scored.low,
        high=scored.high,
        spend=_spend(scored),
        silence=fact(features, "overdue_ratio"),
        horizon_days=scored.bundle.horizon_days,
        helps=_chance_to_help(policy, features, scored.probability),
        carry=policy.outlook.carry if policy.outlook else (0.0, 1.0),
    )
    amounts = customer_amounts(customers, policy.assumptions)
    blocked = np.asarray(columns["do_not_contact"].to_numpy(zero_copy_only=False), dtype=bool)
    least = least_risk_to_contact(scored.bundle.base_rate, policy.threshold)
    lists = work_lists(customers, amounts.savable, blocked, least)
    # Without any money the most probable come first.
    priority = amounts.savable if np.any(amounts.savable > 0) else np.nan_to_num(scored.probability)
    ranks = owner_ranks(lists, priority, np.array(columns["owner"].to_pylist(), dtype=object))
    per_week, per_owner = policy.calls_per_week, policy.calls_per_owner
    return _amount_columns(amounts) | {
        "list": pa.array(lists, pa.string()),
        "owner_rank": pa.array(ranks, pa.int64(), mask=ranks == 0),
        "this_week": pa.array(this_week(lists, priority, ranks, per_week=per_week, per_owner=per_owner), pa.bool_()),
        "win_back_value": known(np.where(scored.state == "lapsed", _yearly_spend(features), np.nan)),
    }


def _chance_to_help(policy: PortfolioPolicy, features: pa.Table, probability: Floats) -> Floats | None:
    model = policy.uplift
    return model.chance_to_help(facts(features, model.names), probability) if model else None


def _amount_columns(amounts: CustomerAmounts) -> dict[str, object]:
    at_risk, savable = known(amounts.revenue_at_risk), known(amounts.savable)
    return {
        "spend_if_retained": known(amounts.spend_if_retained),
        "revenue_at_risk": at_risk,
        "revenue_at_risk_low": known(amounts.revenue_at_risk_low),
        "revenue_at_risk_high": known(amounts.revenue_at_risk_high),
        "expected_revenue": known(amounts.expected_revenue),
        "contact_effect": known(amounts.contact_effect),
        "savable": savable,
        **{f"clv_{years}y": known(values) for years, values in amounts.clv.items()},
        # Names of earlier versions.
        "value": known(amounts.spend_if_retained),
        "value_at_risk": at_risk,
        "expected_saved": savable,
    }


def _spend(scored: ScoreBatch) -> Floats:
    """Return the spend if retained of the rows with a probability, computed as the scorer does."""
    spend = np.full(len(scored), np.nan)
    spend[scored.eligible] = scored.bundle.expected_spend(scored.rows.take(scored.eligible))
    return spend


def _yearly_spend(features: pa.Table) -> Floats:
    """Return what a customer spent a year while it was one, net of returns."""
    years = np.maximum(fact(features, "order_life_days"), 365.0) / 365.0
    return fact(features, "spend_net_sum_ever") / years


def lead_money(policy: PortfolioPolicy, features: pa.Table, scored: ScoreBatch) -> dict[str, object]:
    """Return the expected value of leads: probability × the open amount, or the default deal size."""
    opened = np.nan_to_num(fact(features, "opportunities_open_amount"))
    amount = np.where(scored.eligible, np.where(opened > 0, opened, policy.deal_size), np.nan)
    nothing = pa.nulls(len(scored), pa.float64())
    return {
        "value": known(amount),
        "expected_value": known(scored.probability * amount),
        "value_at_risk": nothing,
        "expected_saved": nothing,
    }
