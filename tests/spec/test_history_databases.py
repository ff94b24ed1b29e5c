"""A history in a database: the same rows as from files, and a sentence where it cannot be had."""

import sqlite3
import sys
from datetime import datetime

import duckdb
import mysql_server
import pytest
from postgres_server import programs, running

from rapport.errors import TableError
from rapport.history import Settings, read_history
from rapport.history.mapping import propose_mapping

at = datetime.fromisoformat

SCHEMA = """
CREATE TABLE customers (customer_id int PRIMARY KEY, name text, created_at date, seats numeric(10,1), rank uuid);
INSERT INTO customers VALUES (1, 'Ann', '2025-12-01', 2.5, '00000000-0000-0000-0000-000000000001');
INSERT INTO customers VALUES (2, '甲');
CREATE TABLE orders (customer_id int, order_id bigint, ordered_at timestamptz, amount numeric(12,2), blob bytea);
INSERT INTO orders VALUES (1, 7, '2026-01-31 23:00+08', 1234.50), (2, 8, '2026-02-01 10:00Z', 'NaN'),
    (2, 9, '2026-02-02 10:00Z', -5), (2, 10, '2026-02-02 11:00Z', 5), (1, 11, '2026-02-02 12:00Z', 5);
CREATE VIEW tickets AS SELECT 'T1' AS ticket_id, 1 AS customer_id, timestamp '2026-01-05' AS opened_at;
CREATE SCHEMA crm;
CREATE TABLE crm.vertrag (nr int, kunde int, von date, bis date);
INSERT INTO crm.vertrag VALUES (1, 1, '2025-01-01', 'infinity'), (2, 1, '2025-01-01', '2026-06-30');
CREATE TABLE crm.orders (customer_id int, order_id int, ordered_at date, amount float8);
INSERT INTO crm.orders VALUES (5, 1, '2026-03-01', 1);
"""
CONTRACTS = {
    "contracts": {
        "table": "crm.vertrag",
        "contract_id": "nr",
        "customer_id": "kunde",
        "started_at": "von",
        "ends_at": "bis",
    }
}


@pytest.fixture(scope="module")
def postgres():
    """Start a server with a small CRM in it; yield its URL."""
    adbc = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="the extra sql is not installed")
    folder = programs()
    if folder is None:
        pytest.skip("there is no PostgreSQL server to start: install pgserver or Debian's postgresql")
    with running(folder) as url:
        with adbc.connect(url) as server, server.cursor() as cursor:
            for statement in SCHEMA.split(";\n")[:-1]:
                cursor.execute(statement)
            server.commit()
        yield url


def rows(history, sql):
    return history.connection.execute(sql).fetchall()


def test_postgresql_is_read_with_its_types_and_bad_rows_rejected(postgres):
    with read_history(postgres, Settings(timezone="Asia/Shanghai")) as history:
        assert rows(history, "SELECT customer_id, order_id, ordered_at, amount FROM orders ORDER BY ordered_at") == [
            ("1", "7", at("2026-01-31T23:00"), 1234.5),
            ("2", "9", at("2026-02-02T18:00"), -5.0),
            ("2", "10", at("2026-02-02T19:00"), 5.0),
            ("1", "11", at("2026-02-02T20:00"), 5.0),
        ]
        assert history.rejected.count == {"orders": 1}
        assert rows(history, "SELECT customer_id, name, created_at, seats FROM customers ORDER BY 1") == [
            ("1", "Ann", at("2025-12-01"), 2.5),
            ("2", "甲", None, None),
        ]
        assert rows(history, "SELECT ticket_id, opened_at FROM tickets") == [("T1", at("2026-01-05"))]
        assert history.origin == f"{postgres.replace(':secret', '')}"


def test_tables_of_other_schemas_are_mapped_by_their_full_name(postgres):
    with read_history(postgres, Settings(mapping=CONTRACTS)) as history:
        found = rows(history, "SELECT contract_id, customer_id, ends_at FROM contracts ORDER BY 1")
    assert found == [("1", "1", at("2200-01-01")), ("2", "1", at("2026-06-30"))]


def test_a_schema_in_the_url_comes_first(postgres):
    with read_history(f"{postgres}?schema=crm") as history:
        assert rows(history, "SELECT customer_id FROM orders") == [("5",)]


def test_an_unreachable_server_gets_a_message_without_the_password():
    sentence = r"postgresql://me@127\.0\.0\.1:1/crm: cannot be reached: .*refused"
    with pytest.raises(TableError, match=sentence) as caught:
        read_history("postgresql://me:secret@127.0.0.1:1/crm")
    assert "secret" not in str(caught.value)


def test_a_missing_mapped_table_gets_a_message(postgres):
    mapping = {"contracts": {"table": "crm.vertraege"}}
    with pytest.raises(TableError, match=r"there is no such table\. Did you mean crm\.vertrag\?"):
        read_history(postgres, Settings(mapping=mapping))


def test_any_backend_of_ibis_is_read_by_its_url(tmp_path):
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as server:
        server.execute(
            "CREATE TABLE orders (customer_id INTEGER, order_id TEXT, ordered_at TEXT, amount REAL, note BLOB)"
        )
        server.execute(
            "INSERT INTO orders VALUES (1, 'a', '2026-01-31', 5, NULL), (2, 'b', '2026-02-01 10:00', 6.5, NULL)"
        )
    server.close()
    with read_history(f"sqlite://{path}") as history:
        found = rows(history, "SELECT customer_id, order_id, ordered_at, amount FROM orders ORDER BY 1")
    assert found == [("1", "a", at("2026-01-31"), 5.0), ("2", "b", at("2026-02-01T10:00"), 6.5)]


def test_without_ibis_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ibis", None)
    with pytest.raises(
        TableError, match=r"needs the extra sql\. Install it: pip install 'rapport-crm\[sql\]'"
    ) as raised:
        read_history("mysql://reader:secret@host/crm")
    assert "host/crm" in str(raised.value)
    assert "secret" not in str(raised.value)


MYSQL = """
CREATE TABLE orders (customer_id int, order_id bigint unsigned, ordered_at datetime, amount decimal(12,2), note blob);
INSERT INTO orders VALUES (1, 7, '2026-01-31 23:00:00', 1234.50, NULL), (2, 8, '2026-02-01', -5, 'x');
CREATE TABLE customers (customer_id int PRIMARY KEY, name varchar(40), created_at date, kind enum('a', 'b'));
INSERT INTO customers VALUES (1, '甲公司', '2025-12-01', 'a'), (2, NULL, NULL, NULL);
CREATE TABLE tickets (ticket_id char(2), customer_id int, opened_at timestamp);
INSERT INTO tickets VALUES ('T1', 1, '2026-01-05 10:00:00');
"""


@pytest.mark.slow
def test_mariadb_is_read_with_its_types_and_times_of_its_zone():
    pytest.importorskip("MySQLdb", reason="the driver of MySQL is not installed: pip install 'ibis-framework[mysql]'")
    server = mysql_server.program()
    if server is None:
        pytest.skip("there is no MariaDB server to start: install Debian's mariadb-server")
    with (
        mysql_server.running(server, MYSQL) as url,
        read_history(url, Settings(timezone="Asia/Tokyo")) as history,
    ):
        assert rows(history, "SELECT customer_id, order_id, ordered_at, amount FROM orders ORDER BY 1") == [
            ("1", "7", at("2026-01-31T23:00"), 1234.5),
            ("2", "8", at("2026-02-01"), -5.0),
        ]
        assert rows(history, "SELECT customer_id, name, created_at, kind FROM customers ORDER BY 1") == [
            ("1", "甲公司", at("2025-12-01"), "a"),
            ("2", None, None, None),
        ]
        # A timestamp is a moment, shown by the server at +08:00; the company is an hour further east.
        assert rows(history, "SELECT opened_at FROM tickets") == [(at("2026-01-05T11:00"),)]
        assert "secret" not in history.origin


def test_a_file_of_duckdb_is_read_by_its_url_as_a_csv_file_is(tmp_path):
    lines = "'a' AS customer_id, 1 AS order_id, DATE '2026-01-31' AS ordered_at, 5::DECIMAL(9, 2) AS amount"
    with duckdb.connect(str(tmp_path / "crm.duckdb")) as file:
        file.execute(f"CREATE TABLE orders AS SELECT {lines} UNION ALL SELECT ' ', 2, DATE '2026-02-01', 6")
        file.execute("CREATE SCHEMA sales; CREATE VIEW sales.kunden AS SELECT 'a' AS nr, 'Ann' AS name")
    mapping = {"customers": {"table": "sales.kunden", "customer_id": "nr"}}
    with read_history(f"duckdb://{tmp_path / 'crm.duckdb'}", Settings(mapping=mapping, reject_share=0.5)) as history:
        assert rows(history, "SELECT customer_id, order_id, ordered_at, amount FROM orders") == [
            ("a", "1", at("2026-01-31"), 5.0)
        ]
        assert rows(history, "SELECT customer_id, name FROM customers") == [("a", "Ann")]
        assert history.rejected.rows["line"].to_pylist() == [2]
    with pytest.raises(TableError, match=r"duckdb://nowhere\.duckdb: there is no such file"):
        read_history("duckdb://nowhere.duckdb")


def test_an_unknown_backend_gets_a_message():
    with pytest.raises(TableError, match=r"nosuch://crm: cannot be reached|nosuch://crm: its driver is not installed"):
        read_history("nosuch://crm")


def test_a_mapping_is_proposed_for_a_database_from_some_of_its_rows(postgres):
    proposed = propose_mapping(postgres).as_dict()["mapping"]
    assert proposed["contracts"] == CONTRACTS["contracts"]
    assert proposed["orders"]["table"] == "orders"
