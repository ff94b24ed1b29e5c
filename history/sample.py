"""Some customers of a large history in place of all, for work that more of them would not make better."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from history.casting import quoted
from history.reading import History

# Families stay together, or a relative left out would change what is told of the others.
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
def sampled(history: History, one_of: int) -> Iterator[History]:
    """Give the history of one of ``one_of`` customers, always the same ones, until the context ends.

    Their rows shadow the tables on the connection of the whole; ``rows`` still counts those.
    """
    if one_of <= 1:
        yield history
        return
    connection = history.connection
    connection.execute(f"CREATE OR REPLACE TEMP TABLE kept_customers AS {_kept_sql(history, one_of)}")
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


def _kept_sql(history: History, one_of: int) -> str:
    everyone = " UNION ".join(f"SELECT customer_id FROM {quoted(name)}" for name in history.rows)
    together = "parent_id" in history.settings.fixed_attributes and "customers" in history.rows
    # A digest that no release of the engine changes: a run must find the same customers again.
    return (
        f"WITH everyone AS ({everyone}), belonging AS ({_FAMILIES if together else _ALONE}) "
        f"SELECT customer_id FROM belonging WHERE md5_number_lower(root) % {one_of} = 0"
    )
