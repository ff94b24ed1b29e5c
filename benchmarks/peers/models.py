"""Standard models: logistic regression and LightGBM, on one slice and on many."""

import lightgbm
import numpy as np
import pandas as pd

from peers.book import Book
from peers.rules import logistic

MOST_SLICES = 12
SETTINGS = {
    "objective": "binary",
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "learning_rate": 0.05,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 1,
    "seed": 7,
    "verbose": -1,
}


def logistic_many_slices(book: Book, cutoff: pd.Timestamp, asked_of: Book | None = None) -> pd.Series:
    """Return a logistic regression on all features' logarithms, learned on many slices."""
    learned, asked = pd.concat(book.slices(cutoff, MOST_SLICES)), (asked_of or book).known(cutoff)
    # A single order has no gap: the tenure stands for it.
    rows, wanted = (np.log1p(each.drop(columns="left").assign(gap=each.gap.fillna(each.tenure),
                    overdue=each.overdue.fillna(1.0))) for each in (learned, asked))  # fmt: skip
    return logistic(rows, learned.left, wanted)


def boosted_one_slice(book: Book, cutoff: pd.Timestamp, asked_of: Book | None = None) -> pd.Series:
    """Return LightGBM learned on the newest slice."""
    return _boosted(book.slices(cutoff, 1), (asked_of or book).known(cutoff))


def boosted_many_slices(book: Book, cutoff: pd.Timestamp, asked_of: Book | None = None) -> pd.Series:
    """Return LightGBM learned on many slices."""
    return _boosted(book.slices(cutoff, MOST_SLICES), (asked_of or book).known(cutoff))


def _boosted(slices: list[pd.DataFrame], asked: pd.DataFrame) -> pd.Series:
    learned = pd.concat(slices)
    names = [name for name in learned.columns if name != "left"]
    data = lightgbm.Dataset(learned[names].to_numpy(), learned.left.to_numpy(int))
    return pd.Series(lightgbm.train(SETTINGS, data, 150).predict(asked[names].to_numpy()), asked.index)
