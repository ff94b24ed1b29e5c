"""Fit the timing of a bundle: the shape of time with the least integrated Brier score on later cutoffs."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from rapport.scoring.models.blend import LIMIT, logit_of
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.scoring.models.timing.event_timing import END_DAYS, NON_RENEWAL, EventTiming
from rapport.scoring.models.timing.hazard_shape import BG_NBD, CONSTANT, CONTRACT_DAYS, CONTRACT_END, TREES
from rapport.training.data.dataset import Dataset
from rapport.training.evaluation.training_run import TrainingRun, validated_probability
from rapport.training.timing.event_times import EventTimes, event_of, event_times
from rapport.training.timing.hazard_trees import MAX_ROWS, fit_tree_hazard, leading_features

GRID_STEPS = 12
"""Steps of the horizon at which the Brier score is taken."""
JUDGED_ROWS = 10_000
"""Shapes of time are compared on about as many rows of each validation cutoff."""


def fit_timing(run: TrainingRun) -> EventTiming | None:
    """Return the timing; None for contracts without an end date."""
    event, horizon_days = event_of(run.task), run.task.horizon_days
    if event == NON_RENEWAL:
        known = CONTRACT_DAYS in run.dataset.matrix.positions
        return EventTiming(event, CONTRACT_END, horizon_days, END_DAYS) if known else None
    scores = _validate(run)
    ranked = sorted(scores, key=lambda name: scores[name])
    best = ranked[0] if ranked else _default(run)
    evaluation = {"integrated_brier": scores, "steps": GRID_STEPS}
    if best == TREES:
        found = _trees(run, run.dataset, run.task.as_of)
        if found is not None:
            return _with_evaluation(found, evaluation)
        best = _default(run)
    spans = [(run.task.as_of - cutoff).days for cutoff in run.dataset.cutoffs]
    return EventTiming(event, best, horizon_days, float(min(max(spans), END_DAYS)), evaluation=evaluation)


def _default(run: TrainingRun) -> str:
    return BG_NBD if any(isinstance(member, BgNbdMember) for member in run.ensemble.members) else CONSTANT


def _with_evaluation(timing: EventTiming, evaluation: dict[str, object]) -> EventTiming:
    return EventTiming(
        timing.event,
        timing.shape,
        timing.horizon_days,
        timing.observed_days,
        timing.edges,
        timing.rates,
        timing.booster,
        evaluation,
    )


def _trees(run: TrainingRun, dataset: Dataset, known_until: datetime) -> EventTiming | None:
    features = leading_features(run.ensemble, dataset) if run.sufficiency.can_learn else ()
    if not features:
        return None
    some = dataset.at_most(MAX_ROWS)
    times = event_times(run.history, run.task, some, known_until)
    fitted = fit_tree_hazard(some, times, features, run.task.horizon_days)
    if fitted is None or fitted[1] < run.task.horizon_days:
        return None
    shape, observed = fitted
    return EventTiming(
        event_of(run.task), TREES, run.task.horizon_days, observed, shape.edges, shape.rates, shape.booster
    )


def _validate(run: TrainingRun) -> dict[str, float]:
    """Return the integrated Brier score of each shape on the validation rows, all through the served probability."""
    folds = run.validation.folds
    if not folds:
        return {}
    probability = np.clip(validated_probability(run), 1e-6, 1 - 1e-6)
    logits = np.clip(np.asarray(logit_of(probability)), -LIMIT, LIMIT)
    known_until = min(fold.cutoff for fold in folds) if run.validation.out_of_time else run.task.as_of
    trees = _trees(run, run.validation.training_set.in_memory, known_until)
    names = [CONSTANT, *([BG_NBD] if _default(run) == BG_NBD else ())]
    candidates = [EventTiming(event_of(run.task), name, run.task.horizon_days, 0.0) for name in names]
    candidates += [trees] if trees else []
    scores: dict[str, list[float]] = {candidate.shape: [] for candidate in candidates}
    start = 0
    sizes: list[int] = []
    for fold in folds:
        rows = slice(start, start + len(fold.dataset))
        start, sizes = rows.stop, [*sizes, len(fold.dataset)]
        judged = fold.dataset.at_most(JUDGED_ROWS)
        times = event_times(run.history, run.task, judged, run.task.as_of)
        own = logits[rows][:: max(1, len(fold.dataset) // JUDGED_ROWS)]
        end = (run.task.horizon.after(fold.cutoff) - fold.cutoff).total_seconds() / 86400
        for candidate in candidates:
            days = np.linspace(0, end, GRID_STEPS + 1)[1:]
            chances = candidate.chances(own, judged.matrix, days.tolist(), end, run.ensemble.members)
            happened = 1.0 - chances if candidate.is_absence else chances
            scores[candidate.shape].append(integrated_brier(times, happened, days))
    return {name: float(np.average(found, weights=sizes)) for name, found in scores.items()}


def integrated_brier(times: EventTimes, happened: Floats, days: Sequence[float] | Floats) -> float:
    """Return the mean Brier score over the days, at which every row's state has to be known."""
    outcome = (times.days[:, None] < np.asarray(days)[None, :]) & (times.happened[:, None] == 1)
    return float(np.mean((happened - outcome) ** 2))
