"""One row of the worklist: the account's facts and reasons, the next step, and what is done about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

from rapport.serving.console.page_context import PageContext
from rapport.serving.console.portfolio_columns import PortfolioColumns, RowIndexes
from rapport.serving.console.worklist import WorkState, state_of
from rapport.serving.shapes.answers import Answer, Reason
from rapport.serving.shapes.customer_parts import RecommendedAction
from rapport.serving.shapes.task_answers import Task

_SHOWN_REASONS, _READ_REASONS = 2, 4


class PortfolioFacts(TypedDict):
    """What a row of the list has of the portfolio; a text is empty and a number nan where it is unknown."""

    customer_id: str
    name: str
    segment: str
    region: str
    owner: str
    tier: str
    health_grade: str
    lead_grade: str
    risk_band: str
    list: str
    probability: float
    probability_30d: float
    percentile: float
    health_score: float
    low: float
    high: float
    contact_effect: float
    clv_3y: float
    win_back_value: float
    recency_days: float
    renewal_at: str
    expected_saved: float
    value_at_risk: float
    value_basis: float
    change: float
    health_before: float


class WorklistRow(PortfolioFacts):
    """One account of the list: its facts and reasons, the next step, and what is done about it."""

    rank: int
    reasons: Sequence[Reason]
    advice: str
    advice_code: str
    due: str
    effect_source: str
    task: Task | None
    state: str


class ListPosition(NamedTuple):
    """Where a row stands in the list, and the latest task of its account."""

    rank: int
    task: Task | None


def table_rows(page: PageContext, rows: RowIndexes, offset: int, work: WorkState) -> list[WorklistRow]:
    """Return the rows with their reasons, the next step and the latest task."""
    portfolio = page.portfolio
    ids = [portfolio.text("customer_id", row) for row in rows]
    page.record_view(ids)
    answers = page.application.answers(ids, page.target, reasons=_READ_REASONS, language=page.language)
    steps = page.application.next_steps(ids, page.target, page.language)
    # A new snapshot may be published in between: a customer that left it keeps the row, without reasons.
    return [
        table_row(page, int(row), answer, step, ListPosition(offset + position, work.tasks.get(key)))
        for position, (row, key, answer, step) in enumerate(zip(rows, ids, answers, steps, strict=True), start=1)
    ]


def table_row(
    page: PageContext, row: int, answer: Answer, step: RecommendedAction | None, position: ListPosition
) -> WorklistRow:
    """Return one row of the list."""
    return {
        **_facts(page.portfolio, row),
        "rank": position.rank,
        "reasons": answer.get("reasons", [])[:_SHOWN_REASONS],
        "advice": step["text"] if step else "",
        "advice_code": step["code"] if step else "",
        # A date without a step would send someone to an account without saying why.
        "due": step["due"] if step else "",
        "effect_source": answer.get("contact_effect_source") or "assumption",
        "task": position.task,
        "state": state_of(position.task) if position.task else "open",
    }


def _facts(portfolio: PortfolioColumns, row: int) -> PortfolioFacts:
    def category(name: str) -> str:
        return portfolio.category(name).at(row)

    def number(name: str) -> float:
        return float(portfolio.numeric(name)[row])

    return {
        "customer_id": portfolio.text("customer_id", row),
        "name": portfolio.text("name", row),
        "segment": category("segment"),
        "region": category("region"),
        "owner": category("owner"),
        "tier": category("tier"),
        "health_grade": category("health_grade"),
        "lead_grade": category("lead_grade"),
        "risk_band": category("risk_band"),
        "list": category("list"),
        "probability": number("probability"),
        "probability_30d": number("probability_30d"),
        "percentile": number("percentile"),
        "health_score": number("health_score"),
        "low": number("low"),
        "high": number("high"),
        "contact_effect": number("contact_effect"),
        "clv_3y": number("clv_3y"),
        "win_back_value": number("win_back_value"),
        "recency_days": number("recency_days"),
        "renewal_at": _iso_day(portfolio, "renewal_at", row),
        "expected_saved": float(portfolio.expected_savings[row]) if portfolio.scored[row] else float("nan"),
        "value_at_risk": float(portfolio.revenue_at_risk[row]),
        "value_basis": float(portfolio.value_basis[row]),
        "change": float(portfolio.score_change[row]),
        "health_before": number("health_before_30d"),
    }


def _iso_day(portfolio: PortfolioColumns, name: str, row: int) -> str:
    value = str(portfolio.days(name)[row])
    return "" if value == "NaT" else value
