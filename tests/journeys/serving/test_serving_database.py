"""Scores in a company's own database: one transaction, rows replaced and never duplicated."""

import pyarrow as pa
import pytest
from postgres_server import programs, running

from rapport.errors import ServingError
from rapport.serving.jobs.exports import export_scores
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.scoring_run import export_table


@pytest.fixture(scope="module")
def database():
    pytest.importorskip("adbc_driver_postgresql.dbapi", reason="the extra sql is not installed")
    folder = programs()
    if folder is None:
        pytest.skip("there is no PostgreSQL server to start: install pgserver or Debian's postgresql")
    with running(folder) as url:
        yield url


def rows(url, sql):
    import adbc_driver_postgresql.dbapi as driver  # noqa: PLC0415  # optional: the extra 'sql'

    with driver.connect(url) as server, server.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_a_snapshot_is_written_to_the_table_and_replaced_by_a_second_export(company, database):
    table = export_table(load_live_model(company.home, "churn").snapshot.scored)
    export_scores(table, database)
    export_scores(table, database)
    counted = "SELECT count(*), count(probability), count(DISTINCT customer_id) FROM rapport_scores"
    known = table.num_rows - table.column("probability").null_count
    assert rows(database, counted) == [(table.num_rows, known, table.num_rows)]
    changed = table.set_column(table.column_names.index("tier"), "tier", pa.array(["key"] * table.num_rows))
    export_scores(changed, database)
    assert rows(database, "SELECT DISTINCT tier FROM rapport_scores") == [("key",)]
    found = rows(
        database, "SELECT customer_id, probability FROM rapport_scores WHERE probability IS NOT NULL ORDER BY 1"
    )
    held = zip(table.column("customer_id").to_pylist(), table.column("probability").to_pylist(), strict=True)
    assert found == [pair for pair in held if pair[1] is not None]


def test_a_later_run_with_more_columns_is_the_newest_view(company, database):
    table = export_table(load_live_model(company.home, "churn").snapshot.scored.take(range(5)), reasons=1)
    export_scores(table, database)
    later = table.set_column(table.column_names.index("as_of"), "as_of", pa.array(["2027-01-01"] * 5))
    wider = later.append_column("region_2", pa.array(["north"] * 5))
    export_scores(wider, database)
    assert rows(database, "SELECT DISTINCT as_of, region_2 FROM rapport_scores_newest") == [("2027-01-01", "north")]
    assert rows(database, "SELECT count(*) FROM rapport_scores_newest") == [(5,)]
    assert rows(database, "SELECT count(*) FROM rapport_scores WHERE as_of < '2027'")[0][0] >= 5


def test_an_unreachable_database_is_an_error_without_the_password(company):
    table = export_table(load_live_model(company.home, "churn").snapshot.scored.take([0]))
    with pytest.raises(ServingError) as refused:
        export_scores(table, "postgresql://rapport:hidden-word@127.0.0.1:1/crm")
    assert "hidden-word" not in str(refused.value)
