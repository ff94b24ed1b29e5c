"""Evaluation of predictions against the ground truth of a simulated company: ranks, calibration and reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from rapport.errors import TableError
from rapport.history.simulate.calendar import Floats

# Families that show the same driver: a slower rhythm or churn shows in every count of orders, and satisfaction in
# surveys as well as in texts.
ORDERING = frozenset({"recency", "rhythm", "frequency", "trend"})
SHOWN_BY: Mapping[str, frozenset[str]] = {
    "recency": ORDERING,
    "rhythm": ORDERING,
    "frequency": ORDERING,
    "satisfaction": frozenset({"satisfaction", "sentiment"}),
}
MIN_PROBABILITY = 0.2
BINS = 10


@dataclass(frozen=True)
class TruthEvaluation:
    """Accuracy of predictions against the truth; ``reasons`` is None without reasons.

    ``reasons`` is the share of the customers with a main driver and a true probability of at least
    ``MIN_PROBABILITY`` that have the driver's family among their first two reasons; ``by_driver`` has the same share,
    and the number of customers, for each driver.
    """

    customers: int
    spearman: float
    calibration_error: float
    reasons: float | None = None
    by_driver: Mapping[str, tuple[float, int]] = field(default_factory=dict)


def read_truth(history: Path, target: str, as_of: datetime) -> pa.Table:
    """Return the truth of a simulated history, as of the first day of that month."""
    path = history.with_name(history.name + ".truth") / f"{target}.parquet"
    if not path.is_file():
        raise TableError(f"{path}: not found. Only a simulated history (rapport simulate) has a truth beside it.")
    first = as_of.replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    truth: pa.Table = ds.dataset(path).to_table(filter=ds.field("as_of") == pa.scalar(first, pa.timestamp("us")))
    return truth


def evaluate_against_truth(
    probabilities: Mapping[str, float], truth: pa.Table, reasons: Mapping[str, Sequence[str]] | None = None
) -> TruthEvaluation:
    """Compare predicted probabilities, and the families of reasons, with the truth at one time.

    Parameters
    ----------
    probabilities
        By customer; customers without a prediction or without a truth are left out.
    reasons
        By customer, the families of its reasons, most important first.
    """
    ids = truth["customer_id"].to_pylist()
    predicted = np.array([probabilities.get(each, np.nan) for each in ids], dtype=np.float64)
    kept = np.isfinite(predicted)
    if kept.sum() < BINS:
        raise TableError(f"Only {kept.sum()} customers have both a prediction and a truth; {BINS} are needed.")
    true = truth["probability"].to_numpy()
    by_driver = {} if reasons is None else _by_driver(truth.filter(pa.array(kept)), reasons)
    number = sum(count for _, count in by_driver.values())
    return TruthEvaluation(
        customers=int(kept.sum()),
        spearman=float(np.corrcoef(_ranks(predicted[kept]), _ranks(true[kept]))[0, 1]),
        calibration_error=_calibration_error(predicted[kept], true[kept]),
        reasons=sum(share * count for share, count in by_driver.values()) / number if number else None,
        by_driver=by_driver,
    )


def _by_driver(truth: pa.Table, reasons: Mapping[str, Sequence[str]]) -> dict[str, tuple[float, int]]:
    eligible = truth.filter(
        pc.and_(pc.is_valid(truth["main_driver"]), pc.greater_equal(truth["probability"], MIN_PROBABILITY))
    )
    hits: dict[str, list[bool]] = {}
    for customer, driver in zip(eligible["customer_id"].to_pylist(), eligible["main_driver"].to_pylist(), strict=True):
        shown = SHOWN_BY.get(driver, frozenset({driver}))
        hits.setdefault(driver, []).append(not shown.isdisjoint(tuple(reasons.get(customer, ()))[:2]))
    return {driver: (sum(found) / len(found), len(found)) for driver, found in sorted(hits.items())}


def _calibration_error(predicted: Floats, true: Floats) -> float:
    """Return the mean gap between predicted and true probability over bins of equal size."""
    bins = np.array_split(np.argsort(predicted, kind="stable"), BINS)
    gaps = [len(rows) * abs(predicted[rows].mean() - true[rows].mean()) for rows in bins]
    return float(sum(gaps) / len(predicted))


def _ranks(values: Floats) -> Floats:
    """Return ranks; equal values share their mean rank."""
    _, index, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[index], dtype=np.float64)
