"""Intervals of the rate of similar customers, and of one customer's own probability.

The rate of similar customers is uncertain by sampling (refits on halves of the customers: a half differs from the whole
as the whole differs from the truth), by the forecast of the base rate, and by groups that the model misjudges
(``rate_coverage.py``). This is the interval of a score.

One customer's own probability differs from that rate by what its history does not tell: drawn from the BG/NBD posterior
(``posterior_draws.py``), or for leads and contracts the volatility of similar customers' scores
(``score_volatility.py``) and the disagreement of the members. Answers put its width into words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from scipy.special import expit

from rapport.scoring.models.blend import logit_of
from rapport.scoring.models.evaluation_record import IntervalRecord
from rapport.scoring.models.interval import PredictionInterval
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.training.data.cutoff_schedule import CutoffSchedule
from rapport.training.data.dataset import BoolArray, Dataset, IndexArray
from rapport.training.evaluation.posterior_draws import DRAWS, draw_deviations
from rapport.training.evaluation.rate_coverage import common_error, group_error, rate_coverage
from rapport.training.evaluation.score_volatility import score_steps, subsample_customers
from rapport.training.evaluation.training_run import TrainingRun, final_weights
from rapport.training.stacking.base_rate import fit_intercept
from rapport.training.stacking.ensemble import FitConfig, fit_ensemble
from rapport.training.stacking.stacking_weights import folds_of
from rapport.training.stacking.temporal_validation import match_mean

HALVES = 3
MAX_ROWS = 60_000
COVERAGE = 0.9
KNOTS = (-6.0, -4.5, -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 3.0, 5.0)
BANDWIDTH = 0.5
UNKNOWN_ERROR = 0.5
KNOWN_ERROR = 0.1
TENURE = {"churn": "first_order_days_ago", "conversion": "customer_age_days"}
GROUPS, MIN_GROUP = 5, 60
# The interval is the narrowest with nine tenths of the draws; at least two in a hundred draws are beyond each end.
LOW_TAILS = np.linspace(0.02, 1 - COVERAGE - 0.02, 13)


@dataclass(frozen=True)
class FittedIntervals:
    """The interval of the score, that of one customer's own probability, and what validation shows of the first."""

    rate: PredictionInterval
    individual: PredictionInterval
    evaluation: IntervalRecord


def fit_intervals(run: TrainingRun, config: FitConfig, schedule: CutoffSchedule, current: Matrix) -> FittedIntervals:
    """Return the offsets around the log-odds, by score and by how much is known of a customer."""
    logits = run.ensemble.logits(current)
    weights = final_weights(run, tuple(logits))
    blended = match_mean(_weighted(logits, weights), run.expected_rate)
    bg_nbd = next((member for member in run.ensemble.members if isinstance(member, BgNbdMember)), None)
    feature = bg_nbd.orders if bg_nbd else TENURE[run.task.target]
    edges = _edges(current, feature)
    group = _groups(current, feature, edges)
    own = draw_deviations(bg_nbd, current) if bg_nbd else np.zeros((DRAWS, len(current)))
    unlike = 0.0 if bg_nbd else np.hypot(_disagreement(logits), _volatility(run, weights, feature, edges)[group])
    sampling = _sampling_error(run, config, schedule, current, blended, tuple(logits))
    spread = np.sqrt(np.maximum(sampling, group_error(run)) ** 2 + _base_rate_error(run, blended) ** 2)
    noise = np.random.default_rng(0).normal(size=own.shape)
    rate = _interval(blended, noise * spread, group, feature, edges)
    individual = _interval(blended, own + noise * np.hypot(spread, unlike), group, feature, edges)
    return FittedIntervals(rate, individual, _evaluation(run, rate, individual, blended, current))


def _interval(
    blended: Floats, deviations: Floats, group: IndexArray, feature: str, edges: tuple[float, ...]
) -> PredictionInterval:
    offsets = [_offsets(blended, deviations, np.flatnonzero(group == index)) for index in range(len(edges) + 1)]
    return PredictionInterval(
        level=COVERAGE,
        knots=KNOTS,
        below=tuple(below for below, _ in offsets),
        above=tuple(above for _, above in offsets),
        feature=feature if edges else None,
        edges=edges,
    )


def _evaluation(
    run: TrainingRun, rate: PredictionInterval, individual: PredictionInterval, blended: Floats, current: Matrix
) -> IntervalRecord:
    """Return the widths now, and how often the observed rates of similar customers lay in the interval of the rate."""
    return {
        "median_width": _median_width(rate, blended, current),
        "median_width_of_one_customer": _median_width(individual, blended, current),
        **rate_coverage(run, rate),
    }


def _median_width(interval: PredictionInterval, blended: Floats, current: Matrix) -> float:
    low, high = interval.around(blended, current)
    return float(np.median(high - low))


def _weighted(logits: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    return np.asarray(np.sum([weight * logits[name] for name, weight in weights.items() if name in logits], axis=0))


def _sampling_error(
    run: TrainingRun,
    config: FitConfig,
    schedule: CutoffSchedule,
    current: Matrix,
    blended: Floats,
    names: tuple[str, ...],
) -> Floats:
    """Return by how much scores change if the members, and beside BG/NBD their weights, are fitted on halves."""
    if len(run.dataset) > MAX_ROWS or not config.learn:
        return np.full(len(current), KNOWN_ERROR if config.learn else UNKNOWN_ERROR)
    one_seed = replace(
        config,
        recent_params=replace(config.recent_params, seeds=1),
        historical_params=replace(config.historical_params, seeds=1),
    )
    refits = []
    for seed in range(HALVES):
        dataset = run.dataset.take(np.flatnonzero(_in_half(run.dataset, seed)))
        if len(dataset.at_cutoffs(schedule.recent)) and 0 < dataset.label.mean() < 1:
            logits = fit_ensemble(dataset, schedule, one_seed, as_of=run.task.as_of).logits(current)
            # Without BG/NBD the members' disagreement stands for the error of the weights.
            kept = [_in_half(fold.dataset, seed) for fold in run.validation.folds] if config.bg_nbd else None
            weights = final_weights(run, names, folds_of(run.validation, kept) if kept else None)
            refits.append(match_mean(_weighted(logits, weights), run.expected_rate))
    if not refits:
        return np.full(len(current), UNKNOWN_ERROR)
    return np.asarray(np.sqrt(((np.array(refits) - blended) ** 2).mean(axis=0)))


def _in_half(dataset: Dataset, seed: int) -> BoolArray:
    """Draw half of the customers, with all their rows."""
    return np.array([crc32(f"{seed} {name}".encode()) % 2 == 0 for name in dataset.customer_ids], dtype=bool)


def _volatility(run: TrainingRun, weights: Mapping[str, float], feature: str, edges: tuple[float, ...]) -> Floats:
    """Return each group's standard deviation of score changes between two cutoffs, in log-odds."""
    dataset = subsample_customers(run.dataset, MAX_ROWS)
    logits = _weighted(run.ensemble.logits(dataset.matrix), weights)
    earlier, steps = score_steps(dataset, logits, run.task.horizon_days)
    group = _groups(dataset.matrix.take(earlier), feature, edges)
    overall = float(steps.std()) if len(steps) >= MIN_GROUP else UNKNOWN_ERROR
    by_group = [steps[group == index] for index in range(len(edges) + 1)]
    return np.array([float(some.std()) if len(some) >= MIN_GROUP else overall for some in by_group])


def _disagreement(logits: Mapping[str, Floats]) -> Floats:
    """Return the standard deviation of the members' centred log-odds for each customer, without the card."""
    centred = [values - values.mean() for name, values in logits.items() if name != "card"]
    return np.asarray(np.std(centred, axis=0)) if centred else np.zeros(len(next(iter(logits.values()))))


def _offsets(blended: Floats, deviations: Floats, chosen: IndexArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return how far below and above the score nine tenths of these customers' deviations lie, near each knot."""
    flat = deviations[:, chosen].ravel()
    order = np.argsort(flat)
    ranked, owner = flat[order], np.tile(chosen, len(deviations))[order]
    below, above = [], []
    for knot in KNOTS:
        distance = ((blended - knot) / BANDWIDTH) ** 2 / 2
        # The nearest customer has weight 1, so that a knot beyond all scores uses the nearest ones.
        share = np.cumsum(np.exp(distance[chosen].min() - distance)[owner])
        low, high = _narrowest(ranked, share / share[-1], knot)
        below.append(max(-low, 0.0))
        above.append(max(high, 0.0))
    return tuple(below), tuple(above)


def _narrowest(ranked: Floats, share: Floats, knot: float) -> tuple[float, float]:
    """Return the two deviations around nine tenths with the smallest difference of probability at ``knot``."""
    low = ranked[np.searchsorted(share, LOW_TAILS)]
    high = ranked[np.minimum(np.searchsorted(share, LOW_TAILS + COVERAGE), len(ranked) - 1)]
    best = int((expit(knot + high) - expit(knot + low)).argmin())
    return float(low[best]), float(high[best])


def shift_of_scores(rate_error: float, logits: Floats) -> float:
    """Return how far all scores have to shift for the log-odds of their mean to be off by ``rate_error``.

    The better a model tells customers apart, the less its rate moves with its scores.
    """
    rate = float(logit_of(expit(logits).mean()))
    up, down = (fit_intercept(logits, float(expit(rate + error))) for error in (rate_error, -rate_error))
    return (up - down) / 2


def _base_rate_error(run: TrainingRun, blended: Floats) -> float:
    """Return by how much all scores may be off together, in log-odds of one score.

    It is the forecast's own error, and what validation saw: its folds overlap, so together they count as one.
    """
    own, seen = shift_of_scores(run.base_rate.error, blended), common_error(run)
    return own if seen is None else float(np.sqrt((own**2 + seen**2) / 2))


def _edges(current: Matrix, feature: str) -> tuple[float, ...]:
    """Return the edges of the fifths of the customers, or of fewer groups if values repeat."""
    values = current.column(feature) if feature in current.positions else np.zeros(0)
    known = values[~np.isnan(values)]
    groups = min(GROUPS, len(known) // MIN_GROUP)
    if groups < 2:
        return ()
    edges = np.unique(np.quantile(known, np.arange(1, groups) / groups))
    return tuple(edges[edges > known.min()].tolist())


def _groups(matrix: Matrix, feature: str, edges: tuple[float, ...]) -> IndexArray:
    if not edges:
        return np.zeros(len(matrix), dtype=np.intp)
    return np.searchsorted(edges, np.nan_to_num(matrix.column(feature), nan=-np.inf), side="right")
