"""The cells of the whole catalog over a drawn history, by each engine, and their differences."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from drawn_histories import CUTOFF, CUTOFFS, HORIZON_DAYS, Tables, read
from hypothesis import HealthCheck, Phase, settings

from rapport.durations import Duration
from rapport.features import Vocabulary, catalog, snapshot, training_rows
from rapport.history import History

CATALOG = catalog(Vocabulary(actions=("view", "webinar", "cart", "demo=1"), channels=("fax",)))
ACTIVE = Duration(days=365)
HORIZON = Duration(days=HORIZON_DAYS)
# Within a day: some rows recorded on the last day are too late.
KNOWN_BY = HORIZON.after(CUTOFF) + timedelta(hours=3)

# A run of the database takes about a second for any history, so each law draws few, large histories. A failing history
# is printed as drawn: shrinking would take minutes. The slow laws draw many small ones, and shrink.
law = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

# The size of a history selects the engine; the tests run each.
ENGINES = {"arrays": 10**9, "database": -1}


def at(tables: Tables, cutoff: datetime = CUTOFF, *, engine: str = "arrays") -> pa.Table:
    with read(tables) as history:
        return snapshot_by(engine, history, cutoff)


def snapshot_by(engine: str, history: History, cutoff: datetime) -> pa.Table:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rapport.features.feature_table.snapshot.SMALL_HISTORY_ROWS", ENGINES[engine])
        return snapshot(history, cutoff, CATALOG, active=ACTIVE)


def training_of(history: History, target: str) -> pa.Table:
    return training_rows(history, target, CUTOFFS, active=ACTIVE, horizon=HORIZON, known_by=KNOWN_BY, features=CATALOG)


def differences(table: pa.Table, other: pa.Table, key: tuple[str, ...] = ("customer_id",)) -> list[str]:
    """Return the cells in which two tables differ, to the last bit, as text."""
    left, right = ({tuple(row[name] for name in key): row for row in each.to_pylist()} for each in (table, other))
    missing = [f"{row}: not in both" for row in left.keys() ^ right.keys()]
    return missing + [
        f"{row} {name}: {value!r} != {right[row][name]!r}"
        for row in left.keys() & right.keys()
        for name, value in left[row].items()
        if value != right[row][name]
    ]
