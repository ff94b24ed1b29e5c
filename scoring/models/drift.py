"""Drift: how far the features and scores of current customers are from the reference population of a bundle.

Monitor, console and metrics share one index, ``rapport.metrics.stability_index``, over the deciles of every bundle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rapport.metrics import BINS, stability_index
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.reference import QUANTILE_STEPS

_REFERENCE_ROWS = np.inf
_MAX_ROWS = 5_000
# These features depend on the calendar, like counts since ever, and always drift.
_ALWAYS_DRIFTING = (
    "customer_age_days",
    "first_order_days_ago",
    "age_weeks_log",
    "days_since_first_touch",
    "order_life_days",
)
_SINCE_EVER = "_ever"


@dataclass(frozen=True)
class FeatureDrift:
    """Drift of one feature; missing values are a bin of their own."""

    name: str
    family: str
    psi: float
    missing_then: float
    missing_now: float


def feature_drift(bundle: Bundle, current: Matrix) -> list[FeatureDrift]:
    """Compare every feature with the bundle's reference, by decreasing drift."""
    if not len(current):
        return []
    # A sample of evenly spread rows is enough: the index is read to one digit.
    sample = current.take(np.unique(np.linspace(0, len(current) - 1, min(len(current), _MAX_ROWS)).astype(np.intp)))
    columns = [column for column in bundle.columns if not _always_drifts(column.name)]
    found = [_column_drift(bundle, column, sample.column(column.name)) for column in columns]
    return sorted((each for each in found if each is not None), key=lambda each: -each.psi)


def drift_by_family(drifts: Sequence[FeatureDrift]) -> dict[str, float]:
    """Return the largest index of each family."""
    largest: dict[str, float] = {}
    for each in drifts:
        largest[each.family] = max(largest.get(each.family, 0.0), each.psi)
    return largest


def score_drift(bundle: Bundle, logits: Floats) -> float:
    """Compare the scores with those of the reference population."""
    reference = np.asarray(bundle.reference.logits)
    if not len(reference) or not len(logits):
        return 0.0
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    shares = (_bin_shares(reference, edges), _bin_shares(logits, edges))
    return stability_index(*shares, rows=(_REFERENCE_ROWS, len(logits)))


def _always_drifts(name: str) -> bool:
    return name in _ALWAYS_DRIFTING or name.endswith(_SINCE_EVER)


def _column_drift(bundle: Bundle, column: FeatureColumn, values: Floats) -> FeatureDrift | None:
    reference, name = bundle.reference, column.name
    missing_then, missing_now = reference.missing.get(name, 1.0), float(np.isnan(values).mean())
    if missing_then == 1.0 and missing_now == 1.0:
        return None
    known = values[~np.isnan(values)]
    if column.is_category:
        before = np.asarray(reference.shares.get(name, ()), dtype=np.float64)
        current = np.bincount(known.astype(np.int64), minlength=len(before))[: len(before)] / max(len(values), 1)
    else:
        before, current = _decile_shares(reference.quantiles.get(name, ()), known)
        before, current = before * (1 - missing_then), current * (1 - missing_now)
    psi = stability_index(np.r_[before, missing_then], np.r_[current, missing_now], rows=(_REFERENCE_ROWS, len(values)))
    return FeatureDrift(name, column.family, psi, missing_then, missing_now)


def _decile_shares(quantiles: Sequence[float], known: Floats) -> tuple[Floats, Floats]:
    """Return the shares of the reference and of current values between the reference's deciles; ties share a bin."""
    if not quantiles:
        return np.zeros(1), np.ones(1)
    deciles = np.asarray(quantiles)[:: (len(QUANTILE_STEPS) - 1) // BINS]
    edges = np.unique(deciles[1:-1])
    # The reference's 41 quantiles are equally likely, so they represent it.
    return _bin_shares(np.asarray(quantiles), edges), _bin_shares(known, edges)


def _bin_shares(values: Floats, edges: Floats) -> Floats:
    bins = np.searchsorted(edges, values, side="right")
    return np.asarray(np.bincount(bins, minlength=len(edges) + 1) / max(len(values), 1))
