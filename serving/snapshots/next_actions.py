"""The next action of every customer, in the columns of the portfolio table that lists and alerts read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa

from rapport.scoring.actions.facts import SCHEMA
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.actions.reason_advice import ACTION_REASONS
from rapport.scoring.actions.recommended import next_action_for_reasons, next_actions
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.reasons.answers import stated_evidence
from rapport.serving.snapshots.holdout import without_actions
from rapport.serving.snapshots.store import ScoringRun

TABLE = "action_facts"
_FINGERPRINT = b"actions"
_Next = tuple[str, date]


def with_next_actions(portfolio: pa.Table, facts: pa.Table | None, playbook: Playbook, scored: ScoreBatch) -> pa.Table:
    """Return the portfolio with the code and due date of each customer's first action, null where there is none.

    A fact comes first; a customer without one gets the action for the strongest reason, as on its page.
    """
    today = scored.as_of.date()
    first = next_actions(SCHEMA.empty_table() if facts is None else facts, playbook, today)
    silent = portfolio["do_not_contact"].to_pylist()
    without = [
        row
        for row in np.flatnonzero(scored.eligible).tolist()
        if scored.customer_id[row] not in first and not silent[row]
    ]
    first |= _for_reasons(scored, without, playbook)
    found = [first.get(customer) for customer in scored.customer_id]
    codes = pa.array([each[0] if each else None for each in found], pa.string())
    due = pa.array([each[1].isoformat() if each else None for each in found], pa.string())
    for name, values in {"next_action_code": codes, "next_action_due": due, "due": due}.items():
        at = portfolio.schema.get_field_index(name)
        portfolio = portfolio.set_column(at, name, values) if at >= 0 else portfolio.append_column(name, values)
    metadata = {**(portfolio.schema.metadata or {}), _FINGERPRINT: fingerprint(playbook)}
    return portfolio.replace_schema_metadata(metadata)


def refreshed(portfolio: pa.Table, run: ScoringRun, playbook: Playbook, scored: ScoreBatch) -> pa.Table:
    """Return a stored portfolio with the next actions of the present playbook, unless they are by it already."""
    if (portfolio.schema.metadata or {}).get(_FINGERPRINT) == fingerprint(playbook):
        return portfolio
    return without_actions(with_next_actions(portfolio, run.cached_table(TABLE), playbook, scored))


def fingerprint(playbook: Playbook) -> bytes:
    """Return a fingerprint of what the playbook does about facts and reasons."""
    parts = repr((playbook.facts.by_kind, playbook.families, playbook.codes))
    return hashlib.blake2b(parts.encode(), digest_size=8).hexdigest().encode()


def _for_reasons(scored: ScoreBatch, rows: Sequence[int], playbook: Playbook) -> dict[str, _Next]:
    """Return code and due date of the first action for the reasons of some customers, as their pages show it."""
    today, found = scored.as_of.date(), {}
    for row, stated in zip(rows, stated_evidence(scored, ACTION_REASONS, rows), strict=True):
        reasons = [
            {
                "code": each.sentence.code,
                "family": each.families[0],
                "evidence": each.evidence,
                "points": each.part.points,
            }
            for each in stated
        ]
        answer = {"target": scored.bundle.target, "reasons": reasons}
        if (first := next_action_for_reasons(answer, playbook, today)) is not None:
            found[scored.customer_id[row]] = first
    return found
