"""Temporal validation: members fitted at earlier cutoffs predict later ones, with a gap of one horizon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.matrix import Floats, Matrix
from rapport.training.data.cutoff_schedule import CutoffSchedule, validation_cutoffs
from rapport.training.data.dataset import BoolArray, Dataset
from rapport.training.data.task_spec import TaskSpec
from rapport.training.members.prediction import member_logits
from rapport.training.stacking.base_rate import BaseRateForecast, RateTask, fit_intercept, forecast_base_rate
from rapport.training.stacking.ensemble import Ensemble, FitConfig, fit_ensemble


@dataclass(frozen=True)
class ValidationFold:
    """One later cutoff: its rows, each member's log-odds, and the outcome rate that was forecast for it."""

    cutoff: datetime
    dataset: Dataset
    logits: Mapping[str, Floats]
    expected_rate: float


@dataclass(frozen=True)
class TemporalValidation:
    """The folds, and the earlier rows that the members were fitted on.

    ``out_of_time`` is false if the history is too short and the members are validated on other customers instead.
    """

    folds: tuple[ValidationFold, ...]
    training_set: Dataset
    out_of_time: bool

    @property
    def label(self) -> Floats:
        """Return the outcomes of all rows."""
        return np.concatenate([fold.dataset.label for fold in self.folds])

    @property
    def customer_ids(self) -> npt.NDArray[np.object_]:
        """Return the customers of all rows."""
        return np.concatenate([fold.dataset.customer_ids for fold in self.folds])

    @property
    def member_names(self) -> tuple[str, ...]:
        """Return the members that predicted every fold."""
        predicted = [set(fold.logits) for fold in self.folds]
        first = self.folds[0].logits if predicted else ()
        return tuple(name for name in first if all(name in each for each in predicted))


def run_temporal_validation(
    dataset: Dataset, schedule: CutoffSchedule, task: TaskSpec, config: FitConfig
) -> TemporalValidation:
    """Validate on the latest cutoffs, using only what was known then."""
    later = validation_cutoffs(schedule, task.outcome_window, task.as_of)
    known = schedule.known_at(later[-1], task.outcome_window) if later else None
    if known is None or not _has_both_outcomes(dataset.at_cutoffs(known.all_cutoffs)):
        return _validate_on_other_customers(dataset, schedule, config)
    training_set = dataset.at_cutoffs(known.all_cutoffs)
    ensemble = fit_ensemble(training_set, known, config, as_of=later[-1])
    folds = (_fold(dataset.at_cutoffs([cutoff]), cutoff, ensemble, known, task, config) for cutoff in later)
    return TemporalValidation(
        tuple(fold for fold in folds if _has_both_outcomes(fold.dataset)), training_set, out_of_time=True
    )


def match_mean(logits: Floats, rate: float) -> Floats:
    """Shift log-odds so that their mean probability is ``rate``."""
    return logits + fit_intercept(logits, rate)


def base_rate_at(
    ensemble: Ensemble, matrix: Matrix, as_of: datetime, known: CutoffSchedule, task: TaskSpec, config: FitConfig
) -> BaseRateForecast:
    """Forecast the outcome rate of these rows at ``as_of`` from the ensemble's cutoffs and the weeks since."""
    return forecast_base_rate(
        ensemble.rates,
        member_logits(config.bg_nbd.get(as_of, ensemble.reference), matrix),
        as_of,
        RateTask(known.start, timedelta(days=task.horizon_days), as_of - task.active.before(as_of)),
        config.newest_weeks.get(as_of),
    )


def in_first_half(customer_ids: Sequence[object] | npt.NDArray[np.object_]) -> BoolArray:
    """Split customers into two halves by a hash of the id: row order and reruns do not change it."""
    return np.array([crc32(str(each).encode()) % 2 == 0 for each in customer_ids], dtype=bool)


def _fold(
    dataset: Dataset, cutoff: datetime, ensemble: Ensemble, known: CutoffSchedule, task: TaskSpec, config: FitConfig
) -> ValidationFold:
    rate = base_rate_at(ensemble, dataset.matrix, cutoff, known, task, config).rate
    return ValidationFold(cutoff, dataset, _logits(ensemble, dataset, cutoff, config), rate)


def _logits(ensemble: Ensemble, dataset: Dataset, cutoff: datetime, config: FitConfig) -> dict[str, Floats]:
    """Return each member's log-odds; BG/NBD as fitted at the cutoff itself."""
    if cutoff in config.bg_nbd:
        ensemble = ensemble.with_bg_nbd(config.bg_nbd[cutoff])
    return ensemble.logits(dataset.matrix)


def _validate_on_other_customers(dataset: Dataset, schedule: CutoffSchedule, config: FitConfig) -> TemporalValidation:
    """Validate on the other half of the customers at the newest cutoff: the history is too short for later ones."""
    half, newest = in_first_half(dataset.customer_ids), schedule.all_cutoffs[0]
    training_set = dataset.take(np.flatnonzero(half))
    test_set = dataset.take(np.flatnonzero(~half)).at_cutoffs([newest])
    if not all(map(_has_both_outcomes, (training_set, training_set.at_cutoffs(schedule.recent), test_set))):
        return TemporalValidation((), training_set, out_of_time=False)
    # BG/NBD of the newest cutoff knows no outcome there: a member that is not validated would come on top of weights
    # that were fitted without it.
    ensemble = fit_ensemble(training_set, schedule, config, as_of=newest)
    at_newest = training_set.at_cutoffs([newest])
    rate = float((at_newest if len(at_newest) else training_set).label.mean())
    fold = ValidationFold(newest, test_set, _logits(ensemble, test_set, newest, config), rate)
    return TemporalValidation((fold,), training_set, out_of_time=False)


def _has_both_outcomes(dataset: Dataset) -> bool:
    return len(dataset) > 1 and dataset.label.min() != dataset.label.max()
