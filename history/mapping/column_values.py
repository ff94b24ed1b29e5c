"""What the columns of a source hold: samples, the commonest values, and how many values a key shares with another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import duckdb

from rapport.history.mapping.name_matching import loaded_rows
from rapport.history.mapping.table_proposal import expression_name
from rapport.history.reading.text_cleaning import id_text
from rapport.history.sources.source import Source
from rapport.history.sql import quoted

SAMPLES = 3
# Ids that differ only in leading zeros are the same where at least this share of them is.
_SAME_BUT_ZEROS = 0.8
# A column with more values is no status.
_MOST_STATES = 40


@dataclass(frozen=True)
class ColumnValues:
    """Sample values, and all values with their number of rows if there are few."""

    samples: tuple[str, ...]
    states: Mapping[str, int]


def column_values(
    source: Source, connection: duckdb.DuckDBPyConnection, names: Sequence[str]
) -> dict[str, ColumnValues]:
    """Return what the named columns hold in all rows; of a database table in the first rows."""
    with loaded_rows(source, connection, list(names)) as rows:
        return {name: _values(rows, name, connection) for name in names}


def _values(rows: str, name: str, connection: duckdb.DuckDBPyConnection) -> ColumnValues:
    text = f"trim(CAST({quoted(name)} AS VARCHAR))"
    found = connection.execute(
        f"SELECT {text}, count(*) FROM {rows} WHERE {text} <> '' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_MOST_STATES + 1}"
    ).fetchall()
    states = {str(value): int(times) for value, times in found}
    return ColumnValues(tuple(states)[:SAMPLES], states if len(states) <= _MOST_STATES else {})


def padded_alike(
    own: Source, theirs: Source, pair: tuple[str, str], connection: duckdb.DuckDBPyConnection
) -> str | None:
    """Return the expression that writes our ids with the zeros of the other table's; None if they differ otherwise.

    A spreadsheet takes the zeros of 00142 off.
    """
    if share_known(own, theirs, pair, connection, zeros=False) < _SAME_BUT_ZEROS:
        return None
    with loaded_rows(theirs, connection, [pair[1]]) as rows:
        text = f"trim(CAST({quoted(pair[1])} AS VARCHAR))"
        ((shortest, longest),) = connection.execute(
            f"SELECT min(length({text})), max(length({text})) FROM {rows} WHERE {text} <> ''"
        ).fetchall()
    name = expression_name(pair[0])
    if shortest != longest:
        return f"ltrim({name}, '0')"
    # A missing id stays missing.
    return f"case when {name} <> '' then right(concat('{'0' * longest}', {name}), {longest}) end"


def share_known(
    own: Source,
    theirs: Source,
    pair: tuple[str, str],
    connection: duckdb.DuckDBPyConnection,
    *,
    zeros: bool = True,
) -> float:
    """Return the share of the values of our column that the other table's column has too, with or without ``zeros``."""
    # An id of 17850.0 in one file is that of 17850 in another, as it is when the files are read.
    ours, keys = (f"regexp_replace({id_text(f'CAST({quoted(name)} AS VARCHAR)')}, '\\.0+$', '')" for name in pair)
    if not zeros:
        ours, keys = (f"ltrim({each}, '0')" for each in (ours, keys))
    with ExitStack() as loaded:
        if own is theirs:
            rows = others = loaded.enter_context(loaded_rows(own, connection, list(dict.fromkeys(pair))))
        else:
            rows = loaded.enter_context(loaded_rows(own, connection, [pair[0]]))
            others = loaded.enter_context(loaded_rows(theirs, connection, [pair[1]]))
        ((share,),) = connection.execute(
            f"SELECT count(*) FILTER (value IN (SELECT {keys} FROM {others})) / nullif(count(*), 0) "
            f"FROM (SELECT DISTINCT {ours} AS value FROM {rows}) WHERE value <> ''"
        ).fetchall()
    return float(share or 0.0)
