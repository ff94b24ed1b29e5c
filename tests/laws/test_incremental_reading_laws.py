"""The law of incremental reading: night after night, the same cells as a database that is read as a whole."""

import random
import sqlite3
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import mysql_server
import pytest
from postgres_server import programs, running

from rapport.history import Settings, read_history
from rapport.serving.privacy.backup import backup, restore

START = datetime(2026, 1, 1)
SCHEMA = (
    "CREATE TABLE orders (customer_id text, order_id text, ordered_at timestamp, amount float, product text, "
    "recorded_at timestamp)",
    "CREATE TABLE tickets (ticket_id text, customer_id text, opened_at timestamp, resolved_at timestamp, kind text, "
    "recorded_at timestamp)",
    "CREATE TABLE surveys (customer_id text, answered_at timestamp, kind text, score float)",
)


@contextmanager
def sqlite(folder):
    path = folder / "crm.sqlite"
    with closing(sqlite3.connect(path)) as server:

        def run(sql):
            server.execute(sql)
            server.commit()

        yield run, f"sqlite://{path}"


@contextmanager
def postgres(_):
    adbc = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="the extra sql is not installed")
    if programs() is None:
        pytest.skip("there is no PostgreSQL server to start: install pgserver or Debian's postgresql")
    with running(programs()) as url, adbc.connect(url, autocommit=True) as server:

        def run(sql):
            with server.cursor() as cursor:
                cursor.execute(sql)

        yield run, url


@contextmanager
def mysql(_):
    driver = pytest.importorskip("MySQLdb", reason="the driver is not installed: pip install 'ibis-framework[mysql]'")
    if (server := mysql_server.program()) is None:
        pytest.skip("there is no MariaDB server to start: install Debian's mariadb-server")
    with mysql_server.running(server, "GRANT ALL ON crm.* TO 'reader'@'127.0.0.1';") as url:
        place = urlsplit(url)
        login = {"user": place.username, "password": place.password, "database": "crm"}
        with closing(driver.connect(host=place.hostname, port=place.port, autocommit=True, **login)) as connection:

            def run(sql):
                # A timestamp of MySQL is never null.
                connection.query(sql.replace(" timestamp", " datetime"))

            yield run, url


class Crm:
    """A database that is written to from day to day: rows come, change, are filled in, and go."""

    def __init__(self, run, seed):
        self.run, self.draw, self.now, self.tickets = run, random.Random(seed), START, 0
        for statement in SCHEMA:
            run(statement)

    def day(self, *, honest):
        """Live through a day; an honest system renews ``recorded_at`` with every change."""
        draw, stamp = self.draw, "recorded_at = '{}'".format
        for _ in range(12):
            self.now += timedelta(hours=2)
            who, day = f"c{draw.randrange(9)}", self.now - timedelta(days=draw.randrange(30))
            recorded = f"'{self.now}'" if draw.random() < 0.95 else "NULL"
            amount = draw.choice(["7.25", "1e9", "0.1", "NULL"])
            self.run(f"INSERT INTO orders VALUES ('{who}', 'o{self.now}', '{day}', {amount}, 'pump', {recorded})")
            self.run(f"INSERT INTO surveys VALUES ('{who}', '{day}', 'nps', {draw.randrange(10)})")
            self.tickets += 1
            ticket = f"('t{self.tickets}', '{who}', '{day}', NULL, 'complaint', '{self.now}')"
            self.run(f"INSERT INTO tickets VALUES {ticket}")
        renewed = f", {stamp(self.now)}" if honest else ""
        one = f"WHERE ticket_id = 't{draw.randrange(1, self.tickets + 1)}'"
        self.run(f"UPDATE tickets SET resolved_at = '{self.now}'{renewed} {one}")
        if draw.random() < 0.3:
            self.run(f"DELETE FROM orders WHERE customer_id = 'c{draw.randrange(9)}' AND amount < 1")


def cells(url, **settings):
    with read_history(url, Settings(reject_share=0.9, **settings)) as history:
        found = {}
        for name in history.rows:
            rows = history.connection.execute(f"SELECT * FROM {name}").fetchall()
            found[name] = sorted(rows, key=str)
        return found


@pytest.mark.parametrize("database", [sqlite, postgres, mysql], ids=["sqlite", "postgresql", "mysql"])
@pytest.mark.parametrize("honest", [True, False], ids=["renewed", "filled in"])
def test_every_night_reads_the_cells_of_the_whole_database(database, honest, tmp_path, caplog):
    caplog.set_level("INFO", logger="rapport.history.sources.row_copies")
    with database(tmp_path) as (run, url):
        crm = Crm(run, seed=4)
        for _ in range(6):
            crm.day(honest=honest)
            assert cells(url, incremental=True, data_dir=str(tmp_path / "data")) == cells(url)
    whole = ["all" in record.getMessage() for record in caplog.records if record.getMessage().startswith("tickets")]
    # The first night reads all; later ones read what is new, or all again where rows were changed without a word.
    assert (len(whole), whole[0], any(whole[1:])) == (6, True, not honest)


def test_rows_of_the_copy_are_not_read_again(tmp_path):
    with sqlite(tmp_path) as (run, url):
        Crm(run, seed=4).day(honest=True)
        settings = {"incremental": True, "data_dir": str(tmp_path / "data")}
        before = cells(url, **settings)
        # No count and no sum shows another word of the same length: only a row which is read again has it.
        run("UPDATE orders SET product = 'vane' WHERE recorded_at < '2026-01-01 12:00:00'")
        assert cells(url, **settings) == before
        assert len(list((tmp_path / "data" / "database-copy").iterdir())) == 2
        # A backup takes the copy along, and a restored folder goes on from it.
        backup(tmp_path / "data", tmp_path / "data.tar.gz", START)
        restore(tmp_path / "data.tar.gz", tmp_path / "restored")
        assert cells(url, **settings | {"data_dir": str(tmp_path / "restored")}) == before
