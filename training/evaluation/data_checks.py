"""Checks of the training data: leaking features, duplicate rows, drift, and declared directions that the data deny."""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from rapport.errors import TrainingError
from rapport.localized import LocalizedText, stored_list
from rapport.metrics import BINS, LARGE_DRIFT, auc, stability_index
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.evaluation_record import DataChecksRecord
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.training.data.dataset import Dataset
from rapport.training.members.gbm import fit_gbm, varying_columns
from rapport.training.members.prediction import member_logits
from rapport.training.messages import localized
from rapport.training.stacking.ensemble import FitConfig

LEAK_AUC = 0.95
SUSPECT_AUC = 0.85
CONTRADICTING_AUC = 0.55
MIN_ROWS = 200
# A leak and a wrong direction are as visible on a sample of the rows; the cost of directions takes two fits.
MAX_ROWS, FITTED_ROWS = 60_000, 30_000


@dataclass(frozen=True)
class DataChecks:
    """The findings, each with the features that it names."""

    leaks: tuple[str, ...]
    duplicates: int
    drifted: tuple[tuple[str, float], ...]
    contradicted: tuple[tuple[str, float], ...]
    direction_cost: float | None

    def as_dict(self) -> DataChecksRecord:
        """Return the findings for JSON, with the sentences that the summary prints."""
        found = {
            "leaks": list(self.leaks),
            "duplicates": self.duplicates,
            "drifted": [{"feature": name, "psi": psi} for name, psi in self.drifted],
            "contradicted": [{"feature": name, "auc": found} for name, found in self.contradicted],
            "direction_cost": self.direction_cost,
            **stored_list("sentences", self._sentences()),
        }
        return cast(DataChecksRecord, found)

    def _sentences(self) -> list[LocalizedText]:
        sentences = [localized("check.leak", leak=leak) for leak in self.leaks]
        if self.duplicates:
            sentences.append(localized("check.duplicates", rows=self.duplicates))
        if self.drifted:
            names = ", ".join(f"{name} ({psi:.2f})" for name, psi in self.drifted[:3])
            sentences.append(localized("check.drifted", names=names))
        if self.contradicted:
            names = ", ".join(name for name, _ in self.contradicted[:3])
            sentences.append(localized("check.contradicted", names=names))
        if self.direction_cost is not None:
            sentences.append(localized("check.direction_cost", cost=self.direction_cost))
        return sentences


def refuse_leaks(dataset: Dataset) -> tuple[str, ...]:
    """Stop the run if one feature alone ranks the outcome almost perfectly; return those that come close.

    Such a feature knows the outcome: a status that is updated afterwards, a churn flag under another name.
    """
    if dataset.minority_count < MIN_ROWS / 10:
        return ()
    suspects, sample = [], dataset.at_most(MAX_ROWS)
    for position in varying_columns(sample.matrix):
        column = sample.matrix.columns[position]
        found = _single_auc(sample.label, sample.matrix.values[:, position], column)
        if found > LEAK_AUC:
            raise TrainingError(
                f"The feature {column.name} alone separates the two outcomes with an AUC of {found:.3f}. "
                "No fact from before the cutoff does that: check in its source table whether it is filled in "
                "or overwritten after the outcome, then leave it out or give its recorded_at."
            )
        if found > SUSPECT_AUC and column.name.startswith("attribute_"):
            suspects.append(f"{column.name} (AUC {found:.3f} by itself)")
    return tuple(suspects)


def check_data(dataset: Dataset, leaks: tuple[str, ...], direction_cost: float | None) -> DataChecks:
    """Check the rows that the model learned from."""
    cutoffs = np.unique(dataset.cutoff_index)
    newest, oldest = (dataset.at_cutoffs([dataset.cutoffs[cutoffs[end]]]) for end in (0, -1))
    return DataChecks(
        leaks,
        _duplicates(dataset),
        _drifted(oldest.matrix, newest.matrix),
        _contradicted(dataset.at_most(MAX_ROWS)),
        direction_cost,
    )


def direction_cost(training_set: Dataset, later: Dataset, config: FitConfig) -> float | None:
    """Return the cost of the declared directions: AUC of free trees less that of constrained ones, on later rows."""
    sample, one_seed = training_set.at_most(FITTED_ROWS), replace(config.historical_params, seeds=1)
    base_logit = float(np.log(sample.label.mean() / (1 - sample.label.mean())))
    found = []
    for directed in (False, True):
        trees = fit_gbm(
            "many",
            sample,
            one_seed,
            offset=np.full(len(sample), base_logit),
            weight=np.ones(len(sample)),
            directed=directed,
        )
        if trees is None:
            return None
        found.append(auc(later.label, member_logits(trees, later.matrix)))
    return found[0] - found[1]


def values_stability(before: Floats, after: Floats) -> float:
    """Return the population stability index over tenths of ``before``; unknown values have a bin of their own."""
    known = before[~np.isnan(before)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.zeros(0)
    return stability_index(_bin_counts(before, edges), _bin_counts(after, edges))


def _bin_counts(values: Floats, edges: Floats) -> Floats:
    bins = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
    return np.bincount(bins.astype(np.int64), minlength=len(edges) + 2).astype(np.float64)


def _single_auc(label: Floats, values: Floats, column: FeatureColumn) -> float:
    if column.is_category:
        levels = np.where(np.isnan(values), -1, values).astype(np.int64) + 1
        rates = np.bincount(levels, weights=label) / np.maximum(np.bincount(levels), 1)
        return auc(label, rates[levels])
    known = np.where(np.isnan(values), np.nanmin(values) - 1, values)
    found = auc(label, known)
    return max(found, 1 - found)


def _duplicates(dataset: Dataset) -> int:
    keys = list(zip(dataset.customer_ids.tolist(), dataset.cutoff_index.tolist(), strict=True))
    return len(keys) - len(set(keys))


def _drifted(before: Matrix, after: Matrix) -> tuple[tuple[str, float], ...]:
    if len(before) < MIN_ROWS or len(after) < MIN_ROWS:
        return ()
    found = [
        (column.name, values_stability(before.values[:, position], after.values[:, position]))
        for position, column in enumerate(after.columns)
    ]
    return tuple(sorted((each for each in found if each[1] > LARGE_DRIFT), key=lambda each: -each[1])[:20])


def _contradicted(dataset: Dataset) -> tuple[tuple[str, float], ...]:
    found = []
    for position in varying_columns(dataset.matrix):
        column = dataset.matrix.columns[position]
        known = ~np.isnan(dataset.matrix.values[:, position])
        if column.direction and not column.is_category and known.sum() > MIN_ROWS:
            single = auc(dataset.label[known], dataset.matrix.values[known, position])
            if (single - 0.5) * column.direction < 0.5 - CONTRADICTING_AUC:
                found.append((column.name, single))
    return tuple(sorted(found, key=lambda each: -abs(each[1] - 0.5)))
