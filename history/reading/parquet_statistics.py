"""Which rejection rules the column statistics of Parquet files exclude, without reading a row."""

from collections.abc import Mapping, Sequence

import duckdb

from rapport.history.reading.casting import FLOATS, SourceColumn, cast_expression
from rapport.history.reading.rejection_rules import RejectionRule, raw_name
from rapport.history.settings import Settings
from rapport.history.sources.source import Source
from rapport.history.sql import literal, quoted

# Reading a smaller file takes no longer than reading its statistics.
MIN_ROWS = 500_000


def possible_violations(
    source: Source,
    columns: Sequence[SourceColumn],
    rules: Sequence[RejectionRule],
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
) -> list[RejectionRule]:
    """Return the rules that a row may violate, as far as the statistics show.

    A rule is about nulls, NaN, or values beyond a bound. If the extreme values of a column (minimum, maximum, null and
    NaN where they occur) satisfy it, every row does.
    """
    extremes = _extremes(source.files, connection) if source.files else {}
    possible: list[RejectionRule] = []
    for column in columns:
        own = [rule for rule in rules if rule.column == column.column.name]
        values = extremes.get(column.sql)
        # A text that has to be parsed may be invalid anywhere between the minimum and the maximum.
        # Statistics of floating-point columns leave NaN out and need not count it: they prove nothing about it.
        provable = column.format == "tidy" if column.is_text else column.type not in ("DOUBLE", "FLOAT")
        if own and values is not None and provable:
            violated = connection.execute(_test_query(column, own, values, settings)).fetchall()[0]
            own = [rule for rule, is_violated in zip(own, violated, strict=True) if is_violated]
        possible += own
    return possible


def _test_query(
    column: SourceColumn, rules: Sequence[RejectionRule], values: Sequence[str | None], settings: Settings
) -> str:
    """Return the SQL that tests each rule on the extreme values."""
    listed = ", ".join("NULL" if value is None else literal(value) for value in values)
    name = column.column.name
    cells = f"SELECT CAST(UNNEST([{listed}]) AS {column.type}) AS {column.sql}"
    cast = (
        f"SELECT {column.sql} AS {quoted(raw_name(name))}, {cast_expression(column, settings)} AS {quoted(name)} "
        f"FROM ({cells})"
    )
    return f"SELECT {', '.join(f'coalesce(bool_or({rule.sql}), false)' for rule in rules)} FROM ({cast})"


def _extremes(files: Sequence[str], connection: duckdb.DuckDBPyConnection) -> Mapping[str, list[str | None]]:
    """Return the extreme values of each column with complete statistics, by quoted name; nothing for small files."""
    paths = ", ".join(literal(path) for path in files)
    rows = connection.execute(
        f"WITH statistics AS (FROM parquet_metadata([{paths}])), "
        "total AS (SELECT sum(row_group_num_rows) AS rows FROM statistics WHERE column_id = 0) "
        "SELECT path_in_schema, list(DISTINCT stats_min_value) || list(DISTINCT stats_max_value), "
        "sum(stats_null_count) > 0 OR sum(num_values) < any_value(total.rows), "
        f"any_value(type) IN ({', '.join(literal(each) for each in sorted(FLOATS))}) "
        "AND (count(stats_nan_count) < count(*) OR sum(stats_nan_count) > 0) FROM statistics, total "
        f"WHERE total.rows > {MIN_ROWS} GROUP BY path_in_schema "
        "HAVING count(stats_min_value) = count(*) AND count(stats_null_count) = count(*)"
    ).fetchall()
    return {
        quoted(name): [*ends, *([None] if nulls else []), *(["nan"] if nans else [])]
        for name, ends, nulls, nans in rows
    }
