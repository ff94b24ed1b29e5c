"""Actions and advice of answers and exports: what the playbook does about a customer's facts and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from rapport.localized import localize
from rapport.scoring import build_answers
from rapport.scoring.actions.facts import by_customer
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.actions.reason_advice import ACTION_REASONS
from rapport.scoring.actions.recommended import MAX_ACTIONS, ActionContext, recommended
from rapport.serving.shapes.customer_parts import RecommendedAction, StrategyNote
from rapport.serving.snapshots.live_model import LiveModel, ScoreSnapshot
from rapport.serving.snapshots.next_actions import TABLE


def customer_actions(
    model: LiveModel,
    row: int,
    context: ActionContext,
    answer: Mapping[str, object] | None,
    limit: int = MAX_ACTIONS,
) -> list[RecommendedAction]:
    """Return the recommended actions of the customer in a row of the snapshot."""
    facts = model.snapshot.run.customer_rows(TABLE, row)
    return [action.as_dict() for action in recommended(facts, context, answer, limit)]


def action_context(snapshot: ScoreSnapshot, row: int, playbook: Playbook, language: str) -> ActionContext:
    """Return what the actions of a customer need besides its facts."""
    day, owner = snapshot.as_of.date(), snapshot.owner(row)
    return ActionContext(playbook, day, owner, language, snapshot.scored.bundle.currency)


def customer_strategies(answers: Sequence[Mapping[str, Any]], playbook: Playbook, language: str) -> list[StrategyNote]:
    """Return the playbook's strategy for each of the customer's card tiers, and for its RFM segment."""
    found: list[StrategyNote] = []
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


_COLUMNS = ("next_action", "next_action_who", "next_action_due", "next_action_because")


def with_actions(table: pa.Table, snapshot: ScoreSnapshot, playbook: Playbook, language: str) -> pa.Table:
    """Return an export table, whose rows are those of the snapshot, with the first action of each customer."""
    stored = snapshot.run.table(TABLE)
    facts = by_customer(stored) if stored is not None else {}
    columns: dict[str, list[str | None]] = {name: [] for name in _COLUMNS}
    for row, answer in enumerate(build_answers(snapshot.scored, ACTION_REASONS, language)):
        context = action_context(snapshot, row, playbook, language)
        found = recommended(facts.get(answer.customer_id, []), context, answer.as_dict(), 1)
        first = found[0] if found else None
        cells = (first.text, first.who, first.due.isoformat(), first.because) if first else (None,) * len(_COLUMNS)
        for name, cell in zip(_COLUMNS, cells, strict=True):
            columns[name].append(cell)
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values, pa.string()))
    return table
