"""The answer of a customer with events that the scoring run does not hold: every figure as a run would compute it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from rapport.scoring import build_answers
from rapport.serving.application.portfolio_answers import with_portfolio
from rapport.serving.live.live_score import LiveScore
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy


def current_answers(
    model: LiveModel,
    customer_ids: Sequence[str],
    live: Mapping[str, LiveScore],
    portfolio: tuple[pa.Table, PortfolioPolicy],
    reasons: int,
    language: str,
) -> list[dict[str, Any] | None]:
    """Return the live answer of each customer that has one, else the run's; None for an unknown id."""
    table, policy = portfolio
    places = {one: model.snapshot.ids.row_of(one) for one in customer_ids if one not in live}
    known = {one: row for one, row in places.items() if row is not None}
    # The portfolio has the rows of the snapshot in their order.
    figures = table.take(pa.array(known.values(), pa.int64())).to_pylist()
    answers = dict[str, dict[str, Any]]()
    for one, answer, row in zip(known, model.answers(list(known), reasons, language), figures, strict=True):
        if answer is not None:
            answers[one] = with_portfolio(answer.as_dict(), row, policy, language)
    for one, score in live.items():
        answers[one] = with_portfolio(
            _live_answer(model, score, reasons, language), score.portfolio_row, policy, language
        )
    return [answers.get(one) for one in customer_ids]


def _live_answer(model: LiveModel, live: LiveScore, reasons: int, language: str) -> dict[str, Any]:
    """Return an answer with the time of its newest event, and how many events the source does not have yet."""
    return build_answers(live.batch, reasons, language)[0].as_dict() | {
        "as_of": live.as_of.isoformat(),
        "live": {
            "run_as_of": model.snapshot.as_of.isoformat(),
            "received_at": live.received_at.isoformat(),
            "not_in_source": len(live.waiting),
        },
    }


def without_advice(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of a held-out customer: advice would lead someone to call, and spoil the comparison."""
    reasons = [reason | {"advice": None} for reason in answer["reasons"]]
    return answer | {"reasons": reasons, "held_out": True}
