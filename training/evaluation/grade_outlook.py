"""Fit the outlook of health grades on how they moved in the past, and judge it on the latest horizon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rapport.durations import Duration
from rapport.features import snapshot
from rapport.scoring import Bundle, Scorer
from rapport.scoring.actions.playbook import playbook_of
from rapport.scoring.cards import Card
from rapport.scoring.cards.card_scores import numpy_columns
from rapport.scoring.cards.card_set import FrozenCard, freeze_cards
from rapport.scoring.health.health_score import HealthInputs, score_health
from rapport.scoring.health.outlook import Codes, Floats, GradeOutlook, evaluate_outlook, fit_carry, fit_moves
from rapport.scoring.health.rules import HealthRules
from rapport.scoring.health.threshold import at_risk_threshold
from rapport.scoring.models.blend import logit_of, sigmoid
from rapport.scoring.money.amounts import carried
from rapport.training.evaluation.training_run import TrainingRun, validated_probability
from rapport.training.stacking.temporal_validation import match_mean

MIN_CUSTOMERS = 30


@dataclass(frozen=True)
class _Moment:
    """The scored customers at one moment: id, grade (code) and probability."""

    ids: npt.NDArray[np.object_]
    grade: Codes
    probability: Floats
    recency: Floats


def fit_outlook(run: TrainingRun, bundle: Bundle) -> GradeOutlook | None:
    """Return the outlook of a churn model; None if the history is too short, or where contracts decide.

    The moves are fitted on the horizon before the last one and judged on the last, then fitted on both. Past customers
    are scored at the level that was served then, not at today's: a base rate that has moved since would grade them all
    better or worse.
    """
    if run.task.target != "churn" or run.task.by_contract:
        return None
    rules, as_of, horizon = playbook_of(run.history.settings).health, run.task.as_of, run.task.horizon
    people = {each: _eligible(run, bundle, each) for each in _moments(as_of, horizon)}
    card = freeze_cards([rules.card], people[as_of], _fitted_card(bundle))[0]
    now, before, earlier = (_moment(run, bundle, card, rules, at, rows) for at, rows in people.items())
    count, days = rules.lost, run.task.horizon_days
    last, first = _pairs(before, now, days, rules), _pairs(earlier, before, days, rules)
    if len(last.stayed_before) < MIN_CUSTOMERS:
        return None
    judged: tuple[Mapping[str, Any], ...] = ()
    if len(first.stayed_before) >= MIN_CUSTOMERS:
        fitted = GradeOutlook(rules.names[:-1], fit_moves(first.stayed_before, first.stayed_after, count), 0)
        judged = evaluate_outlook(fitted.shares(last.before, last.probability), last.after, rules.names)
    moves = fit_moves(
        np.concatenate([first.stayed_before, last.stayed_before]),
        np.concatenate([first.stayed_after, last.stayed_after]),
        count,
    )
    return GradeOutlook(
        rules.names[:-1],
        moves,
        len(first.stayed_before) + len(last.stayed_before),
        judged,
        carry=fit_carry(*last.stayed_probabilities),
        survival=_survival(first, last),
    )


def _survival(first: _Pairs, last: _Pairs) -> dict[str, float]:
    """Compare the predicted with the observed share of the earlier customers who are there two horizons later.

    The line is fitted on who was scored at the two earlier moments alone: the newest moment is only observed.
    """
    if len(first.stayed_before) < MIN_CUSTOMERS:
        return {}
    there = {name for name, after in zip(last.ids, last.after, strict=True) if after != last.lost}
    later = carried(first.probability, fit_carry(*first.stayed_probabilities))
    return {
        "constant": float(((1 - first.probability) ** 2).mean()),
        "predicted": float(((1 - first.probability) * (1 - later)).mean()),
        "observed": float(np.mean([name in there for name in first.ids[first.after != first.lost]]))
        * float((first.after != first.lost).mean()),
        "customers": float(len(first.ids)),
    }


@dataclass(frozen=True)
class _Pairs:
    """Customers scored at a moment, and their grade (or lost) one horizon later."""

    ids: npt.NDArray[np.object_]
    before: Codes
    after: Codes
    probability: Floats
    probability_after: Floats
    lost: int

    @property
    def stayed_before(self) -> Codes:
        """Return the earlier grades of those who stayed."""
        return np.asarray(self.before[self.after != self.lost])

    @property
    def stayed_after(self) -> Codes:
        """Return the later grades of those who stayed."""
        return np.asarray(self.after[self.after != self.lost])

    @property
    def stayed_probabilities(self) -> tuple[Floats, Floats]:
        """Return the earlier and the later probabilities of those who stayed."""
        stayed = self.after != self.lost
        return self.probability[stayed], self.probability_after[stayed]


def _pairs(before: _Moment, after: _Moment, days: float, rules: HealthRules) -> _Pairs:
    """Join two moments; who has not ordered within the horizon is lost at its end."""
    place = {name: row for row, name in enumerate(after.ids)}
    rows = np.array([place.get(name, -1) for name in before.ids], dtype=np.intp)
    grade = np.full(len(rows), rules.lost, dtype=np.int8)
    found = rows >= 0
    stayed = found.copy()
    stayed[found] = after.recency[rows[found]] < days
    grade[stayed] = after.grade[rows[stayed]]
    later = np.full(len(rows), np.nan)
    later[found] = after.probability[rows[found]]
    return _Pairs(before.ids, before.grade, grade, before.probability, later, rules.lost)


def _moments(as_of: datetime, horizon: Duration) -> tuple[datetime, datetime, datetime]:
    before = horizon.before(as_of)
    return as_of, before, horizon.before(before)


def _fitted_card(bundle: Bundle) -> dict[str, Card]:
    return {bundle.card.card.name: bundle.card.card} if bundle.card else {}


def _moment(
    run: TrainingRun, bundle: Bundle, card: FrozenCard, rules: HealthRules, at: datetime, people: pa.Table
) -> _Moment:
    """Grade the customers of one moment."""
    if not people.num_rows:
        none = np.zeros(0)
        return _Moment(np.zeros(0, dtype=object), none.astype(np.int8), none, none)
    scored = Scorer(bundle).score(people, at)
    settings = run.history.settings
    level = _level(run, at)
    probability, of_model = scored.probability, scored.model_probability
    if level is not None:
        logits = logit_of(probability)
        served = match_mean(logits, level)
        probability, of_model = sigmoid(served), sigmoid(logit_of(of_model) + (served - logits))
    inputs = HealthInputs(
        probability=probability,
        model_probability=of_model,
        card=card.scores(people),
        facts=numpy_columns(people, rules.features),
        graded=np.ones(len(scored), dtype=bool),
        lapsed=np.zeros(len(scored), dtype=bool),
    )
    weight = rules.weight if settings.health_weight < 0 else settings.health_weight
    threshold = at_risk_threshold(bundle.base_rate, settings.at_risk_threshold)
    health = score_health(inputs, rules, weight, threshold)
    recency = np.asarray(people["days_since_last_order"].to_numpy(zero_copy_only=False), dtype=np.float64)
    return _Moment(scored.customer_id, health.grade, probability, recency)


def _level(run: TrainingRun, at: datetime) -> float | None:
    """Return the mean probability that was served at a past cutoff, forecast out of time; else the outcome rate.

    None for the present, whose level the bundle has.
    """
    rows = 0
    for fold in run.validation.folds if run.validation.out_of_time else ():
        rows += len(fold.dataset)
        if fold.cutoff == at:
            return float(validated_probability(run)[rows - len(fold.dataset) : rows].mean())
    return run.dataset.outcome_rates.get(at)


def _eligible(run: TrainingRun, bundle: Bundle, at: datetime) -> pa.Table:
    people = snapshot(run.history, at, run.catalog, active=run.task.active, rule=run.task.rule)
    return people.filter(pc.equal(people["state"], bundle.eligible))
