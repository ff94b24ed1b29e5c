"""How many days after each row's cutoff its event came, and how long the row was observed."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from rapport.features.targets.contract_churn import SUBSCRIPTIONS
from rapport.history import History
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.timing.event_timing import CANCELLATION, NON_RENEWAL, ORDER, PURCHASE
from rapport.training.data.dataset import Dataset
from rapport.training.data.task_spec import TaskSpec

LATE_DAYS = 1e-3
"""How long before the end of the horizon an event is put that the label has, but the table dates later."""


@dataclass(frozen=True)
class EventTimes:
    """Days from the cutoff to the event, or to the end of what is known; ``happened`` tells which."""

    days: Floats
    happened: Floats


def event_of(task: TaskSpec) -> str:
    """Return the name of the event that the target is about."""
    if task.target == "conversion":
        return PURCHASE
    if task.by_contract:
        return CANCELLATION if task.rule.by == SUBSCRIPTIONS else NON_RENEWAL
    return ORDER


def event_times(history: History, task: TaskSpec, dataset: Dataset, known_until: datetime) -> EventTimes:
    """Return the times of all rows from what was known at ``known_until``; within the horizon labels decide."""
    events = _events(history, task, known_until)
    first, later = np.full(len(dataset), np.inf), np.full(len(dataset), np.inf)
    horizons = np.array([_horizon_days(task, cutoff) for cutoff in dataset.cutoffs])[dataset.cutoff_index]
    for index in np.unique(dataset.cutoff_index):
        rows = np.flatnonzero(dataset.cutoff_index == index)
        start, end = dataset.cutoffs[index], task.horizon.after(dataset.cutoffs[index])
        for row, name in zip(rows, dataset.customer_ids[rows], strict=True):
            times = np.asarray(events.get(name, ()), dtype="datetime64[us]")
            first[row] = _days_after(times, start)
            later[row] = _days_after(times, end) + horizons[row]
    spans = np.array([(known_until - cutoff).total_seconds() / 86400 for cutoff in dataset.cutoffs])
    observed = np.maximum(spans[dataset.cutoff_index], 0.0)
    # Rows without a label are those whose horizon is still open, or whose outcome is to be judged by the tables alone.
    inside = (observed >= horizons) & ~np.isnan(dataset.label)
    happened_inside = (dataset.label == 0) if event_of(task) == ORDER else (dataset.label == 1)
    first = np.where(inside & happened_inside, np.minimum(first, horizons - LATE_DAYS), first)
    first = np.where(inside & ~happened_inside & (first < horizons), later, first)
    happened = first <= observed
    return EventTimes(np.where(happened, first, observed), happened.astype(np.float64))


def _horizon_days(task: TaskSpec, cutoff: datetime) -> float:
    return (task.horizon.after(cutoff) - cutoff).total_seconds() / 86400


def _days_after(times: npt.NDArray[np.datetime64], moment: datetime) -> float:
    """Return the days to the first of these sorted times that is not before ``moment``; inf without one."""
    start = np.datetime64(moment, "us")
    at = int(np.searchsorted(times, start))
    return float((times[at] - start) / np.timedelta64(1, "D")) if at < len(times) else np.inf


def _events(history: History, task: TaskSpec, known_until: datetime) -> dict[str, list[datetime]]:
    """Return each customer's events that were known, in order of time."""
    parts = [_sql(each) for each in _tables(task) if each in history.present]
    sql = " UNION ALL ".join(parts)
    rows = history.connection.execute(
        f"SELECT customer_id, list(DISTINCT happened_at ORDER BY happened_at) FROM ({sql}) "
        "WHERE happened_at < ? AND known < ? GROUP BY customer_id",
        [known_until, known_until],
    ).fetchall()
    return {str(name): times for name, times in rows}


def _tables(task: TaskSpec) -> tuple[str, ...]:
    if task.by_contract:
        return ("contracts",)
    return ("orders",) if task.target == "churn" else ("orders", "opportunities")


def _sql(table: str) -> str:
    if table == "orders":
        return (
            "SELECT customer_id, ordered_at AS happened_at, coalesce(recorded_at, ordered_at) AS known FROM orders "
            "WHERE amount > 0"
        )
    if table == "opportunities":
        return (
            "SELECT customer_id, greatest(closed_at, opened_at) AS happened_at, "
            "coalesce(recorded_at, opened_at) AS known FROM opportunities WHERE won AND closed_at IS NOT NULL"
        )
    return (
        "SELECT customer_id, cancelled_at AS happened_at, coalesce(recorded_at, started_at) AS known FROM contracts "
        "WHERE cancelled_at IS NOT NULL"
    )
