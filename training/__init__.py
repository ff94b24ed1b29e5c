"""From a history to a bundle: slices, fit, calibration, evaluation, grade, registry."""

from rapport.training.backtest import backtest
from rapport.training.monitor import Watched, monitor
from rapport.training.recipe import Trained, newest_moment, train
from rapport.training.registry import models_list, models_show, promote, record, rollback
from rapport.training.repeat import repeat

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
