"""What Parquet files say of their own columns, and which complaints that rules out without reading a row."""

from collections.abc import Mapping, Sequence

import duckdb
from rapport.history.casting import Complaint, Given, given_name, literal, quoted, reading
from rapport.history.settings import Settings
from rapport.history.sources import Source

LARGE = 500_000
"""Smaller files are read as fast as they are asked."""

_BROKEN = ("FLOAT", "DOUBLE")


def possible(
    source: Source,
    given: Sequence[Given],
    found: Sequence[Complaint],
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
) -> list[Complaint]:
    """Return the complaints that there can be, as far as the files' own statistics tell.

    A complaint is about nulls, about what is not a number, or about values beyond a bound. So it holds of no row where
    it holds of none of a column's witnesses: its least and largest values, and those two kinds of nothing.
    """
    witnesses = _witnesses(source.files, connection) if source.files else {}
    left: list[Complaint] = []
    for each in given:
        own = [complaint for complaint in found if complaint.column == each.column.name]
        values = witnesses.get(each.sql)
        # A text that has to be parsed may be wrong between its ends too.
        if own and values is not None and (not each.as_text or each.shape == "tidy"):
            holds = connection.execute(_asked(each, own, values, settings)).fetchall()[0]
            own = [complaint for complaint, held in zip(own, holds, strict=True) if held]
        left += own
    return left


def _asked(given: Given, own: Sequence[Complaint], values: Sequence[str | None], settings: Settings) -> str:
    """Return SQL that tells of each complaint whether it holds of any witness."""
    written = ", ".join("NULL" if value is None else literal(value) for value in values)
    name = given.column.name
    cells = f"SELECT CAST(UNNEST([{written}]) AS {given.type}) AS {given.sql}"
    told = (
        f"SELECT {given.sql} AS {quoted(given_name(name))}, {reading(given, settings)} AS {quoted(name)} FROM ({cells})"
    )
    return f"SELECT {', '.join(f'coalesce(bool_or({each.sql}), false)' for each in own)} FROM ({told})"


def _witnesses(files: Sequence[str], connection: duckdb.DuckDBPyConnection) -> Mapping[str, list[str | None]]:
    """Return the witnesses of each column whose statistics are complete, by its quoted name; of small files none."""
    paths = ", ".join(literal(path) for path in files)
    rows = connection.execute(
        f"WITH told AS (FROM parquet_metadata([{paths}])), "
        "whole AS (SELECT sum(row_group_num_rows) AS rows FROM told WHERE column_id = 0) "
        "SELECT path_in_schema, list(DISTINCT stats_min_value) || list(DISTINCT stats_max_value), "
        "sum(stats_null_count) > 0 OR sum(num_values) < any_value(whole.rows), "
        f"any_value(type) IN ({', '.join(literal(each) for each in _BROKEN)}) "
        "AND (count(stats_nan_count) < count(*) OR sum(stats_nan_count) > 0) FROM told, whole "
        f"WHERE whole.rows > {LARGE} GROUP BY path_in_schema "
        "HAVING count(stats_min_value) = count(*) AND count(stats_null_count) = count(*)"
    ).fetchall()
    return {
        quoted(name): [*ends, *([None] if nulls else []), *(["nan"] if nans else [])]
        for name, ends, nulls, nans in rows
    }
