"""From a history to a bundle: slices, fit, calibration, evaluation, grade, registry."""

from training.backtest import backtest
from training.recipe import Trained, newest_moment, train
from training.registry import models_list, models_show, promote, record, rollback

__all__ = [
    "Trained",
    "backtest",
    "models_list",
    "models_show",
    "newest_moment",
    "promote",
    "record",
    "rollback",
    "train",
]
