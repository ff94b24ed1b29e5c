"""Law 2 of the design over the whole catalog: what may not change a feature, the future first."""

from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

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
from feature_cells import ACTIVE, CATALOG, HORIZON, KNOWN_BY, at, differences, law, snapshot_by, training_of
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.features import snapshot, training_rows
from rapport.history import Settings, read_history
from rapport.history.contract import FEATURE_TABLES

SOME = CUSTOMERS[::2]


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


@law
@given(tables=histories())
def test_a_snapshot_in_parts_has_the_rows_of_the_whole_one(tables: Tables) -> None:
    with read(tables) as history:
        whole = snapshot_by("database", history, CUTOFF)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rapport.features.engine.measures_table.CELLS_PER_CHUNK", 1)
            patch.setattr("rapport.features.feature_table.snapshot.CUSTOMERS_PER_PART", 1)
            in_parts = snapshot_by("database", history, CUTOFF)
    assert differences(in_parts, whole) == []
    assert in_parts["customer_id"].to_pylist() == sorted(in_parts["customer_id"].to_pylist(), key=str.encode)
