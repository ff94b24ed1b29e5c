"""BG/NBD at past moments, and what was observed since.

The newest cutoff with a known outcome is one horizon in the past, and a seasonal base rate has moved since. Who ordered
in the newest weeks is known today, and BG/NBD predicts how many were to be expected in so short a time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.features import Catalog, snapshot
from rapport.history import History
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.training.data.task_spec import TaskSpec
from rapport.training.members.bg_nbd import FEATURES, ORDERS, SINCE_FIRST, SINCE_LAST, fit_bg_nbd
from rapport.training.stacking.base_rate import ObservedRate

SHARE = 6
MIN_CUSTOMERS = 30


def fit_bg_nbd_at(
    history: History, task: TaskSpec, moments: Sequence[datetime], features: Catalog
) -> Mapping[datetime, BgNbdMember]:
    """Fit BG/NBD at every moment from what was known then; none for leads and contracts."""
    if task.target != "churn" or task.by_contract:
        return {}
    fitted = {moment: fit_bg_nbd(_orders(history, task, moment, features), task.horizon_days) for moment in moments}
    return {moment: model for moment, model in fitted.items() if model is not None}


def newest_weeks_rates(
    history: History, task: TaskSpec, moments: Sequence[datetime], features: Catalog
) -> Mapping[datetime, ObservedRate]:
    """Return for each moment who was inactive in the newest weeks, beside BG/NBD's expectation of them."""
    if task.target != "churn" or task.by_contract:
        return {}
    found = {moment: _newest_weeks(history, task, moment, features) for moment in moments}
    return {moment: rate for moment, rate in found.items() if rate is not None}


def _newest_weeks(history: History, task: TaskSpec, moment: datetime, features: Catalog) -> ObservedRate | None:
    days = max(int(task.horizon_days / SHARE), 1)
    start = moment - timedelta(days=days)
    before = _orders(history, task, start, features)
    model = fit_bg_nbd(before, days)
    customers = before.filter(pc.equal(before["state"], task.eligible_state))
    if model is None or customers.num_rows < MIN_CUSTOMERS:
        return None
    now = _orders(history, task, moment, features)
    ordered = now.filter(pc.less(now[SINCE_LAST], days))["customer_id"].combine_chunks()
    inactive_rate = 1 - pc.mean(pc.is_in(customers["customer_id"], value_set=ordered)).as_py()
    logits = model.logit(*(_values(customers, name) for name in (ORDERS, SINCE_LAST, SINCE_FIRST)))
    return ObservedRate.of(start, logits, inactive_rate)


def _orders(history: History, task: TaskSpec, moment: datetime, features: Catalog) -> pa.Table:
    needed = Catalog(tuple(features.by_name[name] for name in FEATURES))
    return snapshot(history, moment, needed, active=task.active)


def _values(customers: pa.Table, name: str) -> Floats:
    return np.asarray(customers[name].to_numpy(zero_copy_only=False).astype(np.float64))
