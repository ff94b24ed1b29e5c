"""Put the parts together: votes, level, reference population, record."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rapport.features import Catalog
from rapport.history import History
from rapport.scoring import Bundle
from rapport.scoring.bundle import Basis
from rapport.scoring.matrix import Matrix
from rapport.training.assessment import Assessment
from rapport.training.committee import Committee
from rapport.training.level import Level
from rapport.training.record import record_of
from rapport.training.rows import Part, Question, Rows
from rapport.training.size import Size
from rapport.training.trial import Trial
from rapport.training.votes import blend_of, prior, weigh

CENTRED_ON = 4_000


@dataclass(frozen=True)
class Made:
    """What the steps of the recipe have made so far."""

    history: History
    question: Question
    features: Catalog
    rows: Rows
    now: Matrix
    part: Part
    size: Size
    trial: Trial
    committee: Committee
    assessment: Assessment
    level: Level
    expected: float


def assemble(made: Made) -> Bundle:
    """Give the bundle, centred on those who are scored now."""
    said = made.committee.said(made.now)
    votes = votes_of(made, tuple(said))
    without = votes_of(made, tuple(name for name in said if name != "card"))
    blend = blend_of(votes, said, made.expected)
    bundle = Bundle(
        target=made.question.target,
        version="0",
        horizon=str(made.question.horizon),
        active=str(made.question.active),
        rule=made.question.rule,
        columns=made.rows.matrix.columns,
        fingerprint=made.features.fingerprint,
        experts=made.committee.experts,
        blend=blend,
        model_blend=blend_of(without, said, made.expected) if without else blend,
        tables=tuple(sorted(made.history.present)),
        vocabulary=asdict(made.features.vocabulary),
        basis=_basis(made),
        currency=made.history.settings.currency,
        grade=made.assessment.grade.letter,
        evaluation=evaluation(made, votes),
        record=record_of(made.history, made.question, made.features, made.rows),
    )
    every = max(1, len(made.now) // CENTRED_ON)
    return bundle.centred_on(made.now.take(np.arange(0, len(made.now), every)))


def votes_of(made: Made, names: tuple[str, ...]) -> dict[str, float]:
    """Fit the votes of these parts; one unheard on later slices keeps its start; grade D serves the simpler part."""
    start = prior(names, made.size)
    heard = {name: vote for name, vote in start.items() if name in made.trial.names}
    if simple := _simple(made, names):
        return {name: float(name == simple) for name in names}
    return start | weigh(made.trial.judged, heard) if heard else start


def evaluation(made: Made, votes: Mapping[str, float]) -> dict[str, Any]:
    """Give all that the report tells, as JSON takes it."""
    level = asdict(made.level) | {
        "by_cutoff": {f"{cutoff:%Y-%m-%d}": shift for cutoff, shift in made.level.by_cutoff.items()},
        "expected_rate": made.expected,
    }
    return made.assessment.as_dict() | {"votes": dict(votes), "level": level, "size": _size(made)}


def _simple(made: Made, names: tuple[str, ...]) -> str | None:
    if made.assessment.grade.letter != "D" or not made.size.learnt or not made.trial.out_of_time:
        return None
    return next((name for name in ("rhythm", "hazard", "card") if name in names), None)


def _basis(made: Made) -> Basis:
    if made.size.basis.label == "committee" and _simple(made, tuple(expert.name for expert in made.committee.experts)):
        return Basis(
            "card_and_rhythm",
            "On later slices the model did not surely beat recency alone (grade D), so the simpler part is served.",
            "在之后的时段上，模型并未稳定优于“最近一次下单时间”规则（D 级），因此采用更简单的部分。",
        )
    return made.size.basis


def _size(made: Made) -> dict[str, int]:
    return {
        "customers": made.size.customers,
        "rarer_outcome": made.size.rarer,
        "rows": len(made.rows),
        "cutoffs": len(made.rows.rates),
        "scored_now": len(made.now) if made.part.scored_now is None else made.part.scored_now,
        "one_of": made.part.one_of,
        **({"tree_rows": len(made.rows.whole), "shares": made.part.shares} if made.rows.whole else {}),
    }
