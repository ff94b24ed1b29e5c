"""How far tonight's inputs are from what the model learnt from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapport.scoring.bundle import Bundle
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Floats, Matrix

_MOST_ROWS = 5_000
_LEAST_SHARE = 1e-3


@dataclass(frozen=True)
class Drift:
    """One feature then and now; ``psi`` is the population stability index, unknown values included as a bin."""

    feature: str
    family: str
    psi: float
    missing_then: float
    missing_now: float


def drift(bundle: Bundle, rows: Matrix) -> list[Drift]:
    """Compare the rows with the bundle's reference, feature by feature, the furthest first."""
    if not len(rows):
        return []
    # Evenly spread rows will do: an index is read to one digit.
    some = rows.take(np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).astype(np.intp)))
    found = [_of_column(bundle, column, some.number(column.name)) for column in bundle.columns]
    return sorted((one for one in found if one), key=lambda one: -one.psi)


def by_family(drifts: list[Drift]) -> dict[str, float]:
    """Return the largest index of each family."""
    worst: dict[str, float] = {}
    for one in drifts:
        worst[one.family] = max(worst.get(one.family, 0.0), one.psi)
    return worst


def _of_column(bundle: Bundle, column: Column, values: Floats) -> Drift | None:
    reference = bundle.reference
    missing_then = reference.missing.get(column.name, 0.0)
    missing_now = float(np.isnan(values).mean())
    if column.is_category:
        then = np.array(reference.shares.get(column.name, ()))
        known = values[~np.isnan(values)].astype(np.intp)
        now = np.bincount(known, minlength=len(then))[: len(then)] / max(len(values), 1)
    else:
        steps = np.array(reference.quantiles.get(column.name, ()))
        then, now = _shares(steps, values, missing_then, missing_now)
    if not len(then):
        return None
    psi = _psi(np.append(then, missing_then), np.append(now, missing_now))
    return Drift(column.name, column.family, psi, missing_then, missing_now)


def _shares(steps: Floats, values: Floats, missing_then: float, missing_now: float) -> tuple[Floats, Floats]:
    """Return the shares of ten bins then and now; values that many share are one bin."""
    edges = np.unique(steps[4:-1:4]) if len(steps) else steps
    if not len(edges):
        return np.array([]), np.array([])
    then = _binned(edges, steps) * (1 - missing_then)
    known = values[~np.isnan(values)]
    now = _binned(edges, known) * (1 - missing_now) if len(known) else np.zeros(len(edges) + 1)
    return then, now


def _binned(edges: Floats, values: Floats) -> Floats:
    places: npt.NDArray[np.intp] = np.searchsorted(edges, values, side="left")
    return np.bincount(places, minlength=len(edges) + 1) / max(len(values), 1)


def _psi(then: Floats, now: Floats) -> float:
    then, now = np.maximum(then, _LEAST_SHARE), np.maximum(now, _LEAST_SHARE)
    return float(((now - then) * np.log(now / then)).sum())
