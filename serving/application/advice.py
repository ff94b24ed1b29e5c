"""Actions and advice of answers and exports: what the playbook does about a customer's facts and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from rapport.localized import localize
from rapport.scoring import build_answers
from rapport.scoring.actions.facts import by_customer
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.actions.recommended import MAX_ACTIONS, ActionContext, recommended
from rapport.serving.snapshots.live_model import LiveModel, ScoreSnapshot
from rapport.serving.snapshots.next_actions import TABLE


def customer_actions(
    model: LiveModel,
    row: int,
    context: ActionContext,
    answers: Sequence[Mapping[str, object]],
    limit: int = MAX_ACTIONS,
) -> list[dict[str, object]]:
    """Return the recommended actions of the customer in a row of the snapshot."""
    facts = model.snapshot.run.customer_rows(TABLE, row)
    reasons = raising_reasons(answers[0], context) if answers else []
    return [action.as_dict() for action in recommended(facts, context, reasons, limit)]


def action_context(snapshot: ScoreSnapshot, row: int, playbook: Playbook, language: str) -> ActionContext:
    """Return what the actions of a customer need besides its facts."""
    day, owner = snapshot.as_of.date(), snapshot.owner(row)
    return ActionContext(playbook, day, owner, language, snapshot.scored.bundle.currency)


def customer_strategies(
    answers: Sequence[Mapping[str, Any]], playbook: Playbook, language: str
) -> list[dict[str, object]]:
    """Return the playbook's strategy for each of the customer's card tiers, and for its RFM segment."""
    found: list[dict[str, object]] = []
    for answer in answers:
        for card in answer.get("cards", ()):
            text = playbook.strategy(card["name"], card["tier"], language)
            if text is not None:
                found.append({"of": card["name"], "label": card["label"], "value": card["tier_label"], "text": text})
        segment = (answer.get("rfm") or {}).get("segment")
        named = next((each for each in playbook.segments.segments if each.name == segment), None)
        if named is not None:
            text = localize(playbook.segments.strategies[named.strategy], language)
            label = localize(named.label, language)
            found.append({"of": "segment", "label": "RFM", "value": label, "text": text})
    return found


def raising_reasons(answer: Mapping[str, Any], context: ActionContext) -> list[dict[str, Any]]:
    """Return the reasons that make the answer worse, each with its advice, strongest first."""
    sign = 1.0 if answer["target"] == "churn" else -1.0
    worse = sorted(
        (reason for reason in answer["reasons"] if sign * reason["points"] > 0),
        key=lambda reason: -sign * reason["evidence"],
    )
    return [reason | {"advice": reason["advice"] or reason_advice(reason, {}, context)} for reason in worse]


def reason_advice(reason: Mapping[str, Any], by_family: Mapping[str, str], context: ActionContext) -> str | None:
    """Return the advice for a fact of the reason's family, else the company's for the code, else the reason's own."""
    if reason["family"] in by_family:
        return by_family[reason["family"]]
    action = context.playbook.reason_action(reason["code"], reason["family"], reason["evidence"])
    if action is None:
        # Advice about a ticket, an invoice or a quote would be wrong without one.
        return None
    named = reason["code"] in context.playbook.codes
    own: str | None = reason["advice"]
    return localize(action.what, context.language) if named or own is None else own


_REASONS = 12
_COLUMNS = ("next_action", "next_action_who", "next_action_due", "next_action_because")


def with_actions(table: pa.Table, snapshot: ScoreSnapshot, playbook: Playbook, language: str) -> pa.Table:
    """Return an export table, whose rows are those of the snapshot, with the first action of each customer."""
    stored = snapshot.run.table(TABLE)
    facts = by_customer(stored) if stored is not None else {}
    columns: dict[str, list[str | None]] = {name: [] for name in _COLUMNS}
    for row, answer in enumerate(build_answers(snapshot.scored, _REASONS, language)):
        context = action_context(snapshot, row, playbook, language)
        reasons = raising_reasons(answer.as_dict(), context)
        found = recommended(facts.get(answer.customer_id, []), context, reasons, 1)
        first = found[0].as_dict() if found else {}
        for name, key in zip(_COLUMNS, ("text", "who", "due", "because"), strict=True):
            columns[name].append(first.get(key))
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values, pa.string()))
    return table
