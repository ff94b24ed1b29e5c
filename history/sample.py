"""Some customers of a history in place of all, families whole: for work that more of them would not make better."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa
from rapport.history.casting import quoted
from rapport.history.reading import History

# A relative left out would change what is told of the others.
_FAMILIES = """
WITH RECURSIVE up AS (
    SELECT customer_id, customer_id AS root, 0 AS steps FROM everyone
    UNION ALL
    SELECT up.customer_id, place.parent_id, steps + 1 FROM up JOIN customers AS place ON place.customer_id = up.root
    WHERE place.parent_id IS NOT NULL AND place.parent_id <> up.root AND steps < 20
)
SELECT customer_id, max_by(root, steps) AS root FROM up GROUP BY customer_id
"""
_ALONE = "SELECT customer_id, customer_id AS root FROM everyone"


@contextmanager
def sampled(history: History, one_of: int, *, first: int = 0, shares: int = 1) -> Iterator[History]:
    """Give the history of ``shares`` of ``one_of`` customers, always the same ones, until the context ends.

    Shares are numbered; ``first`` is where those that are given begin. Their rows shadow the tables on the connection
    of the whole; ``rows`` still counts those.
    """
    if shares >= one_of:
        yield history
        return
    # A digest that no release of the engine changes: a run must find the same customers again.
    with _shadowed(history, f"md5_number_lower(root) % {one_of} BETWEEN {first} AND {first + shares - 1}") as some:
        yield some


@contextmanager
def only(history: History, customer_ids: pa.Array) -> Iterator[History]:
    """Give the history of these customers and their families, until the context ends."""
    history.connection.register("asked_customers", pa.table({"customer_id": customer_ids}))
    try:
        asked = "SELECT root FROM belonging JOIN asked_customers USING (customer_id)"
        with _shadowed(history, f"root IN ({asked})") as some:
            # Few rows are measured in another way than many.
            yield replace(some, laid={name: replace(laid, rows=_count(some, name)) for name, laid in some.laid.items()})
    finally:
        history.connection.unregister("asked_customers")


def _count(history: History, name: str) -> int:
    return int(history.connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchall()[0][0])


@contextmanager
def _shadowed(history: History, condition: str) -> Iterator[History]:
    connection = history.connection
    everyone = " UNION ".join(f"SELECT customer_id FROM {quoted(name)}" for name in history.rows)
    together = "parent_id" in history.settings.fixed_attributes and "customers" in history.rows
    belonging = f"WITH everyone AS ({everyone}), belonging AS ({_FAMILIES if together else _ALONE})"
    kept = f"{belonging} SELECT customer_id FROM belonging WHERE {condition}"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE kept_customers AS {kept}")
    try:
        for name in history.rows:
            connection.execute(
                f"CREATE TEMP TABLE {quoted(name)} AS SELECT * FROM {quoted(name)} "
                "SEMI JOIN kept_customers USING (customer_id)"
            )
        # What was read without a database is asked there too: quick tables would show everyone.
        yield replace(history, given=history.engine, lent=True, quick=None)
    finally:
        for name in history.rows:
            connection.execute(f"DROP TABLE IF EXISTS temp.{quoted(name)}")
        connection.execute("DROP TABLE kept_customers")
