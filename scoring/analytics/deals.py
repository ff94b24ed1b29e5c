"""Open deals on the C139 card: score, missing checks, next step, time in stage, and who has never been met."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from rapport.history import History
from rapport.history.reading.versions import STAGE_SINCE
from rapport.scoring.analytics.deal_outcomes import DealCard
from rapport.scoring.analytics.point_in_time import days_open, deals_before_their_end, query_as_of, rows_known_at
from rapport.scoring.analytics.stakeholders import list_stakeholders
from rapport.scoring.cards.card_scores import CardScores, score_card
from rapport.scoring.cards.indicator import UNKNOWN

MIN_WON = 10
"""The minimum number of won deals for a usual time in a stage."""
STALLED_QUANTILE = 0.75
"""A deal that is longer in its stage than this share of the won deals were is stalled."""
CARD_ROLES = {"decider": "decision_maker", "evaluator": "influencer", "coach": "user", "budget": "finance"}
"""The role in the decision chain that answers a check of the card."""
_TALK_DAYS = 30

SCHEMA = pa.schema(
    {
        "customer_id": pa.string(),
        "opportunity_id": pa.string(),
        "amount": pa.float64(),
        "stage": pa.string(),
        "competitor": pa.string(),
        "opened_at": pa.date32(),
        "days_open": pa.int64(),
        "days_in_stage": pa.int64(),
        "usual_days_in_stage": pa.float64(),
        "stalled": pa.bool_(),
        "score": pa.float64(),
        "tier": pa.string(),
        "known": pa.float64(),
        "win_rate": pa.float64(),
        "parts": pa.list_(pa.struct({"name": pa.string(), "score": pa.float64()})),
        "missing": pa.list_(pa.struct({"check": pa.string(), "answer": pa.string()})),
        "next_check": pa.string(),
        "never_met": pa.list_(pa.struct({"name": pa.string(), "role": pa.string(), "level": pa.string()})),
    }
)


def open_deals(history: History, as_of: datetime, deal_card: DealCard) -> pa.Table:
    """Return one row per open opportunity, sorted by customer."""
    rows = query_as_of(
        history,
        f"""
        SELECT *, {days_open("opened_at")} AS days_open,
            {days_open(f"coalesce({STAGE_SINCE}, opened_at)")} AS days_in_stage
        FROM {rows_known_at("opportunities", extra=(STAGE_SINCE,))} WHERE closed_at IS NULL
        ORDER BY customer_id, opportunity_id
        """,
        as_of,
    )
    scores = score_card(deal_card.card, rows)
    checks, usual, strangers = next_checks(scores), _usual_days(history, as_of), _never_met(history, as_of)
    return pa.Table.from_pylist(
        [
            {
                **{name: row[name] for name in SCHEMA.names if name in row},
                "opened_at": row["opened_at"].date(),
                **_time_in_stage(row, usual),
                "score": None if np.isnan(scores.score[index]) else round(float(scores.score[index]), 9),
                "tier": scores.tier[index],
                "known": round(float(scores.known[index]), 9),
                "win_rate": deal_card.win_rate(scores.tier[index]),
                "parts": _parts(scores, index),
                "missing": _missing(scores, index),
                "next_check": checks[index],
                "never_met": strangers.get(row["customer_id"], []),
            }
            for index, row in enumerate(rows.to_pylist())
        ],
        SCHEMA,
    )


def next_checks(scores: CardScores) -> list[str | None]:
    """Return the heaviest check that is not a yes; a no comes before an unanswered check."""
    weights = scores.weights
    # A no counts its weight plus 1, so that it ranks before any unanswered check.
    open_weight = np.where(scores.band_codes == 1, weights + 1, np.where(scores.band_codes == UNKNOWN, weights, 0.0))
    best = open_weight.argmax(axis=1)
    is_open = open_weight[np.arange(len(best)), best] > 0
    return [scores.card.names[at] if some else None for at, some in zip(best, is_open, strict=True)]


def _time_in_stage(row: dict[str, Any], usual: dict[str | None, tuple[float, float]]) -> dict[str, Any]:
    typical, slow = usual.get(row["stage"]) or usual.get(None) or (None, None)
    return {"usual_days_in_stage": typical, "stalled": slow is not None and row["days_in_stage"] > slow}


def _usual_days(history: History, as_of: datetime) -> dict[str | None, tuple[float, float]]:
    """Return by last stage the median and the upper quartile of days from its beginning to the signature of won deals.

    A stage with few won deals is missing; under None stand all won deals.
    """
    found = query_as_of(
        history,
        f"""
        SELECT stage, count(*) AS deals, median(days) AS typical, quantile_cont(days, {STALLED_QUANTILE}) AS slow
        FROM (SELECT stage, date_diff('day', coalesce({STAGE_SINCE}, opened_at)::DATE, closed_at::DATE) AS days
              FROM {deals_before_their_end()} WHERE won) WHERE days >= 0
        GROUP BY GROUPING SETS ((stage), ()) ORDER BY stage NULLS FIRST, deals DESC
        """,
        as_of,
    )
    usual: dict[str | None, tuple[float, float]] = {}
    for row in found.to_pylist():
        if row["deals"] >= MIN_WON:
            usual.setdefault(row["stage"], (row["typical"], row["slow"]))
    return usual


def _never_met(history: History, as_of: datetime) -> dict[str, list[dict[str, str | None]]]:
    """Return for each customer the contacts whose role counts in a decision and whom nobody has ever talked to."""
    found: dict[str, list[dict[str, str | None]]] = {}
    for person in list_stakeholders(history, as_of).to_pylist():
        if person["last_at"] is None and person["role"] in CARD_ROLES.values():
            row = {name: person[name] for name in ("role", "level")}
            found.setdefault(person["customer_id"], []).append({"name": person["name"] or person["contact_id"], **row})
    return found


def _parts(scores: CardScores, index: int) -> list[dict[str, object]]:
    """Return the score of each dimension: the share of its weight that is answered with yes, of 100.

    Weights learned from won and lost deals may leave a dimension none: then it is the share of its checks.
    """
    found, first = [], 0
    for dimension in scores.card.dimensions:
        here = slice(first, first + len(dimension.indicators))
        weights = scores.weights[here] if scores.weights[here].any() else np.ones(len(dimension.indicators))
        yes = weights[scores.band_codes[index, here] > 1].sum()
        found.append({"name": dimension.name, "score": float(round(100 * yes / weights.sum(), 9))})
        first += len(dimension.indicators)
    return found


def _missing(scores: CardScores, index: int) -> list[dict[str, str]]:
    """Return the checks that are not a yes, the heaviest first, and whether they are a no or unanswered."""
    bands, weights = scores.band_codes[index], scores.weights
    order = sorted(range(len(bands)), key=lambda at: (-weights[at], at))
    answers = {1: "no", UNKNOWN: "unknown"}
    return [{"check": scores.card.names[at], "answer": answers[int(bands[at])]} for at in order if bands[at] in answers]
