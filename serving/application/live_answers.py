"""The answer of a customer with events that the scoring run does not hold: every figure as a run would compute it."""

from __future__ import annotations

from typing import Any

from rapport.scoring import build_answers
from rapport.serving.application.portfolio_answers import with_portfolio
from rapport.serving.live.live_score import LiveScore
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy


def live_answer(
    model: LiveModel, live: LiveScore, policy: PortfolioPolicy, reasons: int, language: str
) -> dict[str, Any]:
    """Return the answer with the time of its newest event, and how many events the source does not have yet."""
    answer = build_answers(live.batch, reasons, language)[0].as_dict()
    answer |= {
        "as_of": live.as_of.isoformat(),
        "live": {
            "run_as_of": model.snapshot.as_of.isoformat(),
            "received_at": live.received_at.isoformat(),
            "not_in_source": len(live.waiting),
        },
    }
    return with_portfolio(answer, live.portfolio_row, policy, language)


def without_advice(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of a held-out customer: advice would lead someone to call, and spoil the comparison."""
    reasons = [reason | {"advice": None} for reason in answer["reasons"]]
    return answer | {"reasons": reasons, "held_out": True}
