"""How many days after each row's cutoff its event came, and how long the row was observed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from rapport.features.targets.contract_churn import SUBSCRIPTIONS
from rapport.history import History
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.timing.event_timing import CANCELLATION, NON_RENEWAL, ORDER, PURCHASE, TimedEvent
from rapport.training.data.dataset import Dataset
from rapport.training.data.task_spec import TaskSpec

LATE_DAYS = 1e-3
"""How long before the end of the horizon an event is put that the label has, but the table dates later."""


@dataclass(frozen=True)
class EventTimes:
    """Days from the cutoff to the event, or to the end of what is known; ``happened`` tells which."""

    days: Floats
    happened: Floats


def event_of(task: TaskSpec) -> TimedEvent:
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
        first[rows] = events.days_after(start, dataset.customer_ids[rows])
        later[rows] = events.days_after(end, dataset.customer_ids[rows]) + horizons[rows]
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


@dataclass(frozen=True)
class _Events:
    """The events of all customers, in order of customer and time; ``number`` counts the customers by id."""

    number: Mapping[object, int]
    customer: npt.NDArray[np.int64]
    time: npt.NDArray[np.datetime64]

    def days_after(self, moment: datetime, customer_ids: npt.NDArray[np.object_]) -> Floats:
        """Return each customer's days to its first event that is not before ``moment``; inf without one."""
        later = np.flatnonzero(self.time >= np.datetime64(moment, "us"))
        number, first = np.unique(self.customer[later], return_index=True)
        days = np.full(len(self.number) + 1, np.inf)
        days[number] = (self.time[later[first]] - np.datetime64(moment, "us")) / np.timedelta64(1, "D")
        return days[[self.number.get(name, -1) for name in customer_ids]]


def _events(history: History, task: TaskSpec, known_until: datetime) -> _Events:
    """Return the events that were known."""
    sql = " UNION ALL ".join(_sql(each) for each in _tables(task) if each in history.present)
    rows = history.connection.sql(
        f"SELECT customer_id, happened_at::TIMESTAMP AS happened_at FROM ({sql}) "
        "WHERE happened_at < $1 AND known < $1 ORDER BY ALL",
        params=[known_until],
    ).to_arrow_table()
    customer = rows["customer_id"].combine_chunks().dictionary_encode()
    number = {name: place for place, name in enumerate(customer.dictionary.to_pylist())}
    return _Events(number, customer.indices.to_numpy(), rows["happened_at"].to_numpy())


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
