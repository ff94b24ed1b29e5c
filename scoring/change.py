"""Why a score moved between two dates: new facts, a new model, a new card, a new calibration, exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from rapport.scoring.blend import slope_between
from rapport.scoring.matrix import Matrix
from rapport.scoring.scored import Scored
from rapport.scoring.scorer import Scorer

from rapport.errors import ServingError

_Part = tuple[str, str | None, float]


@dataclass(frozen=True)
class Step:
    """One part of a change. ``kind`` is "facts" (of one ``family``), "model", "card" or "calibration"."""

    kind: str
    family: str | None
    evidence: float
    points: float


@dataclass(frozen=True)
class Change:
    """A customer's move from one probability to another; the steps' evidence and points add up to it."""

    customer_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    steps: tuple[Step, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the change as the API says it."""
        return {
            "customer_id": self.customer_id,
            "from": dict(self.before),
            "to": dict(self.after),
            "steps": [vars(step) for step in self.steps],
        }


def change(before: Scored, after: Scored) -> Change:
    """Split one customer's change of log-odds; each of ``before`` and ``after`` holds that customer alone.

    The facts move first, read by the old bundle; then the old model gives way to the new one, the card likewise, and
    what is left is the new blend and calibration. With one bundle for both dates only facts move.
    """
    _refuse_unless_one(before, after)
    if not (before.eligible[0] and after.eligible[0]):
        return Change(str(after.customer_id[0]), _moment(before), _moment(after), ())
    same = before.bundle.version == after.bundle.version
    read = after if same else _read_by(before, after)
    steps = _facts(before, read) + ([] if same else _bundles(read, after))
    total = float(after.logit[0] - before.logit[0])
    rate = float(slope_between(float(before.logit[0]), np.array([total]))[0])
    told = tuple(Step(kind, family, moved, moved * rate) for kind, family, moved in steps if moved)
    return Change(str(after.customer_id[0]), _moment(before), _moment(after), told)


def _facts(before: Scored, read: Scored) -> list[_Part]:
    moved = (read.evidence - before.evidence)[0].tolist()
    return [("facts", family, part) for family, part in zip(before.bundle.families, moved, strict=True)]


def _bundles(read: Scored, after: Scored) -> list[_Part]:
    """Change the old bundle into the new one part by part, on the new facts as each of them reads them."""
    old, new = read.bundle, after.bundle
    here = {expert.name: expert.read(read.rows).logit() for expert in old.experts}
    there = {expert.name: expert.read(after.rows).logit() for expert in new.experts}
    card = old.card.name if old.card else None
    model = {name: logit if name == card else there.get(name, logit) for name, logit in here.items()}
    whole = {name: there.get(name, logit) for name, logit in here.items()}
    told = [
        float(read.logit[0]),
        *(float(old.blend.logit(said, 1)[0]) for said in (model, whole)),
        float(after.logit[0]),
    ]
    moved = [later - earlier for earlier, later in pairwise(told)]
    return [(kind, None, part) for kind, part in zip(("model", "card", "calibration"), moved, strict=True)]


def _read_by(old: Scored, new: Scored) -> Scored:
    """Score the new facts with the old bundle; what it reads and is measured no more is unknown to it."""
    columns, rows = old.bundle.columns, new.rows
    values = np.full((1, len(columns)), np.nan)
    for place, column in enumerate(columns):
        if column.name in rows.place:
            values[0, place] = (
                column.code(rows.words(column.name)[0]) if column.is_category else rows.number(column.name)[0]
            )
    return Scorer(old.bundle).score_rows(Matrix(columns, values), new.customer_id, old.state, new.as_of)


def _moment(scored: Scored) -> dict[str, Any]:
    known = bool(scored.eligible[0])
    card = scored.bundle.card
    return {
        "as_of": scored.as_of.date().isoformat(),
        "state": str(scored.state[0]),
        "probability": float(scored.probability[0]) if known else None,
        "version": scored.bundle.version,
        "card": card.card.reference if card else None,
    }


def _refuse_unless_one(before: Scored, after: Scored) -> None:
    ids = {*before.customer_id.tolist(), *after.customer_id.tolist()}
    if len(before) != 1 or len(after) != 1 or len(ids) != 1 or before.bundle.target != after.bundle.target:
        raise ServingError("a change is told of one customer and one target: give the same customer at both dates.")
