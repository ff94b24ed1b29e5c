"""An optional, budgeted search for the parameters of the trees, in the same temporal validation."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import optuna
from scipy.special import expit

from rapport.metrics import log_loss
from rapport.scoring.models.evaluation_record import SearchRecord, TrialRecord
from rapport.training.data.cutoff_schedule import CutoffSchedule, validation_cutoffs
from rapport.training.data.dataset import Dataset
from rapport.training.data.task_spec import TaskSpec
from rapport.training.members.gbm import GbmParams
from rapport.training.members.prediction import member_logits
from rapport.training.stacking.ensemble import FitConfig, TrainingData, prepare_training_data
from rapport.training.stacking.temporal_validation import TemporalValidation, match_mean

SEARCH_SEED = 0
MAX_LEAVES, MAX_ESTIMATORS = 15, 100


def search_params(
    dataset: Dataset,
    schedule: CutoffSchedule,
    task: TaskSpec,
    config: FitConfig,
    *,
    validation: TemporalValidation,
    tries: int,
) -> FitConfig:
    """Return the config with the best of ``tries`` parameters for the historical trees; unchanged if none is better.

    The first try is the default, so the best is never worse in validation. The bounds limit the cost of reasons: both
    tree members together stay below 400 trees of 15 leaves.
    """
    known = _early_plan(schedule, task)
    if not validation.out_of_time or known is None or not config.learn:
        return config
    data = prepare_training_data(
        dataset.at_cutoffs(known.all_cutoffs), known, config, as_of=validation.folds[-1].cutoff
    )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEARCH_SEED))
    study.enqueue_trial(_as_trial(config.historical_params))
    study.optimize(_loss_of(data, validation, config.historical_params), n_trials=tries)
    losses = [float(one.values[0]) for one in study.trials]
    # Parameters without a usable tree have an infinite loss, which JSON cannot hold.
    trials: list[TrialRecord] = [
        {"params": dict(one.params), "loss": loss}
        for one, loss in zip(study.trials, losses, strict=True)
        if np.isfinite(loss)
    ]
    result: SearchRecord = {"tries": len(losses), "start": losses[0], "best": study.best_value, "trials": trials}
    best = _suggested(optuna.trial.FixedTrial(study.best_params), config.historical_params)
    return replace(config, historical_params=best, search_result=result)


def validation_loss(data: TrainingData, validation: TemporalValidation, params: GbmParams) -> float:
    """Return the mean validation log loss of trees with these parameters."""
    trees = data.fit_historical(params)
    if trees is None:
        return float("inf")
    losses = [
        log_loss(fold.dataset.label, expit(match_mean(member_logits(trees, fold.dataset.matrix), fold.expected_rate)))
        for fold in validation.folds
    ]
    return float(np.mean(losses))


def _loss_of(data: TrainingData, validation: TemporalValidation, base: GbmParams) -> Callable[[optuna.Trial], float]:
    return lambda suggestion: validation_loss(data, validation, _suggested(suggestion, base))


def _suggested(suggestion: optuna.trial.BaseTrial, base: GbmParams) -> GbmParams:
    return replace(
        base,
        num_leaves=suggestion.suggest_int("num_leaves", 4, MAX_LEAVES),
        n_estimators=suggestion.suggest_int("n_estimators", 30, MAX_ESTIMATORS),
        learning_rate=suggestion.suggest_float("learning_rate", 0.02, 0.1, log=True),
        feature_fraction=suggestion.suggest_float("feature_fraction", 0.1, 0.6),
        reg_lambda=suggestion.suggest_float("reg_lambda", 1.0, 100.0, log=True),
        min_leaf_share=suggestion.suggest_float("min_leaf_share", 0.003, 0.05, log=True),
    )


def _as_trial(params: GbmParams) -> dict[str, float]:
    names = ("num_leaves", "n_estimators", "learning_rate", "feature_fraction", "reg_lambda", "min_leaf_share")
    return {name: getattr(params, name) for name in names}


def _early_plan(schedule: CutoffSchedule, task: TaskSpec) -> CutoffSchedule | None:
    later = validation_cutoffs(schedule, task.outcome_window, task.as_of)
    return schedule.known_at(later[-1], task.outcome_window) if later else None
