"""Loading of one table into the database: invalid rows are rejected, the others become the contract's table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import pyarrow as pa

from rapport.errors import TableError
from rapport.history.contract import FEATURE_TABLES, Column, Table, columns_of
from rapport.history.messages import message
from rapport.history.reading.casting import currency_expression, null_of
from rapport.history.reading.changes import unreadable_changes
from rapport.history.reading.currencies import CURRENCY_COLUMNS, converted, currency_part
from rapport.history.reading.deletion_marks import deleted_rows
from rapport.history.reading.merges import SURVIVORS, WRITTEN_ID
from rapport.history.reading.parquet_statistics import possible_violations
from rapport.history.reading.profiling import (
    StagedTable,
    TableProfile,
    TimeRange,
    duplicate_rows,
    first_violation,
    invalid_rows,
    isolated_times,
    profile,
)
from rapport.history.reading.rejection_rules import QUESTION, RejectionRule, rejection_rules
from rapport.history.reading.row_states import uncounted_states, unread_states
from rapport.history.reading.staging import (
    ATTRIBUTE,
    is_cheap_to_read,
    load_source,
    stage,
    used_columns,
    with_rows,
)
from rapport.history.reading.table_names import normalized_name, resolve_attributes, resolve_columns, where_of
from rapport.history.reading.versions import VALID_FROM, VALID_TO, columns_of_versions, show_versions, store_past
from rapport.history.rejected_rows import FILE, LINE, Rejections, localized_reason, rejected_table
from rapport.history.sentiment import create_sentiment_table
from rapport.history.settings import Settings
from rapport.history.sources.source import Source
from rapport.history.sql import quoted

# One strange value among many is a bad row; more are a form that the settings have to name.
_ASKED_SHARE = 0.005
# The close date of an open deal is a plan, not a fact.
_CLOSED_AT = "CASE WHEN won IS NOT NULL THEN closed_at END"


@dataclass(frozen=True)
class LoadedTable:
    """What one table holds: accepted rows, columns present, first and last event, rejected rows, currencies.

    ``tracked`` are the columns with a history of change; ``left_out`` is the number of rows that the mapping or a mark
    of deletion leaves out; ``converted`` amounts were in other currencies; ``uncounted`` are states such as cancelled
    of rows that are read as orders: column → value → rows.
    """

    rows: int
    present: frozenset[str]
    time_range: TimeRange
    rejects: pa.Table
    currencies: frozenset[str] = frozenset()
    tracked: frozenset[str] = frozenset()
    left_out: int = 0
    converted: bool = False
    uncounted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    deleted: Mapping[str, int] = field(default_factory=dict)


def load_table(
    table: Table,
    source: Source,
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    complete: bool = True,
    merged: bool = False,
) -> LoadedTable:
    """Create the contract's table from the source and collect its rejected rows.

    ``merged`` customers are shown under the id that they have today.
    For a part of a history (``complete=False``) the checks that need all rows are skipped: times far from all others,
    and the share of rejected rows.
    """
    names = resolve_columns(table, source, settings)
    attributes = resolve_attributes(table, source, names, settings)
    where = where_of(table, source, settings)
    whole = StagedTable(table, source, (), "", connection)
    used = used_columns(source, names, where)
    states, marks = unread_states(table, source, used) if complete else ([], [])
    source = load_source(source, [*used, *states, *marks, *attributes.values()], names, whole, settings)
    whole = replace(whole, source=source)
    source, left_out = with_rows(whole, _split_key(table, source, names, settings), where, settings)
    staged, rules, is_converted = _with_rules(stage(table, source, names, attributes, connection, settings), settings)
    uncounted, deleted = _not_counted(replace(whole, source=source), names.get("amount"), states, marks)
    found = profile(staged, rules)
    isolated = isolated_times(staged, rules, found) if complete else []
    if isolated:
        rules += isolated
        found = profile(staged, rules)
    rejects = _rejects(staged, rules, found)
    rows = found.rows + len(source.rejects)
    if complete:
        _check_reject_share(source, rows, rejects, settings)
    currencies = frozenset() if is_converted or table.name == "rates" else _currencies(staged, source.sql)
    scored = _score_sentiment(staged, settings)
    tracked = _store_versions(staged, rules, found, attributes)
    _create_table(staged, rules, found, attributes, scored=scored, merged=merged)
    if tracked:
        show_versions(table, tracked, connection)
    present = frozenset({*names, "sentiment"} if scored else names) & {column.name for column in columns_of(table)}
    time_range = found.time_ranges.get(table.time, (None, None))
    accepted = _count(table, connection) if tracked else rows - rejects.num_rows
    return LoadedTable(
        accepted,
        present,
        time_range,
        rejects,
        currencies,
        frozenset(tracked),
        left_out,
        is_converted,
        uncounted,
        deleted,
    )


def _not_counted(
    staged: StagedTable, amount: str | None, states: Sequence[str], marks: Sequence[str]
) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Return the states, and the rows marked as deleted, that are read although they say that a row does not count."""
    return uncounted_states(staged, amount, states), deleted_rows(staged, marks)


def _with_rules(staged: StagedTable, settings: Settings) -> tuple[StagedTable, list[RejectionRule], bool]:
    """Return the table, the rules that its rows may violate, and whether its amounts were converted."""
    rules = [rule for column in staged.columns for rule in rejection_rules(column)]
    rules = possible_violations(staged.source, staged.columns, rules, staged.connection, settings)
    if staged.table.name == "changes":
        rules += unreadable_changes(staged, settings)
    if currency_part(staged.table, staged.source) is None:
        return staged, rules, False
    staged, more = converted(staged, settings)
    return staged, more + rules, bool(more)


def _count(table: Table, connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {quoted(table.name)}").fetchall()[0][0])


def _store_versions(
    staged: StagedTable, rules: list[RejectionRule], found: TableProfile, attributes: Mapping[str, str]
) -> list[str]:
    """Store the versions of the rows of a table that keeps them; return the columns with a history."""
    names = {each.column.name for each in staged.columns}
    if VALID_FROM not in names:
        return []
    cells = {name: quoted(name) for name in columns_of_versions(staged.table) if name in names}
    cells |= {name: quoted(ATTRIBUTE + name) for name in attributes}
    if _has_open_deals(staged):
        cells["closed_at"] = _CLOSED_AT
    parts = [f"[{sql}] AS {quoted(f'new {name}')}, NULL AS {quoted(f'old {name}')}" for name, sql in cells.items()]
    until = "until" if VALID_TO in names else None
    start = [f"{quoted(staged.table.key or '')} AS record_id", f"{VALID_FROM} AS known_from"]
    start += [f"{VALID_TO} AS until"] if until else []
    edges = f"SELECT {', '.join([*start, *parts])} FROM {_valid_rows(staged, rules, found)}"
    store_past(staged.table, edges, list(cells), staged.connection, until)
    return list(cells)


def _split_key(table: Table, source: Source, names: Mapping[str, str], settings: Settings) -> str | None:
    """Return the key's column if the table is a part of a file that is another table too, as customers of orders."""
    own = settings.mapping.get(table.name, {}).get("table")
    others = [settings.mapping.get(each.name, {}).get("table", each.name) for each in FEATURE_TABLES if each != table]
    key = names.get(table.key or "")
    # A key that is written as an expression is that of single rows.
    return key if own is not None and own in others and key in source.types else None


def _rejects(staged: StagedTable, rules: list[RejectionRule], found: TableProfile) -> pa.Table:
    parts = [rejected_table(staged.table.name, staged.source.rejects)]
    if found.invalid:
        parts.append(invalid_rows(staged, rules))
    if found.duplicates:
        parts.append(duplicate_rows(staged, rules, _duplicates_table(staged.table)))
    order = [("file", "ascending"), ("line", "ascending")]
    return pa.concat_tables(parts).sort_by(order) if len(parts) > 1 else parts[0]


def _currencies(staged: StagedTable, source: str) -> frozenset[str]:
    """Return the currencies of the amounts, where the values or a column of their own name them."""
    expressions = [currency_expression(each) for each in staged.columns if each.column.unit == "money" and each.is_text]
    expressions += [
        f"upper(trim({quoted(own)}))" for own in staged.source.types if normalized_name(own) in CURRENCY_COLUMNS
    ]
    if not expressions:
        return frozenset()
    values = " UNION ".join(f"SELECT DISTINCT {sql} FROM ({source})" for sql in expressions)
    return frozenset(row[0] for row in staged.query(f"FROM ({values}) LIMIT 20") if row[0])


def _duplicates_table(table: Table) -> str:
    return f"reading.{quoted(f'{table.name} duplicates')}"


def _check_reject_share(source: Source, rows: int, rejects: pa.Table, settings: Settings) -> None:
    """Stop if too many rows are rejected, or if a question about how the values are meant has no answer yet."""
    rejected = rejects.num_rows
    _check_no_question(source, rows, rejects, settings)
    if rejected <= settings.reject_share * rows:
        return
    _, reason, count, line, value = Rejections({}, rejects).summary()[0]
    first = {"count": count, "reason": localized_reason(reason), "line": line, "value": repr(value)}
    total = {"rejected": rejected, "rows": rows, "share": settings.reject_share}
    raise TableError(message("many_rejected", origin=source.origin, **first, **total))


def _check_no_question(source: Source, rows: int, rejects: pa.Table, settings: Settings) -> None:
    asked = [line for line in Rejections({}, rejects).summary() if QUESTION in line[1]]
    count = sum(line[2] for line in asked)
    if asked and _ASKED_SHARE * rows < count and settings.reject_share < 1:
        _, reason, _, line, value = asked[0]
        first = {"reason": localized_reason(reason), "line": line, "value": repr(value)}
        raise TableError(message("asked", origin=source.origin, count=count, rows=rows, **first))


def _score_sentiment(staged: StagedTable, settings: Settings) -> bool:
    """Score the texts without a sentiment, if the settings ask for it; return whether that was so."""
    present = {each.column.name for each in staged.columns}
    if staged.table.name != "interactions" or settings.sentiment != "text" or "text" not in present:
        return False
    unscored = " AND sentiment IS NULL" if "sentiment" in present else ""
    create_sentiment_table(
        staged.connection, f"SELECT DISTINCT text FROM {staged.view} WHERE text IS NOT NULL{unscored}"
    )
    return True


def _create_table(
    staged: StagedTable,
    rules: list[RejectionRule],
    found: TableProfile,
    attributes: Mapping[str, str],
    *,
    scored: bool,
    merged: bool,
) -> None:
    """Create the contract's table from the valid rows, with the sentiments scored from texts."""
    names = {each.column.name for each in staged.columns}
    parts = [_column_sql(column, present=column.name in names, scored=scored) for column in columns_of(staged.table)]
    if _has_open_deals(staged):
        closed = f"{_CLOSED_AT} AS closed_at"
        parts = [closed if part == quoted("closed_at") else part for part in parts]
    parts += [f"{quoted(ATTRIBUTE + name)} AS {quoted(name)}" for name in attributes]
    joined = " LEFT JOIN reading.text_sentiments ON scored_text = text" if scored else ""
    if merged and staged.table in FEATURE_TABLES and staged.table.name != "customers":
        today = "coalesce(known_as, customer_id) AS customer_id"
        parts = [today if part == quoted("customer_id") else part for part in parts] + [f"customer_id AS {WRITTEN_ID}"]
        joined += f" LEFT JOIN {SURVIVORS} ON written = customer_id"
    sql = f"SELECT {', '.join(parts)} FROM {_valid_rows(staged, rules, found, joined)}"
    if VALID_FROM in names:
        order = f"PARTITION BY {quoted(staged.table.key or '')} ORDER BY {VALID_FROM} DESC"
        sql += f" QUALIFY row_number() OVER ({order}) = 1"
    name = quoted(staged.table.name)
    if is_cheap_to_read(staged) or staged.source.in_memory or "converted" in staged.view:
        staged.query(f"CREATE OR REPLACE VIEW {name} AS {sql}")
    else:
        # The raw values are dropped once the cast values are stored.
        staged.query(f"DROP VIEW {name}; CREATE TABLE {name} AS {sql}; DROP TABLE {staged.view}")


def _valid_rows(staged: StagedTable, rules: list[RejectionRule], found: TableProfile, joined: str = "") -> str:
    """Return the SQL of the rows that are not rejected, after FROM."""
    conditions = [f"{first_violation(rules)} IS NULL"] if found.invalid else []
    if found.duplicates:
        same = " AND ".join(f"row.{quoted(each)} IS NOT DISTINCT FROM later.{quoted(each)}" for each in (FILE, LINE))
        conditions.append(f"NOT EXISTS (FROM {_duplicates_table(staged.table)} AS later WHERE {same})")
    return f"{staged.view} AS row{joined}" + (f" WHERE {' AND '.join(conditions)}" if conditions else "")


def _has_open_deals(staged: StagedTable) -> bool:
    """Return whether the outcome of deals is that of their stage, which leaves open deals without one."""
    return staged.table.name == "opportunities" and any(
        each.column.name == "won" and each.format == "outcomes" for each in staged.columns
    )


def _column_sql(column: Column, *, present: bool, scored: bool) -> str:
    if scored and column.name == "sentiment":
        return "COALESCE(sentiment, text_sentiment) AS sentiment" if present else "text_sentiment AS sentiment"
    return quoted(column.name) if present else f"{null_of(column)} AS {quoted(column.name)}"
