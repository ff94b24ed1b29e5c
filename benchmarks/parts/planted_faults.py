"""Faults that feeds really have, each at three sizes, as SQL of the table that has the fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

_END = "(SELECT max(ordered_at) FROM orders)"
_YEAR_SALES = "(SELECT sum(amount) / 3 FROM orders)"
SIZES = 3


@dataclass(frozen=True)
class Fault:
    """A kind of fault, its size, and the SQL of the changed table; without SQL the table is removed."""

    kind: str
    size: str
    table: str
    sql: str

    @property
    def stops_feed(self) -> bool:
        """Return whether the run must keep its cutoff, because the newest rows are gone."""
        return self.kind.startswith("feed stopped")


def planted_faults() -> Iterator[Fault]:
    """Yield each kind of fault at three sizes."""
    yield from _lost_rows()
    yield from _stopped_feeds()
    yield from _repeated_rows()
    yield from _changed_ids()
    yield from _changed_amounts()
    yield from _single_orders()
    yield from _changed_times()


def plant(source: Path, out: Path, fault: Fault) -> None:
    """Write a copy of the history with the fault."""
    connection = duckdb.connect()
    for path in source.glob("*.parquet"):
        connection.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
    for path in source.glob("*.parquet"):
        body = f"FROM {path.stem}" if path.stem != fault.table else fault.sql
        if body:
            connection.execute(f"COPY ({body}) TO '{out / path.name}' (FORMAT parquet)")
    connection.close()


def _lost_rows() -> Iterator[Fault]:
    for table in ("tickets", "interactions", "orders"):
        yield Fault("table gone", table, table, "")
    for table in ("customers", "touches", "orders"):
        yield Fault("table empty", table, table, f"FROM {table} LIMIT 0")
    for share in (20, 50, 95):
        yield Fault("rows lost", f"{share} %", "orders", f"FROM orders WHERE hash(order_id) % 100 >= {share}")
    for share in (5, 20, 50):
        kept = f"FROM orders WHERE hash(customer_id) % 100 >= {share}"
        yield Fault("customers lost", f"{share} %", "orders", kept)
    for share in (5, 20, 50):
        kept = f"FROM customers WHERE hash(customer_id) % 100 >= {share}"
        yield Fault("customer rows lost", f"{share} %", "customers", kept)


def _stopped_feeds() -> Iterator[Fault]:
    for days in (30, 60, 90):
        sql = f"FROM orders WHERE ordered_at < {_END} - INTERVAL {days} DAY"
        yield Fault("feed stopped", f"orders, {days} days", "orders", sql)
    for table, time in (("interactions", "occurred_at"), ("touches", "occurred_at"), ("tickets", "opened_at")):
        yield Fault("feed stopped", f"{table}, 90 days", table, f"FROM {table} WHERE {time} < {_END} - INTERVAL 90 DAY")


def _repeated_rows() -> Iterator[Fault]:
    for days in (30, 90, 2000):
        copied = f"FROM orders UNION ALL FROM orders WHERE ordered_at > {_END} - INTERVAL {days} DAY"
        yield Fault("lines doubled", f"{days} days", "orders", copied)
    for days in (30, 90, 2000):
        other = "SELECT * REPLACE ('r' || order_id AS order_id) FROM orders"
        copied = f"FROM orders UNION ALL {other} WHERE ordered_at > {_END} - INTERVAL {days} DAY"
        yield Fault("doubled, other order ids", f"{days} days", "orders", copied)


def _changed_ids() -> Iterator[Fault]:
    kinds = {"ids in lower case": "lower(customer_id)", "ids renumbered": "'N' || customer_id"}
    for kind, other in kinds.items():
        for share in (1, 5, 20):
            changed = f"CASE WHEN hash(order_id) % 100 < {share} THEN {other} ELSE customer_id END"
            yield Fault(kind, f"{share} %", "orders", f"SELECT * REPLACE ({changed} AS customer_id) FROM orders")


def _changed_amounts() -> Iterator[Fault]:
    for times, days, share in ((100, 14, 100), (100, 150, 100), (100, 60, 30)):
        yield _amounts("amounts × 100", f"{share} % of {days} days", f"amount * {times}", days, share)
    for days in (14, 60, 150):
        yield _amounts("amounts ÷ 1000", f"{days} days", "amount / 1000", days)
    for days in (30, 90, 150):
        yield _amounts("amounts are 0", f"{days} days", "0", days)
    for days in (30, 90, 150):
        yield _amounts("sign turned", f"{days} days", "-amount", days)
    for share in (1, 5, 20):
        negative = f"CASE WHEN hash(order_id) % 100 < {share} THEN -quantity ELSE quantity END"
        sql = f"SELECT * REPLACE ({negative} AS quantity) FROM orders"
        yield Fault("negative quantity", f"{share} %", "orders", sql)
    for table, time in (("invoices", "issued_at"), ("opportunities", "opened_at"), ("contracts", "started_at")):
        changed = f"CASE WHEN {time} > {_END} - INTERVAL 150 DAY THEN amount * 100 ELSE amount END"
        sql = f"SELECT * REPLACE ({changed} AS amount) FROM {table}"
        yield Fault("other amounts × 100", f"{table}, 150 days", table, sql)


def _amounts(kind: str, size: str, other: str, days: int, share: int = 100) -> Fault:
    is_changed = f"ordered_at > {_END} - INTERVAL {days} DAY AND hash(order_id) % 100 < {share}"
    sql = f"SELECT * REPLACE (CASE WHEN {is_changed} THEN {other} ELSE amount END AS amount) FROM orders"
    return Fault(kind, size, "orders", sql)


def _single_orders() -> Iterator[Fault]:
    for times in (0.2, 1, 10):
        giant = f"FROM orders UNION ALL {_big(times, 'giant', 3)}"
        yield Fault("giant order", f"{times} × a year", "orders", giant)
    for times in (0.02, 0.2, 1):
        both = f"FROM orders UNION ALL {_big(times, 'typo', 9)} UNION ALL {_big(-times, 'void', 8)}"
        yield Fault("voided order", f"{times} × a year", "orders", both)


def _big(times: float, name: str, days: int) -> str:
    return (
        f"SELECT * REPLACE ('{name}' AS order_id, {times} * {_YEAR_SALES} AS amount, "
        f"{_END} - INTERVAL {days} DAY AS ordered_at) FROM (FROM orders LIMIT 1)"
    )


def _changed_times() -> Iterator[Fault]:
    for months in (2, 14, 60):
        alone = (
            "FROM orders UNION ALL SELECT * REPLACE ('typo' AS order_id, "
            f"{_END} + INTERVAL {months} MONTH AS ordered_at) FROM (FROM orders LIMIT 1)"
        )
        yield Fault("lone future row", f"{months} months", "orders", alone)
    for days in (30, 90, 400):
        swapped = "make_timestamp(year(ordered_at), day(ordered_at), month(ordered_at), 0, 0, 0)"
        is_swapped = f"day(ordered_at) <= 12 AND ordered_at > {_END} - INTERVAL {days} DAY"
        changed = f"CASE WHEN {is_swapped} THEN {swapped} ELSE ordered_at END"
        sql = f"SELECT * REPLACE ({changed} AS ordered_at) FROM orders"
        yield Fault("day and month swapped", f"{days} days", "orders", sql)
    for days in (30, 90, 150):
        late = (
            f"CASE WHEN ordered_at > {_END} - INTERVAL {days} DAY THEN ordered_at - INTERVAL 1 YEAR ELSE ordered_at END"
        )
        sql = f"SELECT * REPLACE ({late} AS ordered_at) FROM orders"
        yield Fault("feed stopped: last year", f"{days} days", "orders", sql)
