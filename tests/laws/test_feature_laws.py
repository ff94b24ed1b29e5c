"""Law 1 of the design over the whole catalog: every engine agrees with the oracle."""

import math
from datetime import datetime

import oracle
import pyarrow as pa
import pytest
from drawn_histories import CUTOFF, CUTOFFS, Tables, histories, moments, read
from feature_cells import ACTIVE, CATALOG, HORIZON, KNOWN_BY, at, differences, law, snapshot_by, training_of
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rapport.features import snapshot
from rapport.features.feature_table.snapshot import measures_at


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


@settings(law, max_examples=1)
@given(tables=histories())
def test_measures_at_many_moments_equal_the_snapshot_of_each(tables: Tables) -> None:
    few = CATALOG.of(("days_since_last_order", "spend_sum_365d", "complaints_count_365d"))
    with read(tables) as history:
        together = measures_at(history, CUTOFFS, few, active=ACTIVE)
        for cutoff in CUTOFFS:
            assert differences(snapshot(history, cutoff, few, active=ACTIVE), together[cutoff]) == []


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
