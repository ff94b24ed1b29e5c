"""A request and a night give the same features: rows read without a database measure as those of the database."""

from drawn_histories import CUTOFF, Tables, histories
from hypothesis import given, settings

from rapport.features import catalog, snapshot
from rapport.history import history_of, parse_duration


def measured(tables: Tables) -> list[dict[str, object]]:
    with history_of(tables, complete=False) as history:
        return snapshot(history, CUTOFF, catalog(), active=parse_duration("12mo")).to_pylist()


@settings(max_examples=12, deadline=None)
@given(tables=histories(least=60, most=100))
def test_rows_read_by_plain_python_measure_as_those_of_the_database(tables: Tables) -> None:
    history = history_of(tables, complete=False)
    assert history.parsed is not None
    # Tuples always take the long way through the database.
    assert measured(tables) == measured({name: tuple(rows) for name, rows in tables.items()})
