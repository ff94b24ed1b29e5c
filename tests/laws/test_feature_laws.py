"""Laws 1 and 2 of the design over the whole catalog: no leaks, and invariance to everything irrelevant."""

import math
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import oracle
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from drawn_histories import (
    CUSTOMERS,
    CUTOFF,
    CUTOFFS,
    HORIZON_DAYS,
    Tables,
    arrow,
    histories,
    joined,
    moments,
    read,
    rows,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rapport.durations import Duration
from rapport.features import Vocabulary, catalog, snapshot, training_rows
from rapport.history import History, Settings, read_history
from rapport.history.contract import FEATURE_TABLES

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


SOME = CUSTOMERS[::2]

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


def differences_to_oracle(table: pa.Table, tables: Tables, cutoff: datetime) -> list[str]:
    """Return the cells of a snapshot that differ from the oracle, as text."""
    pasts = oracle.pasts(tables, cutoff)
    found = {row["customer_id"]: row for row in table.to_pylist()}
    expected = {customer: _expected(past, cutoff) for customer, past in pasts.items()}
    missing = [f"{customer}: not in both" for customer in found.keys() ^ expected.keys()]
    return missing + [
        f"{customer} {name}: {found[customer][name]!r}, oracle {value!r}"
        for customer in found.keys() & expected.keys()
        for name, value in expected[customer].items()
        if not _same(found[customer][name], value)
    ]


def _expected(past: oracle.Past, cutoff: datetime) -> dict[str, object]:
    values = {feature.name: oracle.value(feature.measure, past) for feature in CATALOG.features if feature.measure}
    values |= {feature.name: oracle.category(feature, past) for feature in CATALOG.features if feature.is_category}
    return values | {"state": oracle.state(past, ACTIVE.before(cutoff))}


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float | int):
        # A logarithm may differ in its last bit from one library to another; nothing else may.
        return math.isclose(one, other, rel_tol=1e-14)
    return one == other


@law
@given(tables=histories())
def test_the_snapshot_of_every_engine_equals_the_oracle(tables: Tables) -> None:
    arrays = at(tables, engine="arrays")
    assert differences_to_oracle(arrays, tables, CUTOFF) == []
    assert differences(arrays, at(tables, engine="database")) == []


@pytest.mark.slow
@settings(law, max_examples=120, phases=[Phase.explicit, Phase.generate, Phase.shrink])
@given(tables=histories(least=30, most=60), cutoff=moments)
def test_snapshots_of_many_histories_equal_the_oracle(tables: Tables, cutoff: datetime) -> None:
    assert differences_to_oracle(at(tables, cutoff), tables, cutoff) == []


@pytest.mark.slow
@settings(law, max_examples=30, phases=[Phase.explicit, Phase.generate, Phase.shrink])
@given(tables=histories(least=30, most=60), target=st.sampled_from(["churn", "conversion"]))
def test_training_rows_of_many_histories_equal_their_snapshots(tables: Tables, target: str) -> None:
    state = {"churn": "active", "conversion": "new"}[target]
    with read(tables) as history:
        together = training_of(history, target)
        for cutoff in CUTOFFS:
            alone = snapshot_by("arrays", history, cutoff)
            own = alone.filter(pa.compute.equal(alone["state"], state)).drop_columns(["state"])
            rows = together.filter(pa.compute.equal(together["cutoff"], cutoff)).drop_columns(["cutoff", "label"])
            assert differences(own, rows) == []


@settings(law, max_examples=12)
@given(tables=histories(), cutoff=moments)
def test_the_snapshot_equals_the_oracle_at_any_cutoff(tables: Tables, cutoff: datetime) -> None:
    assert differences_to_oracle(at(tables, cutoff), tables, cutoff) == []


@law
@given(tables=histories(), target=st.sampled_from(["churn", "conversion"]))
def test_training_rows_equal_the_oracle_s_eligible_customers_at_each_cutoff(tables: Tables, target: str) -> None:
    with read(tables) as history:
        found = training_of(history, target).to_pylist()
    assert {row["cutoff"] for row in found} <= set(CUTOFFS)
    expected = {}
    for cutoff in CUTOFFS:
        bought = oracle.outcome(tables, target, cutoff, HORIZON.after(cutoff), KNOWN_BY)
        for customer, past in oracle.pasts(tables, cutoff).items():
            values = _expected(past, cutoff)
            if values["state"] == {"churn": "active", "conversion": "new"}[target]:
                label = int((customer in bought) == (target == "conversion"))
                expected[customer, cutoff] = values | {"label": label}
    assert {(row["customer_id"], row["cutoff"]) for row in found} == set(expected)
    different = [
        f"{row['customer_id']} {row['cutoff']} {name}: {row[name]!r}, oracle {value!r}"
        for row in found
        for name, value in expected[row["customer_id"], row["cutoff"]].items()
        if name != "state" and not _same(row[name], value)
    ]
    assert different == []


@law
@given(tables=histories(), target=st.sampled_from(["churn", "conversion"]))
def test_many_cutoffs_give_the_same_cells_as_each_alone(tables: Tables, target: str) -> None:
    with read(tables) as history:
        together = training_of(history, target)
        # The same connection then computes a snapshot at one of the cutoffs.
        alone = snapshot_by("database", history, CUTOFFS[1])
    state = {"churn": "active", "conversion": "new"}[target]
    mine = alone.filter(pa.compute.equal(alone["state"], state)).drop_columns(["state"])
    slice_ = together.filter(pa.compute.equal(together["cutoff"], CUTOFFS[1])).drop_columns(["cutoff", "label"])
    assert differences(mine, slice_) == []


@st.composite
def futures(draw: st.DrawFn) -> Tables:
    """Draw rows unknown at the cutoff: they happened or were recorded at or after it."""
    tables: Tables = {table.name: [] for table in FEATURE_TABLES}
    later = moments.map(lambda moment: max(moment, CUTOFF)) | st.just(CUTOFF)
    for number in range(40):
        table = draw(st.sampled_from([table for table in FEATURE_TABLES if table.name != "customers"]))
        row = draw(rows(table.name, 1000 + number))
        clock = draw(st.sampled_from([table.time, "recorded_at"]))
        tables[table.name].append(row | {clock: draw(later)})
    return tables


@law
@given(tables=histories(), future=futures())
def test_rows_that_happen_or_are_recorded_from_the_cutoff_on_change_nothing(tables: Tables, future: Tables) -> None:
    assert differences(at(tables), at(joined(tables, future))) == []


FACTS = tuple(
    (table.name, column.name) for table in FEATURE_TABLES for column in table.columns if column.later == column.name
)


def without_later_facts(tables: Tables) -> Tables:
    """Return the rows as they were before the cutoff, without facts of the cutoff or later."""
    hidden = {name: [dict(row) for row in found] for name, found in tables.items()}
    dependent = {"closed_at": ("won",), "resolved_at": ("satisfaction",)}
    for name, fact in FACTS:
        for row in hidden[name]:
            if row[fact] is not None and row[fact] >= CUTOFF:
                row |= dict.fromkeys((fact, *dependent.get(fact, ())))
    return hidden


@law
@given(tables=histories())
def test_facts_that_come_from_the_cutoff_on_change_nothing(tables: Tables) -> None:
    assert differences(at(tables), at(without_later_facts(tables))) == []


def shuffled(tables: Tables, seed: Random) -> Tables:
    return {name: sorted(found, key=lambda _: seed.random()) for name, found in tables.items()}


@law
@given(tables=histories(), seed=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(tables: Tables, seed: Random) -> None:
    assert differences(at(tables), at(shuffled(tables, seed))) == []


@law
@given(tables=histories())
def test_other_customers_change_nothing(tables: Tables) -> None:
    assert differences(at(of_some(tables)), some(at(tables))) == []


def of_some(tables: Tables) -> Tables:
    """Return the rows of some of the customers."""
    return {name: [row for row in found if row["customer_id"] in SOME] for name, found in tables.items()}


def some(table: pa.Table) -> pa.Table:
    return table.filter(pa.compute.is_in(table["customer_id"], pa.array(SOME)))


@law
@given(tables=histories(), future=futures(), seed=st.randoms(use_true_random=False))
def test_on_the_database_all_these_together_change_nothing(tables: Tables, future: Tables, seed: Random) -> None:
    altered = shuffled(joined(without_later_facts(of_some(tables)), of_some(future)), seed)
    assert differences(at(altered, engine="database"), some(at(tables, engine="database"))) == []


@settings(law, max_examples=1)
@given(tables=histories())
@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_the_file_format_changes_nothing(tables: Tables, form: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp(form)
    write = {"parquet": pa.parquet.write_table, "csv": pa.csv.write_csv}[form]
    for name, table in arrow(tables).items():
        write(table, folder / f"{name}.{form}")
    with read_history(folder) as history:
        assert differences(at(tables), snapshot_by("database", history, CUTOFF)) == []


@settings(law, max_examples=1)
@given(tables=histories())
def test_the_same_instants_in_another_zone_give_the_same_cells(tables: Tables) -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    moved = {
        name: [
            {key: value + timedelta(hours=8) if isinstance(value, datetime) else value for key, value in row.items()}
            for row in found
        ]
        for name, found in tables.items()
    }
    with read(moved, Settings(timezone="Asia/Shanghai")) as history:
        as_of = CUTOFF.replace(tzinfo=ZoneInfo("UTC")).astimezone(shanghai)
        there = snapshot(history, as_of, CATALOG, active=ACTIVE)
    assert differences(at(tables), there) == []


@law
@given(tables=histories(), future=futures())
def test_by_contract_the_active_customers_are_the_eligible_ones_whatever_the_future(
    tables: Tables, future: Tables
) -> None:
    judged = Settings(churn="contracts", horizon=f"{HORIZON_DAYS}d")
    with read(tables, judged) as history, read(joined(without_later_facts(tables), future), judged) as later:
        states = snapshot_by("arrays", history, CUTOFF).select(["customer_id", "state"])
        rows = training_rows(
            history,
            "churn",
            CUTOFFS,
            active=ACTIVE,
            horizon=HORIZON,
            known_by=KNOWN_BY + timedelta(days=31),
            features=CATALOG,
        )
        assert differences(states, snapshot_by("arrays", later, CUTOFF).select(["customer_id", "state"])) == []
    at_risk = states.filter(pa.compute.equal(states["state"], "active"))["customer_id"].to_pylist()
    assert rows.filter(pa.compute.equal(rows["cutoff"], CUTOFF))["customer_id"].to_pylist() == at_risk


@law
@given(tables=histories(), target=st.sampled_from(["churn", "conversion"]))
def test_the_size_of_chunks_changes_nothing(tables: Tables, target: str) -> None:
    with read(tables) as history:
        at_once = training_of(history, target)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rapport.features.engine.measures_table.CELLS_PER_CHUNK", 1)
            patch.setattr("rapport.features.engine.measures_table.ROWS_PER_FINISH", 2)
            by_one = training_of(history, target)
    assert differences(by_one, at_once, key=("customer_id", "cutoff")) == []
