"""From a history to a bundle: slices, fit, calibration, evaluation, grade, registry."""

from training.backtest import backtest
from training.monitor import Watched, monitor
from training.recipe import Trained, newest_moment, train
from training.registry import models_list, models_show, promote, record, rollback
from training.repeat import repeat

__all__ = [
    "Trained",
    "Watched",
    "backtest",
    "models_list",
    "models_show",
    "monitor",
    "newest_moment",
    "promote",
    "record",
    "repeat",
    "rollback",
    "train",
]
