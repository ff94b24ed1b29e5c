"""The rhythm of orders at past moments, and what was seen since.

The newest slice with a full outcome lies a horizon back; a level that swings with the season has gone on by then. Who
ordered in the newest weeks is known today, and the rhythm says how many were to be expected in so short a time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapport.features import Catalog, snapshot
from rapport.history import History
from rapport.scoring.experts.rhythm import Rhythm
from rapport.scoring.matrix import Floats
from rapport.training.fitting.rhythm import FEATURES, ORDERS, SINCE_FIRST, SINCE_LAST, fit_rhythm
from rapport.training.level import shift_to, steady
from rapport.training.rows import Question

SHARE = 6
LEAST = 30


def rhythms_at(
    history: History, question: Question, moments: Sequence[datetime], features: Catalog
) -> Mapping[datetime, Rhythm]:
    """Fit the rhythm of orders at every moment, from what was known then; none for leads and contracts."""
    if question.target != "churn" or question.by_contract:
        return {}
    fitted = {
        moment: fit_rhythm(_orders(history, question, moment, features), question.horizon_days) for moment in moments
    }
    return {moment: rhythm for moment, rhythm in fitted.items() if rhythm is not None}


def seen_since(
    history: History, question: Question, moments: Sequence[datetime], features: Catalog
) -> Mapping[datetime, float]:
    """Return for each moment how far the newest weeks lay above what the rhythm expected of them, in log-odds."""
    if question.target != "churn" or question.by_contract:
        return {}
    found = {moment: _since(history, question, moment, features) for moment in moments}
    return {moment: shift for moment, shift in found.items() if shift is not None}


def _since(history: History, question: Question, moment: datetime, features: Catalog) -> float | None:
    days = max(int(question.horizon_days / SHARE), 1)
    before = _orders(history, question, moment - timedelta(days=days), features)
    rhythm = fit_rhythm(before, days)
    people = before.filter(pc.equal(before["state"], question.eligible))
    if rhythm is None or people.num_rows < LEAST:
        return None
    now = _orders(history, question, moment, features)
    ordered = now.filter(pc.less(now[SINCE_LAST], days))["customer_id"].combine_chunks()
    silent = 1 - pc.mean(pc.is_in(people["customer_id"], value_set=ordered)).as_py()
    said = rhythm.logit(*(_numbers(people, name) for name in (ORDERS, SINCE_LAST, SINCE_FIRST)))
    return steady(shift_to(said, silent), people.num_rows, silent)


def _orders(history: History, question: Question, moment: datetime, features: Catalog) -> pa.Table:
    few = Catalog(tuple(features.by_name[name] for name in FEATURES))
    return snapshot(history, moment, few, active=question.active)


def _numbers(people: pa.Table, name: str) -> Floats:
    return np.asarray(people[name].to_numpy(zero_copy_only=False).astype(np.float64))
