"""Facts in words: what a reason states is what plain pandas finds in the raw tables, read as the words say it."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from plain_facts import FACTS, RawTables, plain_fact

from rapport.durations import parse_duration
from rapport.features import catalog, snapshot, vocabulary_of
from rapport.history import read_history
from rapport.history.simulate import simulate

LEAST_CHECKED = 125


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("facts") / "company"
    simulate(folder, customers=400, years=3, seed=19)
    return folder


@pytest.mark.parametrize("cutoff", [datetime(2026, 9, 17, 10, 30), datetime(2026, 10, 31)])
def test_the_fact_of_each_reason_is_what_pandas_finds_in_the_raw_tables(company, cutoff):
    raw = RawTables({path.stem: pd.read_parquet(path) for path in company.glob("*.parquet")}, pd.Timestamp(cutoff))
    with read_history(company) as history:
        features = catalog(vocabulary_of(history, cutoff))
        cells = snapshot(history, cutoff, features, active=parse_duration("12mo")).to_pandas().set_index("customer_id")
    plain = {name: found for name in features.names if (found := plain_fact(name, raw)) is not None}
    wrong = {
        name: (row, cells.at[row, name], expected[row])
        for name, expected in plain.items()
        for row in cells.index[~_same(cells[name], expected.reindex(cells.index))][:1]
    }
    assert wrong == {}
    assert len(plain) >= LEAST_CHECKED


def test_every_plain_fact_is_one_that_a_reason_can_state():
    assert set(FACTS) <= set(catalog().names)


def _same(cells: pd.Series, expected: pd.Series) -> np.ndarray:
    # Cells are in fixed point: an event's hours or share have four decimals.
    return np.isclose(cells.astype(float), expected.astype(float), rtol=1e-6, atol=2e-4, equal_nan=True)
