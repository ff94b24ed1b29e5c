"""Fit piecewise constant hazards by trees: a Poisson regression of events on exposure in each interval of time."""

from collections.abc import Sequence
from itertools import pairwise

import lightgbm as lgb
import numpy as np

from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.members.corrected import trees_of
from rapport.scoring.models.timing.event_timing import END_DAYS
from rapport.scoring.models.timing.hazard_shape import INTERVAL, TreeHazard
from rapport.training.data.dataset import Dataset
from rapport.training.stacking.ensemble import Ensemble
from rapport.training.timing.event_times import EventTimes

EDGES = (0, 7, 15, 30.4, 45.6, 60.8, 91.2, 121.7, 152.1, 182.5, 243.3, 304.2, 365, 486.7, 608.3, END_DAYS)
MIN_EVENTS, MIN_FOLLOWED = 10, 30
MAX_ROWS, MAX_FEATURES = 8_000, 16
RIDGE_EVENTS = 5.0
EDGE_GAP = 0.05
"""No other edge is so close to the horizon, as a share of it."""
PARAMS = {
    "objective": "poisson", "num_leaves": 15, "learning_rate": 0.08, "lambda_l2": 10.0, "feature_fraction": 0.6,
    "bagging_fraction": 0.7, "bagging_freq": 1, "seed": 1, "deterministic": True, "num_threads": 1, "verbose": -1,
}  # fmt: skip
ROUNDS = 90


def fit_tree_hazard(
    dataset: Dataset, times: EventTimes, features: Sequence[str], horizon_days: float
) -> tuple[TreeHazard, float] | None:
    """Return the hazards and how many days are observed; None with too few events for any interval."""
    others = [edge for edge in EDGES if abs(edge - horizon_days) > EDGE_GAP * horizon_days]
    edges = _observed_edges(times, np.unique([*others, horizon_days]))
    if len(edges) < 2:
        return None
    count = len(edges) - 1
    exposure = np.clip(times.days[:, None] - edges[:-1], 0.0, np.diff(edges))
    at = np.minimum(np.searchsorted(edges, times.days, side="right") - 1, count)
    events = np.zeros_like(exposure)
    chosen = np.flatnonzero((times.happened == 1) & (at < count))
    events[chosen, at[chosen]] = 1.0
    overall = events.sum() / exposure.sum()
    rates = (events.sum(axis=0) + RIDGE_EVENTS) / (exposure.sum(axis=0) + RIDGE_EVENTS / overall)
    row, interval = np.nonzero(exposure > 0)
    values = dataset.matrix.values[:, [dataset.matrix.positions[name] for name in features]]
    inputs = np.column_stack([values[row], interval])
    data = lgb.Dataset(
        inputs,
        events[row, interval],
        init_score=np.log(exposure[row, interval] * rates[interval]),
        feature_name=[*features, INTERVAL],
    )
    leaf_rows = int(np.clip(len(row) // 100, 20, 300))
    booster = lgb.train({**PARAMS, "min_data_in_leaf": leaf_rows}, data, ROUNDS)
    shape = TreeHazard(tuple(edges.tolist()), tuple(rates.tolist()), booster.model_to_string())
    return shape, float(edges[-1])


def leading_features(ensemble: Ensemble, dataset: Dataset) -> tuple[str, ...]:
    """Return the features with the most gain in the ensemble's trees; none without trees."""
    gains: dict[str, float] = {}
    for member in trees_of(ensemble.members):
        for booster in member.loaded:
            found = zip(booster.feature_name(), booster.feature_importance("gain"), strict=True)
            for name, gain in found:
                gains[name] = gains.get(name, 0.0) + float(gain)
    numbers = {column.name for column in dataset.matrix.columns if not column.is_category}
    ranked = sorted(
        (name for name, gain in gains.items() if gain > 0 and name in numbers), key=lambda each: -gains[each]
    )
    return tuple(ranked[:MAX_FEATURES])


def _observed_edges(times: EventTimes, edges: Floats) -> Floats:
    """Keep the edges up to the last interval that enough rows and events were observed in."""
    last = 0
    for position, (start, end) in enumerate(pairwise(edges), 1):
        events = int(((times.days >= start) & (times.days < end) & (times.happened == 1)).sum())
        followed = int((times.days >= end).sum()) + events
        if followed >= MIN_FOLLOWED and events >= MIN_EVENTS:
            last = position
    return edges[: last + 1]
