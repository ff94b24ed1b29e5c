"""The ensemble as a scikit-learn estimator: for pipelines, cross-validation and comparisons on rows of your own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from rapport.features import catalog
from rapport.frames import as_table
from rapport.scoring.models.columns import CATEGORY, FeatureColumn, feature_columns
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.member import EnsembleMember
from rapport.training.data.category_levels import with_level_rates
from rapport.training.data.data_sufficiency import sufficiency_of
from rapport.training.data.dataset import BoolArray, Dataset, IndexArray
from rapport.training.members.gbm import HISTORICAL_PARAMS, RECENT_PARAMS, GbmParams, fit_gbm
from rapport.training.members.logistic import fit_logistic
from rapport.training.members.prediction import member_logits
from rapport.training.stacking.stacking_weights import fit_weights, make_blend, prior_weights
from rapport.training.stacking.temporal_validation import ValidationFold, in_first_half

_NO_CUTOFF = datetime.fromisoformat("2000-01-01")
_LATER_SHARE = 0.3
_PLAIN = re.compile(r"\w+")


class EnsembleClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn publishes no types
    """Gradient-boosted trees and a regularised logistic regression, blended on later cutoffs or other customers.

    ``X`` is a frame of features (pandas, Polars or Arrow; those of the catalog keep their declared directions) or an
    array of numbers; unknown values are allowed. ``fit`` takes metadata for each row: ``groups``, the customer it is
    about, so that no customer is on both sides of a split, and ``cutoffs``, its moment, so that the blend is fitted on
    the later ones. In a pipeline, ask for them with ``set_fit_request(groups=True, cutoffs=True)``. Members that need
    a whole history (order cadence, card) are in ``rapport.training.train`` only.
    """

    def __init__(
        self,
        *,
        target: str = "churn",
        num_leaves: int = HISTORICAL_PARAMS.num_leaves,
        n_estimators: int = HISTORICAL_PARAMS.n_estimators,
        learning_rate: float = HISTORICAL_PARAMS.learning_rate,
        directed: bool = True,
    ) -> None:
        self.target = target
        self.num_leaves = num_leaves
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.directed = directed

    def __sklearn_tags__(self) -> object:
        """Say that there are two classes, and that unknown values are fine."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any, groups: Any = None, cutoffs: Any = None) -> Self:
        """Fit the members and their weights."""
        self.levels_ = _levels_of(X)
        numbers, y = validate_data(
            self, _coded(X, self.levels_), y, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2
        )
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        self.classes_ = np.unique(y)
        if kind != "binary":
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        if len(self.classes_) < 2:
            raise ValueError("The classifier cannot be trained with one class: y has the same value in every row.")
        dataset = self._dataset(numbers, (y == self.classes_[1]).astype(np.float64), groups, cutoffs)
        self.columns_ = dataset.matrix.columns
        self.members_ = self._members(dataset)
        logits = {member.name: member_logits(member, dataset.matrix) for member in self.members_}
        sufficiency = sufficiency_of(dataset, dataset.take(_later(dataset)))
        weights = fit_weights(self._folds(dataset), prior_weights(tuple(logits), sufficiency))
        self.blend_ = make_blend(weights, logits, float(dataset.label.mean()))
        return self

    def decision_function(self, X: object) -> Floats:
        """Return the log-odds of the second class."""
        check_is_fitted(self)
        coded = _coded(X, self.levels_)
        numbers = validate_data(self, coded, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        rows = Matrix(self.columns_, numbers)
        logits = {member.name: member_logits(member, rows) for member in self.members_}
        return np.asarray(self.blend_.logit(logits, len(rows)))

    def predict_proba(self, X: object) -> Floats:
        """Return the probability of each class."""
        second = expit(self.decision_function(X))
        return np.column_stack([1.0 - second, second])

    def predict(self, X: object) -> object:
        """Return the more probable class."""
        second = self.decision_function(X) > 0
        return self.classes_[second.astype(int)]

    def _dataset(self, numbers: Floats, label: Floats, groups: Any, cutoffs: Any) -> Dataset:
        places = [f"x{position}" for position in range(numbers.shape[1])]
        names = [str(name) for name in getattr(self, "feature_names_in_", places)]
        columns = tuple(
            _column(own, self.target, self.levels_.get(name))
            for own, name in zip(_plain_names(names), names, strict=True)
        )
        customers = np.array([str(one) for one in (range(len(label)) if groups is None else groups)], dtype=object)
        moments = pd.to_datetime(np.asarray([_NO_CUTOFF] * len(label) if cutoffs is None else cutoffs))
        known, index = np.unique(np.asarray(moments), return_inverse=True)
        if len(customers) != len(label) or len(index) != len(label):
            raise ValueError(f"groups and cutoffs need one value for each of the {len(label)} rows of X.")
        matrix = with_level_rates(Matrix(columns, numbers), label, customers)
        return Dataset(customers, index.astype(np.intp), label, matrix, tuple(pd.to_datetime(known).to_pydatetime()))

    def _members(self, dataset: Dataset) -> tuple[EnsembleMember, ...]:
        offset = np.full(len(dataset), float(np.log(dataset.label.mean() / (1 - dataset.label.mean()))))
        params = GbmParams(self.num_leaves, self.n_estimators, self.learning_rate)
        ones = np.ones(len(dataset))
        found = [fit_gbm("many", dataset, params, offset=offset, weight=ones, directed=self.directed)]
        recent = dataset.take(_later(dataset))
        if 0 < len(recent) < len(dataset) and 0 < recent.label.mean() < 1:
            start = offset[: len(recent)]
            found.append(
                fit_gbm(
                    "newest", recent, RECENT_PARAMS, offset=start, weight=ones[: len(recent)], directed=self.directed
                )
            )
        linear = fit_logistic(dataset, offset=np.zeros(len(dataset)), weight=ones)
        return (*(member for member in found if member is not None), linear)

    def _folds(self, dataset: Dataset) -> list[ValidationFold]:
        """Return rows that the members were not fitted on: the later cutoffs, or each half of the customers in turn."""
        later = np.zeros(len(dataset), dtype=bool)
        later[_later(dataset)] = True
        half = in_first_half(dataset.customer_ids)
        sides = [later] if 0 < later.sum() < len(later) else [half, ~half]
        return [fold for side in sides if (fold := self._fold(dataset, side)) is not None]

    def _fold(self, dataset: Dataset, held_out: BoolArray) -> ValidationFold | None:
        fitted_on, tested = dataset.take(np.flatnonzero(~held_out)), dataset.take(np.flatnonzero(held_out))
        if any(not len(some) or not 0 < some.label.mean() < 1 for some in (fitted_on, tested)):
            return None
        logits = {member.name: member_logits(member, tested.matrix) for member in self._members(fitted_on)}
        # A member of the whole data that this part is too small for says nothing here.
        names = [member.name for member in self.members_]
        logits = {name: logits.get(name, np.zeros(len(tested))) for name in names}
        return ValidationFold(_NO_CUTOFF, tested, logits, float(tested.label.mean()))


def _later(dataset: Dataset) -> IndexArray:
    """Return the rows of the newest cutoffs; none if there is one cutoff only."""
    count = max(1, round(_LATER_SHARE * len(dataset.cutoffs))) if len(dataset.cutoffs) > 1 else 0
    return np.flatnonzero(dataset.cutoff_index >= len(dataset.cutoffs) - count)


def _is_frame(X: object) -> bool:
    return hasattr(X, "columns") or hasattr(X, "__arrow_c_stream__")


def _levels_of(X: object) -> dict[str, tuple[str, ...]]:
    """Return the sorted values of each text column."""
    if not _is_frame(X):
        return {}
    frame = as_table(X).to_pandas()
    texts = frame.select_dtypes(exclude=["number", "bool"])
    return {str(name): tuple(sorted({str(value) for value in texts[name].dropna()})) for name in texts}


def _coded(X: object, levels: dict[str, tuple[str, ...]]) -> object:
    """Return a frame with categories as the positions of their levels; arrays as they are."""
    if not levels or not _is_frame(X):
        return X if not _is_frame(X) or hasattr(X, "iloc") else as_table(X).to_pandas()
    frame = as_table(X).to_pandas()
    coded = {
        name: frame[name]
        .map(lambda value, own=own: own.index(str(value)) if str(value) in own else np.nan)
        .astype(float)
        for name, own in levels.items()
        if name in frame
    }
    return frame.assign(**coded)


@cache
def _declared(target: str) -> dict[str, FeatureColumn]:
    return {column.name: column for column in feature_columns(catalog().features, target, levels={})}


def _plain_names(names: Sequence[str]) -> list[str]:
    """Return names that LightGBM keeps: it writes "mean radius" as "mean_radius", and refuses some signs."""
    found = [name if _PLAIN.fullmatch(name) else "" for name in names]
    for position, name in enumerate(found):
        if not name:
            found[position] = next(
                free for free in (f"x{position}{'_' * more}" for more in itertools.count()) if free not in found
            )
    return found


def _column(name: str, target: str, levels: Sequence[str] | None) -> FeatureColumn:
    """Return the catalog's column of this name, or one without a direction."""
    if levels is not None:
        return FeatureColumn(name, "fit", CATEGORY, 0, False, name, name, tuple(levels))
    return _declared(target).get(name) or FeatureColumn(name, "fit", "number", 0, False, name, name)
