"""Uplift: whom contact helps, learned from an experiment, and used only where it ranks better than the plain score.

A doubly robust learner: the influence values of the experiment, whose mean is the effect, are regressed on the features
that customers had when they were drawn. Each customer is judged by a model that was fitted without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from rapport.scoring.experiments.effect import Flags, Floats, anytime_half_width, has_enough_outcomes, influence
from rapport.scoring.models.lightgbm_loader import load_booster

if TYPE_CHECKING:
    from lightgbm import Booster

MIN_CUSTOMERS, MIN_HELD_OUT = 2_000, 200
"""Below this many customers with an outcome, or held-out ones, no uplift model is fitted."""
_FOLDS, _ROUNDS = 5, 60
_PARAMETERS = {
    "objective": "regression", "num_leaves": 4, "learning_rate": 0.05, "lambda_l2": 20.0, "feature_fraction": 0.5,
    "min_data_in_leaf": 100, "num_threads": 1, "seed": 1, "deterministic": True, "verbose": -1,
}  # fmt: skip


@dataclass(frozen=True)
class UpliftModel:
    """The models of all folds, whose mean is the uplift.

    ``reached`` is the share of customers drawn for contact who were contacted, ``lost`` the line of the score that
    gives the chance of the bad outcome without contact.
    """

    names: tuple[str, ...]
    trees: tuple[str, ...]
    reached: float
    lost: tuple[float, float]

    def chance_to_help(self, rows: Floats, probability: Floats) -> Floats:
        """Return the chance that a contact keeps a customer who would leave; 0 where contact does nothing or harms."""
        uplift = np.mean([one.predict(rows, num_threads=1) for one in self._boosters], axis=0)
        lost = np.clip(np.polyval(self.lost, probability), 0.05, 1.0)
        return np.asarray(np.clip(uplift / (self.reached * lost), 0.0, 1.0))

    def to_dict(self) -> dict[str, Any]:
        """Return the model as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> UpliftModel:
        """Load what ``to_dict`` returned."""
        slope, intercept = stored["lost"]
        return cls(tuple(stored["names"]), tuple(stored["trees"]), float(stored["reached"]), (slope, intercept))

    @cached_property
    def _boosters(self) -> list[Booster]:
        return [load_booster(text, "uplift") for text in self.trees]


@dataclass(frozen=True)
class UpliftReport:
    """How an uplift model ranks beside the plain score: Qini coefficients on customers that it was not fitted on.

    The interval of the difference holds at every look. ``fifths`` are customers by predicted uplift, highest first.
    """

    verdict: Literal["not_enough_data", "not_better", "better"]
    customers: int
    qini: float | None = None
    qini_score: float | None = None
    difference: float | None = None
    anytime_low: float | None = None
    anytime_high: float | None = None
    fifths: tuple[dict[str, float], ...] = ()


@dataclass(frozen=True)
class Experiment:
    """The customers of an experiment whose outcome is known, row by row.

    ``score`` is the churn probability at the draw, ``plain`` what would rank the customers without an uplift model.
    """

    rows: Floats
    names: tuple[str, ...]
    held_out: Flags
    outcome: Floats
    score: Floats
    plain: Floats
    share: float
    reached: float


def is_enough_for_uplift(held_out: Flags, outcome: Floats) -> bool:
    """Whether an experiment is large enough for an uplift model."""
    large = len(held_out) >= MIN_CUSTOMERS and int(held_out.sum()) >= MIN_HELD_OUT
    return large and has_enough_outcomes(held_out, outcome)


def fit_uplift(experiment: Experiment) -> tuple[UpliftModel | None, UpliftReport]:
    """Return the model if it ranks better than the plain score, and how both rank."""
    import lightgbm as lgb  # noqa: PLC0415 - a service that fits nothing starts without it

    values = influence(experiment.held_out, experiment.outcome, experiment.score, experiment.share)
    folds = np.random.default_rng(1).permutation(len(values)) % _FOLDS
    trees, uplift = [], np.zeros(len(values))
    for fold in range(_FOLDS):
        rest = folds != fold
        booster = lgb.train(_PARAMETERS, lgb.Dataset(experiment.rows[rest], values[rest]), _ROUNDS)
        uplift[~rest] = booster.predict(experiment.rows[~rest], num_threads=1)
        trees.append(booster.model_to_string())
    report = _compared(values, uplift, experiment.plain)
    if report.verdict != "better":
        return None, report
    off = experiment.held_out
    slope, intercept = np.polyfit(experiment.score[off], 1.0 - experiment.outcome[off], 1).tolist()
    return UpliftModel(experiment.names, tuple(trees), experiment.reached, (slope, intercept)), report


def qini_weights(ranking: Floats) -> Floats:
    """Return each customer's weight in a Qini coefficient: ½ for the first by the ranking, −½ for the last."""
    places = np.empty(len(ranking))
    places[np.argsort(-ranking, kind="stable")] = np.arange(len(ranking)) + 0.5
    # Customers of equal rank share their places.
    _, same = np.unique(ranking, return_inverse=True)
    places = (np.bincount(same, places) / np.bincount(same))[same]
    return np.asarray(0.5 - places / len(ranking))


def _compared(values: Floats, uplift: Floats, plain: Floats) -> UpliftReport:
    """Compare two rankings: a Qini coefficient is a mean over customers, so the difference has an interval like one."""
    by_uplift, by_score = values * qini_weights(uplift), values * qini_weights(plain)
    each = by_uplift - by_score
    difference, half = float(each.mean()), anytime_half_width(len(each), float(each.std(ddof=1)))
    return UpliftReport(
        verdict="better" if difference - half > 0 else "not_better",
        customers=len(values),
        qini=float(by_uplift.mean()),
        qini_score=float(by_score.mean()),
        difference=difference,
        anytime_low=difference - half,
        anytime_high=difference + half,
        fifths=tuple(_fifths(values, uplift)),
    )


def _fifths(values: Floats, uplift: Floats) -> Sequence[dict[str, float]]:
    groups: list[npt.NDArray[np.intp]] = np.array_split(np.argsort(-uplift, kind="stable"), 5)
    return [{"predicted": float(uplift[rows].mean()), "observed": float(values[rows].mean())} for rows in groups]
