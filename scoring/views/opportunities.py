"""Opportunities on the C139 card: how far in hand, which checks are missing, and what to do next."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
from rapport.history import History
from rapport.history.contract import Words
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.indicator import UNKNOWN, said
from rapport.scoring.cards.scores import CardScores
from rapport.scoring.views.known import ask, known

Steps = Mapping[str, Words]


def opportunities(history: History, as_of: datetime, card: Card, steps: Steps, language: str = "en") -> pa.Table:
    """Give one row an open opportunity: score, tier, share of checks known, the next check and its step.

    `steps` are the playbook's words for each check, `playbook.steps["c139"]`.
    """
    rows = ask(
        history, f"SELECT * FROM {known('opportunities')} WHERE closed_at IS NULL ORDER BY opportunity_id", as_of
    )
    scores = card.score(rows)
    check = next_checks(scores)
    step = [None if name is None else said(steps[name], language) for name in check]
    return pa.table(
        {
            "opportunity_id": rows["opportunity_id"],
            "customer_id": rows["customer_id"],
            "amount": rows["amount"],
            "score": pa.array(scores.score, mask=np.isnan(scores.score)),
            "tier": pa.array(scores.tier, pa.string()),
            "known": np.round(scores.known, 9),
            "next_check": pa.array(check, pa.string()),
            "next_step": pa.array(step, pa.string()),
        }
    )


def next_checks(scores: CardScores) -> list[str | None]:
    """Name the heaviest check that is not yet a yes; a clear no goes before one that nobody has answered."""
    weights = scores.weights
    # A no is worth its weight, an unknown one a little less than any no.
    open_weight = np.where(scores.marks == 1, weights + 1, np.where(scores.marks == UNKNOWN, weights, 0.0))
    best = open_weight.argmax(axis=1)
    is_open = open_weight[np.arange(len(best)), best] > 0
    return [scores.card.names[at] if some else None for at, some in zip(best, is_open, strict=True)]


def closed_opportunities(history: History, as_of: datetime) -> pa.Table:
    """Give one row a closed opportunity with its checks and `label` (1: won), to audit a card against."""
    sql = f"SELECT *, won::TINYINT AS label FROM {known('opportunities')} WHERE won IS NOT NULL ORDER BY opportunity_id"
    return ask(history, sql, as_of)
