"""Fit the outlook of health grades on how they moved in the past, and judge it on the latest horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rapport.durations import Duration
from rapport.scoring import Bundle
from rapport.scoring.actions.playbook import playbook_of
from rapport.scoring.cards import Card
from rapport.scoring.cards.card_scores import numpy_columns
from rapport.scoring.cards.card_set import FrozenCard, freeze_cards
from rapport.scoring.health.health_score import HealthInputs, score_health
from rapport.scoring.health.outlook import Codes, Floats, GradeOutlook, evaluate_outlook, fit_carry, fit_moves
from rapport.scoring.health.rules import HealthRules
from rapport.scoring.health.threshold import at_risk_threshold
from rapport.scoring.models.blend import logit_of, sigmoid
from rapport.scoring.models.evaluation_record import ObservedGrade
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.money.amounts import carried
from rapport.training.data.task_spec import customer_snapshot
from rapport.training.evaluation.training_run import TrainingRun, validated_probability
from rapport.training.members.prediction import member_logits
from rapport.training.stacking.temporal_validation import match_mean

MIN_CUSTOMERS = 30
_YEAR = Duration(months=12)
_NEAR = timedelta(days=31)


@dataclass(frozen=True)
class _Moment:
    """The scored customers at one moment, with what their grades are computed from."""

    at: datetime
    ids: npt.NDArray[np.object_]
    recency: Floats
    horizon_days: float
    inputs: HealthInputs
    rules: HealthRules
    weight: float
    threshold: float

    def graded(self, level: float) -> tuple[Codes, Floats]:
        """Return grade (code) and probability of each customer where the mean probability is ``level``."""
        logits = logit_of(self.inputs.probability)
        served = match_mean(logits, level)
        probability = sigmoid(served)
        of_model = sigmoid(logit_of(self.inputs.model_probability) + (served - logits))
        inputs = replace(self.inputs, probability=probability, model_probability=of_model)
        return score_health(inputs, self.rules, self.weight, self.threshold).grade, probability


def fit_outlook(run: TrainingRun, bundle: Bundle) -> GradeOutlook | None:
    """Return the outlook of a churn model; None if the history is too short, or where contracts decide.

    The moves are fitted on the horizon before the last one and judged on the last, then fitted on both. Past customers
    are graded at the level (mean probability) of now, and one horizon later at that which the season then had a year
    before: at the levels of their own time, moves from one season to the next would stand for moves between others.
    """
    if run.task.target != "churn" or run.task.by_contract:
        return None
    rules, as_of, horizon = playbook_of(run.history.settings).health, run.task.as_of, run.task.horizon
    people = {each: _eligible(run, bundle, each) for each in _moments(as_of, horizon)}
    people = {each: rows for each, rows in people.items() if rows.num_rows}
    card = freeze_cards([rules.card], people[as_of], _fitted_card(bundle))[0]
    moments = [_moment(run, bundle, card, rules, at, rows) for at, rows in people.items()]
    levels = {each.at: _level(run, each) for each in moments}
    pairs = list(zip(moments[1:], moments, strict=False))
    if not pairs:
        return None
    own = [_pairs(before, after, levels[before.at], levels[after.at]) for before, after in pairs]
    last, first = own[0], own[1] if len(own) > 1 else None
    if len(last.stayed_before) < MIN_CUSTOMERS:
        return None
    begin = run.history.connection.execute("SELECT min(ordered_at) FROM orders").fetchall()[0][0]
    names, judged = rules.names, tuple[ObservedGrade, ...]()
    if first is not None and len(first.stayed_before) >= MIN_CUSTOMERS:
        moved = _moves(pairs[1:], levels, last.at, _level_ahead(run, last.at, begin))
        judged = evaluate_outlook(
            GradeOutlook(names[:-1], moved, 0).shares(last.before, last.probability), last.after, names
        )
    return GradeOutlook(
        names[:-1],
        _moves(pairs, levels, as_of, _level_ahead(run, as_of, begin)),
        sum(len(each.stayed_before) for each in own),
        judged,
        carry=fit_carry(*last.stayed_probabilities),
        survival={} if first is None else _survival(first, last),
    )


def _moves(
    pairs: Sequence[tuple[_Moment, _Moment]], levels: Mapping[datetime, float], now: datetime, ahead: float | None
) -> tuple[tuple[float, ...], ...]:
    """Return the moves between grades of those who stayed: at the levels of now and ahead, else each at its own."""
    found = [
        _pairs(before, after, levels[before.at], levels[after.at])
        if ahead is None
        else _pairs(before, after, levels[now], ahead)
        for before, after in pairs
    ]
    return fit_moves(
        np.concatenate([each.stayed_before for each in found]),
        np.concatenate([each.stayed_after for each in found]),
        pairs[0][0].rules.lost,
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

    at: datetime
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


def _pairs(before: _Moment, after: _Moment, level: float, level_after: float) -> _Pairs:
    """Join two moments; who has not ordered within the horizon is lost at its end."""
    (grade_before, probability), (grade_after, probability_after) = before.graded(level), after.graded(level_after)
    place = {name: row for row, name in enumerate(after.ids)}
    rows = np.array([place.get(name, -1) for name in before.ids], dtype=np.intp)
    grade = np.full(len(rows), before.rules.lost, dtype=np.int8)
    found = rows >= 0
    stayed = found.copy()
    stayed[found] = after.recency[rows[found]] < before.horizon_days
    grade[stayed] = grade_after[rows[stayed]]
    later = np.full(len(rows), np.nan)
    later[found] = probability_after[rows[found]]
    return _Pairs(before.at, before.ids, grade_before, grade, probability, later, before.rules.lost)


def _moments(as_of: datetime, horizon: Duration) -> tuple[datetime, datetime, datetime]:
    before = horizon.before(as_of)
    return as_of, before, horizon.before(before)


def _fitted_card(bundle: Bundle) -> dict[str, Card]:
    return {bundle.card.card.name: bundle.card.card} if bundle.card else {}


def _moment(
    run: TrainingRun, bundle: Bundle, card: FrozenCard, rules: HealthRules, at: datetime, people: pa.Table
) -> _Moment:
    """Score the customers of one moment."""
    rows, settings = Matrix.of(people, bundle.columns), run.history.settings
    logits = {member.name: member_logits(member, rows) for member in bundle.members}
    of_model = sigmoid(bundle.model_blend.logit(logits, len(rows)))
    inputs = HealthInputs(
        probability=sigmoid(bundle.blend.logit(logits, len(rows))),
        model_probability=of_model if bundle.has_model else np.full(len(rows), np.nan),
        card=card.scores(people),
        facts=numpy_columns(people, rules.features),
        graded=np.ones(len(rows), dtype=bool),
        lapsed=np.zeros(len(rows), dtype=bool),
    )
    recency = np.asarray(people["days_since_last_order"].to_numpy(zero_copy_only=False), dtype=np.float64)
    return _Moment(
        at,
        np.array(people["customer_id"].to_pylist(), dtype=object),
        recency,
        bundle.horizon_days,
        inputs,
        rules,
        weight=rules.weight if settings.health_weight < 0 else settings.health_weight,
        threshold=at_risk_threshold(bundle.base_rate, settings.at_risk_threshold),
    )


def _level(run: TrainingRun, moment: _Moment) -> float:
    """Return the mean probability served at a moment: today's, else that forecast out of time, else the rate."""
    known = _past_levels(run)
    return float(moment.inputs.probability.mean()) if moment.at not in known else known[moment.at]


def _past_levels(run: TrainingRun) -> dict[datetime, float]:
    """Return for past cutoffs the mean probability that was forecast out of time, else the outcome rate."""
    levels, rows = dict(run.dataset.outcome_rates), 0
    for fold in run.validation.folds if run.validation.out_of_time else ():
        rows += len(fold.dataset)
        levels[fold.cutoff] = float(validated_probability(run)[rows - len(fold.dataset) : rows].mean())
    return levels


def _level_ahead(run: TrainingRun, at: datetime, begin: datetime) -> float | None:
    """Return the level one horizon after a moment by that of a year before, where it was known at the moment.

    None where it was not, or where the history was then shorter than the active window: a young company's customers
    are others than those of a year later.
    """
    season = _YEAR.before(run.task.horizon.after(at))
    known = {
        day: level
        for day, level in _past_levels(run).items()
        if run.task.horizon.after(day) <= at and run.task.active.before(day) + _NEAR >= begin
    }
    nearest = min(known, key=lambda day: abs(day - season), default=at)
    return known[nearest] if nearest in known and abs(nearest - season) <= _NEAR else None


def _eligible(run: TrainingRun, bundle: Bundle, at: datetime) -> pa.Table:
    people = (
        run.people if at == run.task.as_of else customer_snapshot(run.history, replace(run.task, as_of=at), run.catalog)
    )
    return people.filter(pc.equal(people["state"], bundle.eligible))
