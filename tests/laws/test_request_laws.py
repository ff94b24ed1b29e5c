"""A request and a night give the same features: rows read without a database measure as those of the database."""

from typing import Any

from drawn_histories import CUTOFF, Tables, histories
from hypothesis import given, settings

from rapport.features import Vocabulary, catalog, snapshot
from rapport.features.feature_table.snapshot import exclude_refusals
from rapport.history import history_of, parse_duration

CATALOG = catalog(Vocabulary(channels=("fax",), attributes=("industry", "employees", "region")))


def measured(tables: Tables, *, opens_database: bool) -> list[dict[str, object]]:
    with history_of(tables, complete=False) as history:
        table = snapshot(history, CUTOFF, CATALOG, active=parse_duration("12mo"))
        table = exclude_refusals(history, table, CUTOFF)
        assert (history.parsed is None or "database" in vars(history)) == opens_database
        return table.to_pylist()


@settings(max_examples=12, deadline=None)
@given(tables=histories(least=60, most=100))
def test_rows_read_by_plain_python_measure_as_those_of_the_database(tables: Tables) -> None:
    # Tuples always take the long way through the database.
    tuples: Any = {name: tuple(rows) for name, rows in tables.items()}
    assert measured(tables, opens_database=False) == measured(tuples, opens_database=True)
