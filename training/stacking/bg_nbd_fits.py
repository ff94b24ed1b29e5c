"""BG/NBD at past moments, and what was observed since.

The newest cutoff with a known outcome is one horizon in the past, and a seasonal base rate has moved since. Who ordered
in the newest weeks is known today, and BG/NBD predicts how many were to be expected in so short a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.features import Catalog
from rapport.features.feature_table.snapshot import measures_at
from rapport.history import History
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.training.data.task_spec import TaskSpec
from rapport.training.members.bg_nbd import FEATURES, ORDERS, SINCE_FIRST, SINCE_LAST, fit_bg_nbd
from rapport.training.stacking.base_rate import ObservedRate

SHARE = 6
MIN_CUSTOMERS = 30


@dataclass(frozen=True)
class BgNbdFits:
    """BG/NBD at every cutoff, and for some moments the rate of the weeks before them beside its expectation."""

    members: Mapping[datetime, BgNbdMember] = field(default_factory=dict)
    newest_weeks: Mapping[datetime, ObservedRate] = field(default_factory=dict)


def fit_bg_nbd_at(
    history: History, task: TaskSpec, cutoffs: Sequence[datetime], moments: Sequence[datetime], features: Catalog
) -> BgNbdFits:
    """Fit BG/NBD at every cutoff and for the weeks before ``moments``, from what was known then.

    For leads and contracts there is none.
    """
    if task.target != "churn" or task.by_contract:
        return BgNbdFits()
    days = max(int(task.horizon_days / SHARE), 1)
    starts = {moment: moment - timedelta(days=days) for moment in moments}
    needed = Catalog(tuple(features.by_name[name] for name in FEATURES))
    dates = dict.fromkeys([*cutoffs, *starts, *starts.values()])
    people = measures_at(history, list(dates), needed, active=task.active)
    members = {cutoff: fit_bg_nbd(people[cutoff], task.horizon_days) for cutoff in cutoffs}
    rates = {moment: _newest_weeks(people, task, start, moment, days) for moment, start in starts.items()}
    return BgNbdFits(
        {cutoff: member for cutoff, member in members.items() if member is not None},
        {moment: rate for moment, rate in rates.items() if rate is not None},
    )


def _newest_weeks(
    people: Mapping[datetime, pa.Table], task: TaskSpec, start: datetime, moment: datetime, days: int
) -> ObservedRate | None:
    """Return who was inactive from ``start`` to ``moment``, beside BG/NBD's expectation of them."""
    before, now = people[start], people[moment]
    model = fit_bg_nbd(before, days)
    customers = before.filter(pc.equal(before["state"], task.eligible_state))
    if model is None or customers.num_rows < MIN_CUSTOMERS:
        return None
    ordered = now.filter(pc.less(now[SINCE_LAST], days))["customer_id"].combine_chunks()
    inactive_rate = 1 - pc.mean(pc.is_in(customers["customer_id"], value_set=ordered)).as_py()
    logits = model.logit(*(_values(customers, name) for name in (ORDERS, SINCE_LAST, SINCE_FIRST)))
    return ObservedRate.of(start, logits, inactive_rate)


def _values(customers: pa.Table, name: str) -> Floats:
    return np.asarray(customers[name].to_numpy(zero_copy_only=False).astype(np.float64))
