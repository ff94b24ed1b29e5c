"""The file of one customer: state, scores, reasons, past scores, what happened, what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from rapport.history.contract import Words
from rapport.scoring.cards import load_card
from rapport.scoring.cards.indicator import said
from rapport.scoring.columns import Column
from rapport.scoring.what_if import changeable
from rapport.serving.book import due_on
from rapport.serving.current import Current
from rapport.serving.past import day_before_or_on
from rapport.serving.pictures import branch

from rapport.errors import ServingError

if TYPE_CHECKING:
    from rapport.serving.desk import Desk

_MOST_EVENTS = 300
_MOST_LEVERS = 8
_ALL_REASONS = 12


def file_of(desk: Desk, currents: Sequence[Current], customer_id: str, language: str) -> dict[str, Any]:
    """Put together all that is known of a customer, as of one night."""
    first = currents[0]
    night = first.night
    row = night.ids.find(customer_id)
    assert row is not None
    answers = [answer for current in currents if (answer := _answer(current, customer_id, language))]
    person = _person(first, row)
    return {
        "customer": person,
        "as_of": night.as_of.date().isoformat(),
        "state": str(night.scored.state[row]),
        "answers": answers,
        "scores": _scores(currents, customer_id),
        "change": _change(desk, currents, answers, customer_id, language=language),
        "events": [_plain(event) for event in night.run.rows_of("events", row)[:_MOST_EVENTS]],
        "chain": _chain(first, row, language, desk.playbook.steps["chain"]),
        "tree": _tree(desk, first, customer_id),
        "rfm": _rfm(desk, currents, customer_id),
        "levers": _levers(currents, answers, customer_id, language),
        "actions": _actions(answers, person.get("owner"), night.as_of.date()),
        "feedback": desk.feedback_of(customer_id),
    }


def _answer(current: Current, customer_id: str, language: str) -> dict[str, Any] | None:
    answer = current.answers([customer_id], _ALL_REASONS, language)[0]
    return answer.as_dict() if answer is not None and answer.probability is not None else None


def _person(current: Current, row: int) -> dict[str, Any]:
    person = _plain(current.night.people.slice(row, 1).to_pylist()[0])
    person["since"] = person.pop("created_at", None)
    return person


def _scores(currents: Sequence[Current], customer_id: str) -> list[dict[str, Any]]:
    lines = []
    for current in currents:
        night = current.night
        row = night.ids.find(customer_id)
        if row is None:
            continue
        for past in night.run.rows_of("past", row):
            if past["probability"] is not None and not np.isnan(past["probability"]):
                lines.append({"target": current.target, **{name: past[name] for name in _PAST}})
        if night.scored.eligible[row]:
            today = {
                "as_of": night.as_of.date().isoformat(),
                "probability": float(night.scored.probability[row]),
                "tier": night.scored.tier[row],
                "version": current.bundle.version,
            }
            lines.append({"target": current.target, **today})
    return lines


_PAST = ("as_of", "probability", "tier", "version")


def _change(
    desk: Desk, currents: Sequence[Current], answers: Sequence[dict[str, Any]], customer_id: str, *, language: str
) -> dict[str, Any] | None:
    """Return why the first score moved in the last month; None where there is nothing to compare it with."""
    if not answers:
        return None
    target = answers[0]["target"]
    current = next(current for current in currents if current.target == target)
    today = current.night.as_of.date()
    try:
        start = day_before_or_on(desk.home, target, (today - timedelta(days=27)).isoformat())
        return desk.change(customer_id, target, start, today.isoformat(), language=language)
    except ServingError:
        # Not known then, or no probability then: a page without this part is the answer.
        return None


def _chain(current: Current, row: int, language: str, steps: Mapping[str, Words]) -> dict[str, Any] | None:
    """Return the people who decide, who is missing, and the next step."""
    found = current.night.run.rows_of("chain", row)
    if not found:
        return None
    step = steps.get(found[0]["next_step"])
    people = [
        {
            **{name: person[name] for name in ("contact_id", "name", "role", "level", "strength")},
            "last": person["last_at"].date().isoformat() if person["last_at"] else None,
            "contacts": person["talks_180d"],
        }
        for person in current.night.run.rows_of("people", row)
    ]
    return {
        "people": sorted(people, key=lambda person: -person["strength"]),
        "gaps": found[0]["gaps"],
        "single_thread": found[0]["single_thread"],
        "next_step": said(step, language) if step else None,
    }


def _tree(desk: Desk, current: Current, customer_id: str) -> dict[str, Any] | None:
    tree = current.night.run.kept("tree")
    return branch(tree, customer_id, desk.lines(current.target)) if tree is not None else None


def _rfm(desk: Desk, currents: Sequence[Current], customer_id: str) -> dict[str, Any] | None:
    for current in currents:
        if not current.bundle.is_risk:
            continue
        facts = _facts(current, customer_id)
        row = desk.lines(current.target).get(customer_id)
        if row is not None and row["r"] is not None:
            found = {name: row[name] for name in ("r", "f", "m", "segment", "recency_days")}
            counted = next(line.features[0] for line in load_card("rfm") if line.name == "f")
            return found | {"orders": facts.get(counted), "spend": facts.get("spend_sum_365d")}
    return None


def _facts(current: Current, customer_id: str) -> dict[str, float]:
    row = current.night.ids.find(customer_id)
    values = current.night.scored.rows.values[row]
    return {
        column.name: float(value)
        for column, value in zip(current.bundle.columns, values.tolist(), strict=True)
        if not column.is_category and not np.isnan(value)
    }


def _levers(
    currents: Sequence[Current], answers: Sequence[dict[str, Any]], customer_id: str, language: str
) -> list[dict[str, Any]]:
    """Return the facts that the company can act on, those of the strongest reasons first."""
    if not answers:
        return []
    current = next(current for current in currents if current.target == answers[0]["target"])
    facts = _facts(current, customer_id)
    families = [reason["family"] for reason in answers[0]["reasons"]]
    order = {family: place for place, family in enumerate(families)}
    possible = [column for column in changeable(current.bundle.columns) if column.name in facts]
    possible.sort(key=lambda column: order.get(column.family, len(order)))
    # Two of a family: eight windows of one count would be eight handles on one thing.
    chosen = [
        column for family in dict.fromkeys(one.family for one in possible) for column in _of(possible, family)[:2]
    ]
    return [_lever(current, column, facts[column.name], language) for column in chosen[:_MOST_LEVERS]]


def _of(columns: Sequence[Column], family: str) -> list[Column]:
    return [column for column in columns if column.family == family]


def _lever(current: Current, column: Column, value: float, language: str) -> dict[str, Any]:
    seen = current.bundle.reference.quantiles.get(column.name) or (value,)
    # Nearly all customers: the last step of the quantiles may be one odd giant.
    high = max(seen[-2] if len(seen) > 1 else seen[-1], value, 1.0)
    step = 0.05 if column.unit == "share" else max(1.0, round(high / 100))
    return {
        "feature": column.name,
        "label": column.meaning(language),
        "unit": column.unit,
        "value": value,
        "low": 0.0,
        "high": float(np.ceil(high)),
        "step": step,
        "family": column.family,
    }


def _actions(answers: Sequence[dict[str, Any]], owner: Any, today: date) -> list[dict[str, Any]]:
    """Return what is advised, the strongest reason first; the first step is due on the day that lists show."""
    if not answers:
        return []
    percentile = answers[0]["percentile"]
    advised = [reason for reason in answers[0]["reasons"] if reason["advice"]]
    return [
        {
            "text": reason["advice"],
            "who": owner,
            "due": due_on(today, percentile, place),
            "code": reason["code"],
        }
        for place, reason in enumerate(advised[:5])
    ]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Write times as ISO text, as every address does."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
