"""Open opportunities scored on the C139 card: score, missing checks, and the next step."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa

from rapport.history import History
from rapport.localized import LocalizedText, localize
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.card_scores import CardScores, score_card
from rapport.scoring.cards.indicator import UNKNOWN

Steps = Mapping[str, LocalizedText]


def opportunities(history: History, as_of: datetime, card: Card, steps: Steps, language: str = "en") -> pa.Table:
    """Return one row per open opportunity: score, tier, share of known checks, the next check and its step.

    `steps` are the playbook's texts for each check, `playbook.steps["c139"]`.
    """
    rows = query_as_of(
        history,
        f"SELECT * FROM {rows_known_at('opportunities')} WHERE closed_at IS NULL ORDER BY opportunity_id",
        as_of,
    )
    scores = score_card(card, rows)
    check = next_checks(scores)
    step = [None if name is None else localize(steps[name], language) for name in check]
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
    """Return the heaviest check that is not a yes; a no comes before an unanswered check."""
    weights = scores.weights
    # A no counts its weight plus 1, so that it ranks before any unanswered check.
    open_weight = np.where(scores.band_codes == 1, weights + 1, np.where(scores.band_codes == UNKNOWN, weights, 0.0))
    best = open_weight.argmax(axis=1)
    is_open = open_weight[np.arange(len(best)), best] > 0
    return [scores.card.names[at] if some else None for at, some in zip(best, is_open, strict=True)]


def closed_opportunities(history: History, as_of: datetime) -> pa.Table:
    """Return one row per closed opportunity with its checks and `label` (1: won), for the audit of a card."""
    known = rows_known_at("opportunities")
    sql = f"SELECT *, won::TINYINT AS label FROM {known} WHERE won IS NOT NULL ORDER BY opportunity_id"
    return query_as_of(history, sql, as_of)
