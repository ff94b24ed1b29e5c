"""Judged and scored customers may differ: choose judged rows whose scores are distributed as those to be scored.

A model may be judged on many one-time buyers and score those who stayed. Its figures then speak of others. Rows of the
validation are drawn by how often scores like theirs occur among the customers that can be scored now.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np

from rapport.localized import LocalizedText
from rapport.metrics import SLIGHT_DRIFT, compute_metrics, stability_index
from rapport.scoring.models.evaluation_record import PopulationRecord
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.training.data.dataset import IndexArray
from rapport.training.messages import localized
from rapport.training.stacking.ensemble import Ensemble
from rapport.training.stacking.temporal_validation import TemporalValidation

BINS, MIN_ROWS = 20, 200
MAX_SCORED = 4_000


@dataclass(frozen=True)
class ScoredPopulation:
    """``chosen`` rows of the validation, as many as it has, stand for the customers that can be scored.

    ``stability`` is the population stability index of their scores. Without ``differs`` all rows are kept once.
    """

    chosen: IndexArray
    stability: float
    scored: int
    differs: bool

    def as_dict(self, label: Floats, probability: Floats) -> PopulationRecord:
        """Return the figures of a prediction on rows like those to be scored, and a sentence if they differ."""
        found = self._figures(label, probability)
        if not self.differs:
            return found
        sentence = self.sentence(label, probability)
        return cast(PopulationRecord, {**found, **sentence.stored("sentence")})

    def sentence(self, label: Floats, probability: Floats) -> LocalizedText:
        """Say how the customers judged differ from those to be scored, and what holds for the latter."""
        found = self._figures(label, probability)
        return localized(
            "grade.population", judged=len(label), judged_rate=float(label.mean()), auc=found["auc"],
            log_loss=found["log_loss"], rate=found["rate"], scored=found["scored"], stability=found["stability"],
        )  # fmt: skip

    def _figures(self, label: Floats, probability: Floats) -> PopulationRecord:
        found = compute_metrics(label[self.chosen], probability[self.chosen])
        rate = float(label[self.chosen].mean())
        return cast(PopulationRecord, {"stability": self.stability, "scored": self.scored, "rate": rate, **found})


def scored_population(validation: TemporalValidation, ensemble: Ensemble, current: Matrix) -> ScoredPopulation | None:
    """Compare the rows of the validation with the customers that can be scored; None without validation."""
    if not validation.folds:
        return None
    judged = np.concatenate([_scores(ensemble, fold.dataset.matrix) for fold in validation.folds])
    sample = current.take(np.arange(0, len(current), max(1, len(current) // MAX_SCORED)))
    return match_scores(judged, _scores(ensemble, sample), len(current))


def match_scores(judged: Floats, scored: Floats, count: int) -> ScoredPopulation:
    """Choose judged rows so that twentieths of their scores are as frequent as among ``scored``."""
    every = np.arange(len(judged))
    edges = np.unique(np.quantile(judged, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = [np.searchsorted(edges, values, side="right") for values in (judged, scored)]
    before, after = (np.bincount(some, minlength=len(edges) + 1).astype(np.float64) for some in bins)
    stability = stability_index(before, after)
    if stability < SLIGHT_DRIFT or min(len(judged), len(scored)) < MIN_ROWS:
        return ScoredPopulation(every, stability, count, differs=False)
    weight = (after / np.maximum(before, 1.0))[bins[0]]
    # Evenly spaced points over the cumulated weights: the same rows in every run, and none by chance.
    points = (every + 0.5) / len(every) * weight.sum()
    return ScoredPopulation(np.searchsorted(np.cumsum(weight), points), stability, count, differs=True)


def _scores(ensemble: Ensemble, matrix: Matrix) -> Floats:
    return np.asarray(np.mean(list(ensemble.logits(matrix).values()), axis=0))
