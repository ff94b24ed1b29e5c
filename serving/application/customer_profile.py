"""The profile of one customer: state, scores, reasons, figures, relations, and recommended actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from rapport.localized import LocalizedText, localize
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.actions.reason_advice import ACTION_REASONS
from rapport.scoring.analytics.risk_overview import risk_sentence
from rapport.serving.application.advice import action_context, customer_actions, customer_strategies
from rapport.serving.application.answer_writer import FIGURES
from rapport.serving.application.customer_history import (
    customer_events,
    newest_contact,
    plain,
    recent_change,
    rows_of,
    score_history,
)
from rapport.serving.application.insights import customer_deals
from rapport.serving.live.levers import useful_levers
from rapport.serving.shapes import answers as shapes
from rapport.serving.shapes import customer_parts as parts
from rapport.serving.shapes.task_answers import Task
from rapport.serving.snapshots.analytics_tables import account_hierarchy, place_in_industry
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.portfolio_table import PortfolioLookup

_RFM = ("r", "f", "m", "segment", "recency_days", "rfm_cell", "rfm_grade", "rfm_top")


@dataclass(frozen=True)
class ProfileSources:
    """What a profile reads besides the live models."""

    data_dir: Path
    playbook: Playbook
    portfolio: Callable[[str], PortfolioLookup]
    answer: Callable[[LiveModel, str, int, str], shapes.Answer | None]
    feedback: Sequence[shapes.FeedbackReceipt]
    tasks: Sequence[Task]
    owners: tuple[str, ...] | None = None


def customer_profile(
    sources: ProfileSources, models: Sequence[LiveModel], customer_id: str, language: str
) -> shapes.CustomerCard:
    """Return everything that is known about a customer as of one snapshot."""
    first = models[0]
    snapshot = first.snapshot
    row = snapshot.ids.row_of(customer_id)
    assert row is not None
    answers = [answer for model in models if (answer := _answer(sources, model, customer_id, language))]
    person = _person(first, row)
    signals = rows_of(first, "view_signals", customer_id)
    risks = rows_of(first, "view_risk", customer_id)
    return {
        "customer": person,
        "as_of": snapshot.as_of.date().isoformat(),
        "state": str(snapshot.scored.state[row]),
        "answers": answers,
        "scores": score_history(models, customer_id, sources.portfolio),
        "change": recent_change(sources.data_dir, models, answers, customer_id, language=language),
        "events": customer_events(first, customer_id, row, signals),
        "signals": [cast(parts.TextSignal, plain(signal)) for signal in signals],
        "risks": [cast(parts.RiskCategory, plain(risk)) for risk in risks],
        "risk_sentence": risk_sentence(risks, language, first.bundle.currency),
        "industry_place": _industry_place(sources, first, customer_id),
        "chain": _stakeholders(first, row, language, sources.playbook.steps["chain"]),
        "tree": _hierarchy(sources, first, customer_id),
        "rfm": _rfm(sources, models, customer_id),
        "figures": _figures(sources, models, customer_id, language),
        "levers": _levers(models, answers, customer_id, language),
        "actions": customer_actions(
            first, row, action_context(snapshot, row, sources.playbook, language), answers[0] if answers else None
        ),
        "strategies": customer_strategies(answers, sources.playbook, language),
        "deals": customer_deals(first, row, sources.playbook, language),
        "feedback": list(sources.feedback),
        "contacted": newest_contact(first, customer_id, sources.tasks, language),
    }


def _industry_place(sources: ProfileSources, model: LiveModel, customer_id: str) -> parts.IndustryPosition | None:
    """Return the customer's place in its industry, for those who see the whole company."""
    portfolio = model.snapshot.run.cached_table("portfolio")
    if sources.owners is not None or portfolio is None:
        return None
    customer = sources.portfolio(model.target).get(customer_id)
    return place_in_industry(portfolio, model.snapshot.run.cached_table("view_industries"), customer)


def _answer(sources: ProfileSources, model: LiveModel, customer_id: str, language: str) -> shapes.Answer | None:
    answer = sources.answer(model, customer_id, ACTION_REASONS, language)
    return answer if answer is not None and answer["probability"] is not None else None


def _figures(
    sources: ProfileSources, models: Sequence[LiveModel], customer_id: str, language: str
) -> dict[str, shapes.Figures]:
    """Return by target what the portfolio has of the customer; a lapsed customer has a grade and a list, too."""
    found = {model.target: sources.answer(model, customer_id, 0, language) for model in models}
    return {
        target: cast(shapes.Figures, {name: value for name, value in answer.items() if name in FIGURES})
        for target, answer in found.items()
        if answer is not None
    }


def _person(model: LiveModel, row: int) -> dict[str, shapes.Fact]:
    person = plain(model.snapshot.customers.slice(row, 1).to_pylist()[0])
    person["since"] = person.pop("created_at", None)
    return person


def _stakeholders(
    model: LiveModel, row: int, language: str, steps: Mapping[str, LocalizedText]
) -> parts.Stakeholders | None:
    """Return the people who decide, who is missing, and the next step."""
    found = model.snapshot.run.customer_rows("chain", row)
    if not found:
        return None
    step = steps.get(found[0]["next_step"])
    people: list[parts.Person] = [
        {
            "contact_id": person["contact_id"],
            "name": person["name"],
            "role": person["role"],
            "level": person["level"],
            "strength": person["strength"],
            "last": person["last_at"].date().isoformat() if person["last_at"] else None,
            "contacts": person["talks_180d"],
        }
        for person in model.snapshot.run.customer_rows("people", row)
    ]
    return {
        "people": sorted(people, key=lambda person: -person["strength"]),
        "gaps": found[0]["gaps"],
        "single_thread": found[0]["single_thread"],
        "next_step": localize(step, language) if step else None,
    }


def _hierarchy(sources: ProfileSources, model: LiveModel, customer_id: str) -> parts.AccountNode | None:
    tree = model.snapshot.run.cached_table("tree")
    return (
        account_hierarchy(tree, customer_id, sources.portfolio(model.target), sources.owners)
        if tree is not None
        else None
    )


def _rfm(sources: ProfileSources, models: Sequence[LiveModel], customer_id: str) -> parts.RfmFacts | None:
    for model in models:
        if not model.bundle.is_risk:
            continue
        facts = _facts(model, customer_id)
        row = sources.portfolio(model.target).get(customer_id)
        if row.get("r") is not None:
            orders = facts.get("orders_per_quarter_365d", (row["orders_12m"] or 0.0) / 4)
            columns = dict(row)
            scores = {name: columns[name] for name in _RFM}
            return cast(parts.RfmFacts, scores | {"orders": orders, "spend": _net_spend(facts)})
    return None


def _net_spend(facts: Mapping[str, float]) -> float | None:
    # Bundles of before this version have only the gross spend.
    return facts.get("spend_net_sum_ever", facts.get("spend_sum_ever"))


def _facts(model: LiveModel, customer_id: str) -> dict[str, float]:
    row = model.snapshot.ids.row_of(customer_id)
    assert row is not None
    values = model.snapshot.scored.rows.row(row)
    return {
        column.name: float(value)
        for column, value in zip(model.bundle.columns, values.tolist(), strict=True)
        if not column.is_category and not np.isnan(value)
    }


def _levers(
    models: Sequence[LiveModel], answers: Sequence[shapes.Answer], customer_id: str, language: str
) -> list[parts.Lever]:
    """Return the levers that move the score of the first answer."""
    if not answers:
        return []
    model = next(model for model in models if model.target == answers[0]["target"])
    row = model.snapshot.ids.row_of(customer_id)
    return [] if row is None else useful_levers(model, row, language)


_RELATED = ("parent_id", "referred_by")


def visible_profile(profile: shapes.CustomerCard, sees: Callable[[str], bool]) -> shapes.CustomerCard:
    """Return a customer's profile without the ids of related accounts that the viewer may not see.

    The account hierarchy in it is built for the viewer already.
    """
    customer = {
        name: None if name in _RELATED and value is not None and not sees(str(value)) else value
        for name, value in profile["customer"].items()
    }
    return {**profile, "customer": customer}
