"""Rules of thumb: recency alone, RFM ranks, RFM in a logistic regression, and BG/NBD."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln
from sklearn.linear_model import LogisticRegression

from peers.book import DAY, Book

RFM = ["recency", "orders", "spend"]


def logistic(rows: pd.DataFrame, left: pd.Series, asked: pd.DataFrame) -> pd.Series:
    """Fit a regression and return the chances of those asked; with one outcome only, its rate."""
    if left.nunique() < 2:
        return pd.Series(float(left.mean()), asked.index)
    centre, spread = rows.mean(), rows.std().replace(0, 1.0)
    model = LogisticRegression(C=1.0, max_iter=2000).fit((rows - centre) / spread, left)
    return pd.Series(model.predict_proba((asked - centre) / spread)[:, 1], asked.index)


def recency(book: Book, cutoff: pd.Timestamp, asked_of: Book | None = None) -> pd.Series:
    """Return the chance by days since the last order alone."""
    learned, asked = book.slices(cutoff, 1)[0], (asked_of or book).known(cutoff)
    return logistic(np.log1p(learned[["recency"]]), learned.left, np.log1p(asked[["recency"]]))


def rfm_ranks(book: Book, cutoff: pd.Timestamp, asked_of: Book | None = None) -> pd.Series:
    """Return the chance by the sum of the three fifths that a customer is in."""
    learned, asked = book.slices(cutoff, 1)[0], (asked_of or book).known(cutoff)
    return logistic(_ranks(learned), learned.left, _ranks(asked))


def _ranks(rows: pd.DataFrame) -> pd.DataFrame:
    fifths = rows[RFM].rank(pct=True).mul(5).apply(np.ceil)
    return pd.DataFrame({"score": fifths.orders + fifths.spend - fifths.recency})


def rfm_logistic(book: Book, cutoff: pd.Timestamp, asked_of: Book | None = None) -> pd.Series:
    """Return a logistic regression on the logarithms of the three."""
    learned, asked = book.slices(cutoff, 1)[0], (asked_of or book).known(cutoff)
    return logistic(np.log1p(learned[RFM]), learned.left, np.log1p(asked[RFM]))


def buy_till_you_die(book: Book, cutoff: pd.Timestamp, asked_of: Book | None = None) -> pd.Series:
    """Return BG/NBD's chance of no order within the horizon (Fader, Hardie and Lee, Marketing Science 2005)."""
    r, alpha, a, b = np.exp(_fit(*(each.to_numpy(float) for each in _counts(book, cutoff))))
    asked = (asked_of or book).known(cutoff).index
    x, tx, t = (each[asked] for each in _counts(asked_of or book, cutoff))
    gone = np.where(x > 0, a / (b + np.maximum(x, 1) - 1) * ((alpha + t) / (alpha + tx)) ** (r + x), 0.0)
    buys = 1 - ((alpha + t) / (alpha + t + book.horizon_days)) ** (r + x)
    return pd.Series(1 - buys / (1 + gone), asked)


def _counts(book: Book, cutoff: pd.Timestamp) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Return repeat order days, days from the first to the last of them, and from the first to the cutoff."""
    past = book.orders[book.orders.ordered_at < cutoff]
    days = past.assign(day=past.ordered_at.dt.floor("D")).groupby("customer_id").day.agg(["min", "max", "nunique"])
    return days["nunique"] - 1, (days["max"] - days["min"]) / DAY, (cutoff - days["min"]) / DAY


def _fit(x: NDArray[np.float64], tx: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithms of the four parameters of greatest likelihood."""

    def loss(logs: NDArray[np.float64]) -> float:
        r, alpha, a, b = np.exp(logs)
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + t)
        dead = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + tx)
        likelihood = common + np.where(x > 0, np.logaddexp(alive, dead), alive)
        return float(-likelihood.mean() + 1e-3 * np.square(logs).sum() / len(x))

    start = np.log([0.5, 30.0, 0.5, 3.0])
    return minimize(loss, start, method="Nelder-Mead", options={"maxiter": 2000, "fatol": 1e-7}).x
