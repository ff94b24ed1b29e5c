"""The next action of each customer in exports: text, who, due date, and the fact or reason behind it."""

from __future__ import annotations

import pyarrow as pa

from rapport.scoring import build_answers
from rapport.scoring.actions.facts import by_customer
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.actions.recommended import recommended
from rapport.serving.application.advice import action_context, raising_reasons
from rapport.serving.snapshots.live_model import ScoreSnapshot
from rapport.serving.snapshots.next_actions import TABLE

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
