"""Leak injections into histories of change: values that change, and customers that merge, at a cutoff or after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import duckdb

from rapport.features.leaks.leak_injection import MAX_ROWS
from rapport.history import History
from rapport.history.reading.merges import IDENTITIES
from rapport.history.reading.versions import STAGE_SINCE, VERSIONED, past_name

TITLE = "values and merges that come later"
_BEFORE = 'reading."before injection {}"'
_OTHER = {
    "VARCHAR[]": "[coalesce({0}[1], '') || ' injected']",
    "DOUBLE[]": "[coalesce({0}[1], 0) * 3 + 1]",
    "BOOLEAN[]": "[NOT coalesce({0}[1], false)]",
}


@contextmanager
def later_versions(history: History, cutoff: datetime, seed: int) -> Iterator[int]:
    """Let records change and customers merge at the cutoff or after it within the context; give how many do."""
    connection = history.connection
    tables = [past_name(table) for table in VERSIONED if table.name in history.tracked]
    tables += [IDENTITIES] * ("merges" in history.loaded)
    for number, name in enumerate(tables):
        connection.execute(f"CREATE TABLE {_BEFORE.format(number)} AS FROM {name}")
    try:
        yield sum(_inject(connection, name, number, cutoff, seed) for number, name in enumerate(tables))
    finally:
        for number, name in enumerate(tables):
            before = _BEFORE.format(number)
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS FROM {before}; DROP TABLE {before}")


def _inject(connection: duckdb.DuckDBPyConnection, name: str, number: int, cutoff: datetime, seed: int) -> int:
    """End the last version of some records at the cutoff or later, and follow it by another; return how many."""
    key, begin, end = (
        ("written", "since", "until") if name == IDENTITIES else ("record_id", "known_from", "known_until")
    )
    seconds = f"CAST(hash({key}, {seed}) % 20000000 AS INTEGER)"
    moment = f"TIMESTAMP '{cutoff.isoformat()}' + to_seconds(CASE WHEN {seconds} % 4 = 0 THEN 0 ELSE {seconds} END)"
    open_ = f"{end} IS NULL AND ({begin} IS NULL OR {begin} < TIMESTAMP '{cutoff.isoformat()}')"
    before = _BEFORE.format(number)
    chosen = f"SELECT {key} FROM {before} WHERE {open_} ORDER BY hash({key}, {seed}) LIMIT {MAX_ROWS}"
    kinds = {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {name}").fetchall()}
    cells = {f'"{each}"': kind for each, kind in kinds.items() if kind in _OTHER}
    changed = [f"{_OTHER[kind].format(cell)} AS {cell}" for cell, kind in cells.items()]
    changed += [f"{moment} AS {STAGE_SINCE}"] * (STAGE_SINCE in kinds)
    changed += ["known_as || ' injected' AS known_as"] * (name == IDENTITIES)
    replaced = ", ".join([f"{moment} AS {begin}", *changed])
    connection.execute(f"UPDATE {name} SET {end} = {moment} WHERE {open_} AND {key} IN ({chosen})")
    connection.execute(
        f"INSERT INTO {name} SELECT * REPLACE ({replaced}) FROM {before} WHERE {open_} AND {key} IN ({chosen})"
    )
    return int(connection.execute(f"SELECT count(*) FROM ({chosen})").fetchall()[0][0])
