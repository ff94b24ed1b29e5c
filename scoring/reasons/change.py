"""Explain a score change between two dates, split exactly into new facts, model, card and calibration."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from rapport.errors import ServingError
from rapport.scoring.models.blend import secant_slope
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.scorer import Scorer

_Part = tuple[str, str | None, float]


@dataclass(frozen=True)
class ChangeStep:
    """One part of a change. ``kind`` is "facts" (of one ``family``), "model", "card" or "calibration"."""

    kind: str
    family: str | None
    evidence: float
    points: float


@dataclass(frozen=True)
class ScoreChange:
    """A customer's change of probability; the steps' evidence and points add up to it."""

    customer_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    steps: tuple[ChangeStep, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the change as API JSON."""
        return {
            "customer_id": self.customer_id,
            "from": dict(self.before),
            "to": dict(self.after),
            "steps": [vars(step) for step in self.steps],
        }


def explain_change(before: ScoreBatch, after: ScoreBatch) -> ScoreChange:
    """Split one customer's change of log-odds; ``before`` and ``after`` hold that customer only.

    The facts change first, scored with the old bundle; then the new model replaces the old one, then the new card, and
    the remainder is the new blend and calibration. With the same bundle at both dates, only facts change.
    """
    _check_same_customer(before, after)
    if not (before.eligible[0] and after.eligible[0]):
        return ScoreChange(str(after.customer_id[0]), _moment(before), _moment(after), ())
    same = before.bundle.version == after.bundle.version
    rescored = after if same else _rescored(before, after)
    steps = _fact_steps(before, rescored) + ([] if same else _bundle_steps(rescored, after))
    total = float(after.logit[0] - before.logit[0])
    rate = float(secant_slope(float(before.logit[0]), np.array([total]))[0])
    changed = tuple(ChangeStep(kind, family, moved, moved * rate) for kind, family, moved in steps if moved)
    return ScoreChange(str(after.customer_id[0]), _moment(before), _moment(after), changed)


def _fact_steps(before: ScoreBatch, rescored: ScoreBatch) -> list[_Part]:
    moved = (rescored.evidence - before.evidence)[0].tolist()
    return [("facts", family, part) for family, part in zip(before.bundle.families, moved, strict=True)]


def _bundle_steps(rescored: ScoreBatch, after: ScoreBatch) -> list[_Part]:
    """ScoreReplace the old bundle by the new one part by part, on the new facts."""
    old, new = rescored.bundle, after.bundle
    current = {member.name: member.contributions(rescored.rows).logit() for member in old.members}
    replacement = {member.name: member.contributions(after.rows).logit() for member in new.members}
    card = old.card.name if old.card else None
    new_model = {name: logit if name == card else replacement.get(name, logit) for name, logit in current.items()}
    new_members = {name: replacement.get(name, logit) for name, logit in current.items()}
    path = [
        float(rescored.logit[0]),
        *(float(old.blend.logit(logits, 1)[0]) for logits in (new_model, new_members)),
        float(after.logit[0]),
    ]
    moved = [later - earlier for earlier, later in pairwise(path)]
    return [(kind, None, part) for kind, part in zip(("model", "card", "calibration"), moved, strict=True)]


def _rescored(old: ScoreBatch, new: ScoreBatch) -> ScoreBatch:
    """Score the new facts with the old bundle; a feature that no longer exists is unknown."""
    columns, rows = old.bundle.columns, new.rows
    values = np.full((1, len(columns)), np.nan)
    for position, column in enumerate(columns):
        if column.name in rows.positions:
            values[0, position] = (
                column.code(rows.categories(column.name)[0]) if column.is_category else rows.column(column.name)[0]
            )
    return Scorer(old.bundle).score_rows(Matrix(columns, values), new.customer_id, old.state, new.as_of)


def _moment(scored: ScoreBatch) -> dict[str, object]:
    known = bool(scored.eligible[0])
    card = scored.bundle.card
    return {
        "as_of": scored.as_of.date().isoformat(),
        "state": str(scored.state[0]),
        "probability": float(scored.probability[0]) if known else None,
        "version": scored.bundle.version,
        "card": card.card.reference if card else None,
    }


def _check_same_customer(before: ScoreBatch, after: ScoreBatch) -> None:
    ids = {*before.customer_id.tolist(), *after.customer_id.tolist()}
    if len(before) != 1 or len(after) != 1 or len(ids) != 1 or before.bundle.target != after.bundle.target:
        raise ServingError("a change compares one customer and one target. Give the same customer at both dates.")
