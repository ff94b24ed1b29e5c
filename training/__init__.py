"""From a history to a bundle: dataset, fit, validation, evaluation, report, registry, monitoring."""

from rapport.training.backtest import backtest, run_backtests
from rapport.training.estimator import EnsembleClassifier
from rapport.training.explain import explain
from rapport.training.monitoring.monitor import MonitorReport, monitor_champion
from rapport.training.pipeline import TrainedModel, default_cutoff, train
from rapport.training.registry.model_registry import (
    list_models,
    promote,
    register,
    register_kept,
    rollback,
    show_model,
)
from rapport.training.registry.pruning import prune
from rapport.training.registry.reproduce import reproduce

__all__ = [
    "EnsembleClassifier",
    "MonitorReport",
    "TrainedModel",
    "backtest",
    "default_cutoff",
    "explain",
    "list_models",
    "monitor_champion",
    "promote",
    "prune",
    "register",
    "register_kept",
    "reproduce",
    "rollback",
    "run_backtests",
    "show_model",
    "train",
]
