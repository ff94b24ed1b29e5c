"""The profile of one customer: state, scores, reasons, score history, events, and recommended actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.compute as pc

from rapport.errors import ServingError
from rapport.localized import LocalizedText, localize
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.actions.reason_advice import ACTION_REASONS
from rapport.scoring.analytics.interaction_signals import BAD
from rapport.scoring.analytics.last_contacts import CONTACT_DAYS
from rapport.scoring.analytics.risk_overview import risk_sentence
from rapport.serving.application.advice import action_context, customer_actions, customer_strategies
from rapport.serving.application.answer_writer import FIGURES
from rapport.serving.application.insights import customer_deals
from rapport.serving.live.levers import useful_levers
from rapport.serving.shapes import answers as shapes
from rapport.serving.shapes import customer_parts as parts
from rapport.serving.shapes.task_answers import Task
from rapport.serving.snapshots.analytics_tables import account_hierarchy, place_in_industry
from rapport.serving.snapshots.history import latest_day_on_or_before
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.portfolio_table import PortfolioLookup
from rapport.serving.snapshots.score_change import explain_change
from rapport.serving.snapshots.timeline import TABLES, timeline
from rapport.serving.work.tasks import HEADER, interventions

_MAX_EVENTS = 300
_HISTORY_FIELDS = ("as_of", "probability", "tier", "version")
_RFM = ("r", "f", "m", "segment", "recency_days", "rfm_cell", "rfm_grade", "rfm_top")
_HEALTH_FIELDS = ("health_score", "health_grade")


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
    signals = _rows_of(first, "view_signals", customer_id)
    risks = _rows_of(first, "view_risk", customer_id)
    return {
        "customer": person,
        "as_of": snapshot.as_of.date().isoformat(),
        "state": str(snapshot.scored.state[row]),
        "answers": answers,
        "scores": _score_history(sources, models, customer_id),
        "change": _change(sources.data_dir, models, answers, customer_id, language=language),
        "events": _events(first, customer_id, row, signals),
        "signals": [cast(parts.TextSignal, _plain(signal)) for signal in signals],
        "risks": [cast(parts.RiskCategory, _plain(risk)) for risk in risks],
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
        "contacted": _contacted(sources, first, customer_id, language),
    }


def _rows_of(model: LiveModel, table: str, customer_id: str) -> list[dict[str, Any]]:
    """Return one customer's rows of a table of the run; none in runs of before the table was kept."""
    found = model.snapshot.run.cached_table(table)
    if found is None or "customer_id" not in found.column_names:
        return []
    rows: list[dict[str, object]] = found.filter(pc.equal(found["customer_id"], customer_id)).to_pylist()
    return rows


def _events(model: LiveModel, customer_id: str, row: int, signals: Sequence[Mapping[str, Any]]) -> list[shapes.Event]:
    """Return the newest events, and among them the signals in what the customer wrote."""
    snapshot = model.snapshot
    # Runs of earlier versions stored the events beside the rows that they are made from.
    stored = snapshot.run.customer_rows("events", row)
    found = (stored or timeline(snapshot.contract_rows.of([customer_id], TABLES), snapshot.as_of))[:_MAX_EVENTS]
    heard = [
        {
            "customer_id": signal["customer_id"],
            "at": signal["at"],
            "kind": "signal",
            "title": signal["signal"],
            "amount": None,
            "bad": signal["signal"] in BAD,
            "detail": signal["quote"],
        }
        for signal in signals
    ]
    ordered = sorted([*found, *heard], key=lambda event: event["at"].replace(tzinfo=None), reverse=True)
    return [cast(shapes.Event, _plain(event)) for event in ordered]


def _contacted(sources: ProfileSources, model: LiveModel, customer_id: str, language: str) -> shapes.Contact | None:
    """Return the newest contact of the last 90 days, by the history or by a finished task; None without any."""
    known = _rows_of(model, "view_contacts", customer_id)
    done = [
        {**dict(zip(HEADER, row, strict=True)), "action": task["titles"].get(language, task["title"])}
        for task in sources.tasks
        for row in interventions([task])
    ]
    newest = max(map(_plain, (*known, *done)), key=lambda contact: str(contact["at"]), default=None)
    oldest = (model.snapshot.as_of - timedelta(days=CONTACT_DAYS)).date().isoformat()
    if newest is None or newest["at"] < oldest:
        return None
    return shapes.Contact(at=newest["at"], action=newest["action"], outcome=newest["outcome"])


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
    person = _plain(model.snapshot.customers.slice(row, 1).to_pylist()[0])
    person["since"] = person.pop("created_at", None)
    return person


def _score_history(sources: ProfileSources, models: Sequence[LiveModel], customer_id: str) -> list[shapes.PastScore]:
    points: list[shapes.PastScore] = []
    for model in models:
        snapshot = model.snapshot
        row = snapshot.ids.row_of(customer_id)
        if row is None:
            continue
        for past in snapshot.run.customer_rows("past", row):
            if past["probability"] is not None and not np.isnan(past["probability"]):
                # Days that an earlier version archived have no health.
                health = {name: past.get(name) for name in _HEALTH_FIELDS}
                score = {"target": model.target, **{name: past[name] for name in _HISTORY_FIELDS}, **health}
                points.append(cast(shapes.PastScore, score))
        if snapshot.scored.eligible[row]:
            today = {
                "as_of": snapshot.as_of.date().isoformat(),
                "probability": float(snapshot.scored.probability[row]),
                "tier": snapshot.scored.tier[row],
                "version": model.bundle.version,
            }
            figures = sources.portfolio(model.target).get(customer_id)
            today |= {name: figures.get(name) for name in _HEALTH_FIELDS}
            points.append(cast(shapes.PastScore, {"target": model.target, **today}))
    return points


def _change(
    data_dir: Path, models: Sequence[LiveModel], answers: Sequence[shapes.Answer], customer_id: str, *, language: str
) -> shapes.ChangeAnswer | None:
    """Return why the first score moved in the last month; None without an earlier score to compare with."""
    if not answers:
        return None
    target = answers[0]["target"]
    model = next(model for model in models if model.target == target)
    today = model.snapshot.as_of.date()
    try:
        start = latest_day_on_or_before(data_dir, target, (today - timedelta(days=27)).isoformat())
        return explain_change(data_dir, target, customer_id, start=start, end=today.isoformat(), language=language)
    except ServingError:
        # Unknown or without a probability on that day: the page omits this part.
        return None


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


def _plain(row: dict[str, object]) -> dict[str, Any]:
    """Write times as ISO 8601 text, as every endpoint does."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


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
