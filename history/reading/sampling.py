"""A part of the customers of a history, with their company groups: a sample, or named customers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa

from rapport.history.contract import by_name
from rapport.history.reading.history import History
from rapport.history.reading.merges import SURVIVORS
from rapport.history.sql import quoted

# A customer's features depend on its relatives, so a company group is kept whole.
_GROUPS = """
WITH RECURSIVE up AS (
    SELECT customer_id, customer_id AS root, 0 AS steps FROM everyone
    UNION ALL
    SELECT up.customer_id, parent.parent_id, steps + 1 FROM up JOIN customers AS parent ON parent.customer_id = up.root
    WHERE parent.parent_id IS NOT NULL AND parent.parent_id <> up.root AND steps < 20
)
SELECT customer_id, max_by(root, steps) AS root FROM up GROUP BY customer_id
"""
_SINGLES = "SELECT customer_id, customer_id AS root FROM everyone"
# Customers that were merged are one: both are in a part, or neither.
_MERGED = (
    f" UNION ALL SELECT written, root FROM {SURVIVORS} JOIN "
    "(SELECT customer_id, customer_id AS root FROM everyone) ON known_as = customer_id"
)


@contextmanager
def sample_history(history: History, one_of: int, *, first: int = 0, shares: int = 1) -> Iterator[History]:
    """Yield the history of ``shares`` of ``one_of`` customers, always the same ones, until the context ends.

    Shares are numbered from ``first``. Their rows shadow the tables on the connection of the whole history; ``rows``
    still counts the whole history.
    """
    if shares >= one_of:
        yield history
        return
    # MD5 does not change between releases of DuckDB, unlike its hash function: a run must sample the same customers.
    with _shadowed(history, f"md5_number_lower(root) % {one_of} BETWEEN {first} AND {first + shares - 1}") as part:
        yield part


@contextmanager
def restrict_history(history: History, customer_ids: pa.Array) -> Iterator[History]:
    """Yield the history of these customers and their company groups, until the context ends."""
    history.connection.register("requested_customers", pa.table({"customer_id": customer_ids}))
    try:
        requested = "SELECT root FROM grouped JOIN requested_customers USING (customer_id)"
        with _shadowed(history, f"root IN ({requested})") as part:
            # The number of rows decides how features are computed.
            loaded = {name: replace(table, rows=_count(part, name)) for name, table in part.loaded.items()}
            yield replace(part, loaded=loaded)
    finally:
        history.connection.unregister("requested_customers")


def _count(history: History, name: str) -> int:
    return int(history.connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchall()[0][0])


@contextmanager
def _shadowed(history: History, condition: str) -> Iterator[History]:
    connection = history.connection
    names = [name for name in history.rows if by_name(name).has_customers]
    everyone = " UNION ".join(f"SELECT customer_id FROM {quoted(name)}" for name in names)
    has_groups = "parent_id" in history.settings.fixed_attributes and "customers" in history.rows
    if "merges" in history.loaded:
        everyone, merged = f"SELECT * FROM ({everyone}) ANTI JOIN {SURVIVORS} ON written = customer_id", _MERGED
    else:
        merged = ""
    grouped = f"WITH everyone AS ({everyone}), grouped AS ({_GROUPS if has_groups else _SINGLES}{merged})"
    kept = f"{grouped} SELECT customer_id FROM grouped WHERE {condition}"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE kept_customers AS {kept}")
    try:
        for name in names:
            connection.execute(
                f"CREATE TEMP TABLE {quoted(name)} AS SELECT * FROM {quoted(name)} "
                "SEMI JOIN kept_customers USING (customer_id)"
            )
        # Parsed tables hold all customers, so the part is always read from the database.
        yield replace(history, opened=history.database, borrowed=True, parsed=None)
    finally:
        for name in names:
            connection.execute(f"DROP TABLE IF EXISTS temp.{quoted(name)}")
        connection.execute("DROP TABLE kept_customers")
