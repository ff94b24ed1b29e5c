"""Fit a ridge-regularised logistic line on a few strong features, each kept on its declared side of zero."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from rapport.scoring.columns import Column
from rapport.scoring.experts.linear import Linear, Term
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.fitting.trees import varying
from rapport.training.rows import Rows
from scipy.optimize import minimize
from scipy.special import expit

# One term for ten customers with the rarer outcome (Peduzzi et al. 1996); more than forty tell nothing new.
MOST_TERMS, LEAST_TERMS, CUSTOMERS_A_TERM = 40, 8, 10
# Two of each family come first, then four: weak families are heard before strong ones repeat themselves.
OF_FAMILY = (2, 4, 8, 16, 32, MOST_TERMS)
ALIKE = 0.95
# As many standardised customers as pull each coefficient to 0: rows of one customer at many cutoffs count once.
RIDGE = 20.0
SCREENED = 20_000
HAZARD, OF_HAZARD, HAZARD_RIDGE = frozenset({"contract", "tenure"}), (5,), 30.0
SHAPES = {"days": "log", "count": "log", "money": "log", "hours": "log", "per_month": "log", "ratio": "log"}


@dataclass(frozen=True)
class _Candidate:
    """A feature in one shape, standardised."""

    term: Term
    values: Floats
    family: str
    sign: int


def fit_linear(rows: Rows, *, offset: Floats, weight: Floats, name: str = "linear") -> Linear:
    """Fit the line; a constant where no feature says anything."""
    most = min(max(rows.rarer // CUSTOMERS_A_TERM, LEAST_TERMS), MOST_TERMS)
    ridge = RIDGE * len(rows) / len(set(rows.ids))
    return _fitted(name, _strongest(rows, most), rows, offset=offset, weight=weight, ridge=ridge)


def fit_hazard(rows: Rows, *, offset: Floats, weight: Floats) -> Linear:
    """Fit the hazard of a contract's end: a line on contracts and tenure alone, for few customers can carry no more.

    Each contract is one step in discrete time (Singer & Willett 1993): what is estimated is the chance that this step
    is the last, by how many were gone before, how they ended, and how long it is until the end. So the rows of a
    customer are steps of their own, not one witness seen often.
    """
    chosen = _strongest(rows, MOST_TERMS, HAZARD, OF_HAZARD)
    return _fitted("hazard", chosen, rows, offset=offset, weight=weight, ridge=HAZARD_RIDGE)


def _fitted(name: str, chosen: list[_Candidate], rows: Rows, *, offset: Floats, weight: Floats, ridge: float) -> Linear:
    base = float(np.average(rows.label, weights=weight))
    columns = np.column_stack([np.ones(len(rows)), *(candidate.values for candidate in chosen)])
    start = np.r_[np.log(base / (1 - base)), np.zeros(len(chosen))]
    bounds = [(-20.0, 20.0), *(_side(candidate.sign) for candidate in chosen)]
    given = (columns, rows.label, offset, weight, ridge)
    fit = minimize(_loss, start, args=given, jac=True, method="L-BFGS-B", bounds=bounds)
    terms = (
        Term(**{**vars(candidate.term), "coefficient": float(found)})
        for candidate, found in zip(chosen, fit.x[1:], strict=True)
        if found != 0.0
    )
    return Linear(name, tuple(terms), float(fit.x[0]))


def _strongest(
    rows: Rows, most: int, families: Set[str] | None = None, of_family: Sequence[int] = OF_FAMILY
) -> list[_Candidate]:
    """Take the strongest features by themselves, as many as the customers can carry."""
    found = _unlike(_screen(rows.at_most(SCREENED), families), most, of_family)
    terms = [candidate.term for candidate in found]
    return [_candidate(rows, rows.matrix.place[term.feature], term.transform) for term in terms]


def _unlike(found: list[_Candidate], most: int, rounds: Sequence[int]) -> list[_Candidate]:
    """Keep candidates from the strongest on, a few of each family, then more, none that repeats another."""
    alike = np.abs(np.corrcoef([candidate.values for candidate in found])) > ALIKE if len(found) > 1 else np.eye(1)
    kept: list[int] = []
    for of_family in rounds:
        for at, candidate in enumerate(found):
            own = sum(found[place].family == candidate.family for place in kept)
            if len(kept) < most and own < of_family and not alike[at, kept].any():
                kept.append(at)
    return [found[at] for at in kept]


def _screen(rows: Rows, families: Set[str] | None) -> list[_Candidate]:
    """Order features and their shapes by how far their AUC lies from a half, by itself."""
    found: list[tuple[float, _Candidate]] = []
    for place in varying(rows.matrix):
        column = rows.matrix.columns[place]
        if column.is_category or (families and column.family not in families):
            continue
        for shape in _shapes(column, rows.matrix.values[:, place]):
            candidate = _candidate(rows, int(place), shape)
            found.append((abs(auc(rows.label, candidate.values) - 0.5), candidate))
    return [candidate for strength, candidate in sorted(found, key=lambda each: -each[0]) if strength > 0.01]


def _shapes(column: Column, values: Floats) -> list[str]:
    unknown = float(np.isnan(values).mean())
    return [SHAPES.get(column.unit, "as_is"), *(["known"] if 0.02 < unknown < 0.98 else [])]


def _candidate(rows: Rows, place: int, shape: str) -> _Candidate:
    column = rows.matrix.columns[place]
    one = Matrix((column,), rows.matrix.values[:, [place]])
    shaped = Term(column.name, shape, 0.0, 1.0, 1.0, low=-np.inf, high=np.inf, missing=np.nan).part(one)
    known = shaped[~np.isnan(shaped)]
    centre, scale = float(known.mean()), float(known.std()) or 1.0
    term = Term(column.name, shape, centre, scale, 1.0)
    values = term.part(one)
    return _Candidate(term, values, column.family, 0 if shape == "known" else column.direction)


def _side(sign: int) -> tuple[float, float]:
    return (0.0 if sign > 0 else -5.0, 0.0 if sign < 0 else 5.0)


def _loss(
    line: Floats, columns: Floats, label: Floats, offset: Floats, weight: Floats, ridge: float
) -> tuple[float, Floats]:
    logit = columns @ line + offset
    gap = weight * (expit(logit) - label)
    loss = float((weight * (np.logaddexp(0, logit) - label * logit)).sum() + ridge / 2 * (line[1:] ** 2).sum())
    return loss, columns.T @ gap + np.r_[0.0, ridge * line[1:]]


def auc(label: Floats, values: Floats) -> float:
    """Return the chance that one with the outcome has the higher value; ties count half."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    sizes = np.diff(np.r_[starts, len(ranked)])
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(starts + (sizes + 1) / 2, sizes)
    came = label == 1
    ones, zeros = int(came.sum()), int((~came).sum())
    if not ones or not zeros:
        return float("nan")
    return float((ranks[came].sum() - ones * (ones + 1) / 2) / (ones * zeros))
