"""Input drift: how far the features of a snapshot are from those that the model was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Floats, Matrix

_MAX_ROWS = 5_000
_MIN_SHARE = 1e-3


@dataclass(frozen=True)
class Drift:
    """Drift of one feature; ``psi`` is the population stability index, with missing values as a bin of their own."""

    feature: str
    family: str
    psi: float
    missing_then: float
    missing_now: float


def drift(bundle: Bundle, rows: Matrix) -> list[Drift]:
    """Compare the rows with the bundle's reference, feature by feature, largest index first."""
    if not len(rows):
        return []
    # A sample of evenly spread rows is enough: the index is read to one digit.
    sample = rows.take(np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MAX_ROWS)).astype(np.intp)))
    found = [_of_column(bundle, column, sample.column(column.name)) for column in bundle.columns]
    return sorted((one for one in found if one), key=lambda one: -one.psi)


def by_family(drifts: list[Drift]) -> dict[str, float]:
    """Return the largest index of each family."""
    worst: dict[str, float] = {}
    for one in drifts:
        worst[one.family] = max(worst.get(one.family, 0.0), one.psi)
    return worst


def _of_column(bundle: Bundle, column: FeatureColumn, values: Floats) -> Drift | None:
    reference = bundle.reference
    missing_then = reference.missing.get(column.name, 0.0)
    missing_now = float(np.isnan(values).mean())
    if column.is_category:
        then = np.array(reference.shares.get(column.name, ()))
        known = values[~np.isnan(values)].astype(np.intp)
        now = np.bincount(known, minlength=len(then))[: len(then)] / max(len(values), 1)
    else:
        quantiles = np.array(reference.quantiles.get(column.name, ()))
        then, now = _shares(quantiles, values, missing_then, missing_now)
    if not len(then):
        return None
    psi = _psi(np.append(then, missing_then), np.append(now, missing_now))
    return Drift(column.name, column.family, psi, missing_then, missing_now)


def _shares(quantiles: Floats, values: Floats, missing_then: float, missing_now: float) -> tuple[Floats, Floats]:
    """Return the shares of ten bins then and now; a value that many customers share is one bin."""
    edges = np.unique(quantiles[4:-1:4]) if len(quantiles) else quantiles
    if not len(edges):
        return np.array([]), np.array([])
    then = _binned(edges, quantiles) * (1 - missing_then)
    known = values[~np.isnan(values)]
    now = _binned(edges, known) * (1 - missing_now) if len(known) else np.zeros(len(edges) + 1)
    return then, now


def _binned(edges: Floats, values: Floats) -> Floats:
    bins: npt.NDArray[np.intp] = np.searchsorted(edges, values, side="left")
    return np.bincount(bins, minlength=len(edges) + 1) / max(len(values), 1)


def _psi(then: Floats, now: Floats) -> float:
    then, now = np.maximum(then, _MIN_SHARE), np.maximum(now, _MIN_SHARE)
    return float(((now - then) * np.log(now / then)).sum())
