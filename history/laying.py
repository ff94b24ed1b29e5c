"""Laying one table out as the contract wants it: one cheap pass, bad rows aside, a view of the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa
from rapport.history.casting import (
    Complaint,
    Given,
    complaints,
    currency,
    empty,
    given_name,
    quoted,
    reading,
)
from rapport.history.contract import TABLES, Column, Table, by_name, columns_of
from rapport.history.looking import (
    Moments,
    Opened,
    Sight,
    bad_rows,
    lonely,
    look,
    problem,
    repeated_rows,
)
from rapport.history.moods import tell_moods
from rapport.history.naming import attribute_names, column_names, plain
from rapport.history.rejects import FILE, LINE, Rejected, table_of
from rapport.history.settings import Settings
from rapport.history.shaping import shape_question, shaped
from rapport.history.sources import Source
from rapport.history.witnesses import possible

from rapport.errors import TableError

_CURRENCY = ("currency", "currency_code", "币种", "货币")
ATTRIBUTE = "attribute "
_NUMBERS = {
    "DOUBLE",
    "FLOAT",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
}


@dataclass(frozen=True)
class Laid:
    """What one table holds after reading: rows kept, columns given, first and last event, rows refused."""

    rows: int
    present: frozenset[str]
    span: Moments
    rejects: pa.Table
    currencies: frozenset[str] = frozenset()


def lay_bare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make every table of the contract, empty."""
    connection.execute("CREATE SCHEMA reading; " + "; ".join(bare(table.name) for table in TABLES))


def bare(name: str) -> str:
    """Return the SQL that makes a table of the contract, empty."""
    table = by_name(name)
    columns = ", ".join(f"{empty(column)} AS {quoted(column.name)}" for column in columns_of(table))
    return f"CREATE OR REPLACE VIEW {quoted(table.name)} AS SELECT {columns} WHERE false"


def lay(
    table: Table, source: Source, connection: duckdb.DuckDBPyConnection, settings: Settings, *, whole: bool = True
) -> Laid:
    """Make the table's view (or table, where reading again would cost much) and set its bad rows aside.

    Of a part of a history (``whole=False``) nothing is said that only all of it can tell: which time is far from all
    others, and whether too many rows are bad.
    """
    names = column_names(table, source, settings)
    attributes = attribute_names(table, source, names, settings)
    source = _loaded(source, [*names.values(), *attributes.values()])
    opened = _open(table, source, names, attributes, connection, settings)
    found = [complaint for each in opened.given for complaint in complaints(each)]
    found = possible(source, opened.given, found, connection, settings)
    sight = look(opened, found)
    late = lonely(opened, found, sight) if whole else []
    if late:
        found += late
        sight = look(opened, found)
    rejects = _set_aside(opened, found, sight)
    rows = sight.rows + len(source.refused)
    if whole:
        _refuse_too_many(source, rows, rejects, settings)
    currencies = _currencies(opened, source.sql)
    told = _tell_moods(opened, settings)
    _publish(opened, found, sight, attributes, told=told)
    present = frozenset({*names, "sentiment"} if told else names) & {column.name for column in columns_of(table)}
    span = sight.spans.get(table.time, (None, None))
    return Laid(rows - rejects.num_rows, present, span, rejects, currencies)


def _loaded(source: Source, wanted: list[str]) -> Source:
    """Bring the wanted columns in, and those that tell the currency."""
    if source.load is None:
        return source
    money = [own for own in source.types if plain(own) in _CURRENCY]
    return replace(source, refused=tuple(source.load(list(dict.fromkeys([*wanted, *money])))))


def _set_aside(opened: Opened, found: list[Complaint], sight: Sight) -> pa.Table:
    parts = [table_of(opened.table.name, opened.source.refused)]
    if sight.bad:
        parts.append(bad_rows(opened, found))
    if sight.repeated:
        parts.append(repeated_rows(opened, found, _twice(opened.table)))
    order = [("file", "ascending"), ("line", "ascending")]
    return pa.concat_tables(parts).sort_by(order) if len(parts) > 1 else parts[0]


def _open(
    table: Table,
    source: Source,
    names: Mapping[str, str],
    attributes: Mapping[str, str],
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
) -> Opened:
    columns = {column.name: column for column in columns_of(table)}
    given = [Given(columns[name], quoted(own), source.types[own]) for name, own in names.items()]
    opened = Opened(table, source, tuple(given), f"({source.sql})", connection)
    question = shape_question(given, source.sql, settings)
    if question is not None:
        given = shaped(given, source.sql, settings, list(opened.ask(question)[0]))
    parts = [f"{each.sql} AS {quoted(given_name(each.column.name))}" for each in given]
    parts += [f"{reading(each, settings)} AS {quoted(each.column.name)}" for each in given]
    parts += [f"{_attribute(own, source)} AS {quoted(ATTRIBUTE + name)}" for name, own in attributes.items()]
    parts += [quoted(FILE), quoted(LINE)]
    view = f"reading.{quoted(table.name)}"
    opened.ask(
        f"CREATE {'VIEW' if _light(opened) else 'TABLE'} {view} AS SELECT {', '.join(parts)} FROM ({source.sql})"
    )
    return replace(opened, given=tuple(given), view=view)


def _currencies(opened: Opened, source: str) -> frozenset[str]:
    """Return the currencies that amounts are in, where they say so beside the number or in a column of their own."""
    told = [currency(each) for each in opened.given if each.column.unit == "money" and each.as_text]
    told += [f"upper(trim({quoted(own)}))" for own in opened.source.types if plain(own) in _CURRENCY]
    if not told:
        return frozenset()
    values = " UNION ".join(f"SELECT DISTINCT {sql} FROM ({source})" for sql in told)
    return frozenset(row[0] for row in opened.ask(f"FROM ({values}) LIMIT 20") if row[0])


def _attribute(own: str, source: Source) -> str:
    kind = source.types[own]
    number = kind in _NUMBERS or kind.startswith("DECIMAL")
    return f"CAST({quoted(own)} AS {'DOUBLE' if number else 'VARCHAR'})"


def _light(opened: Opened) -> bool:
    """Tell whether reading the source again and again costs little: files that stay, with nothing to parse."""
    parsed = any(each.as_text and each.column.kind in ("time", "number") for each in opened.given)
    return opened.source.lasting and not parsed


def _twice(table: Table) -> str:
    return f"reading.{quoted(f'{table.name} twice')}"


def _refuse_too_many(source: Source, rows: int, rejects: pa.Table, settings: Settings) -> None:
    bad = rejects.num_rows
    if bad <= settings.reject_share * rows:
        return
    _, reason, count, line, value = Rejected({}, rejects).summary()[0]
    raise TableError(
        f"{source.origin}: {bad} of {rows} rows cannot be used, more than the {settings.reject_share:.0%} that "
        f"reject_share allows. In {count} of them: {reason} First: line {line}, {value!r}."
    )


def _tell_moods(opened: Opened, settings: Settings) -> bool:
    """Tell the mood of the texts that have none, where the settings ask for it; return whether that was so."""
    given = {each.column.name for each in opened.given}
    if opened.table.name != "interactions" or settings.sentiment != "text" or "text" not in given:
        return False
    unsaid = " AND sentiment IS NULL" if "sentiment" in given else ""
    tell_moods(opened.connection, f"SELECT DISTINCT text FROM {opened.view} WHERE text IS NOT NULL{unsaid}")
    return True


def _publish(
    opened: Opened, found: list[Complaint], sight: Sight, attributes: Mapping[str, str], *, told: bool
) -> None:
    """Make the contract's table of what was read and is good, with the moods that were told from texts."""
    names = {each.column.name for each in opened.given}
    parts = [_final(column, given=column.name in names, told=told) for column in columns_of(opened.table)]
    parts += [f"{quoted(ATTRIBUTE + name)} AS {quoted(name)}" for name in attributes]
    sql = f"SELECT {', '.join(parts)} FROM {opened.view} AS row"
    sql += " LEFT JOIN reading.moods ON said = text" if told else ""
    conditions = [f"{problem(found)} IS NULL"] if sight.bad else []
    if sight.repeated:
        same = " AND ".join(f"row.{quoted(each)} IS NOT DISTINCT FROM twice.{quoted(each)}" for each in (FILE, LINE))
        conditions.append(f"NOT EXISTS (FROM {_twice(opened.table)} AS twice WHERE {same})")
    sql += f" WHERE {' AND '.join(conditions)}" if conditions else ""
    name = quoted(opened.table.name)
    if _light(opened) or opened.source.memory:
        opened.ask(f"CREATE OR REPLACE VIEW {name} AS {sql}")
    else:
        # What was given as text is not kept beside what was read from it.
        opened.ask(f"DROP VIEW {name}; CREATE TABLE {name} AS {sql}; DROP TABLE {opened.view}")


def _final(column: Column, *, given: bool, told: bool) -> str:
    if told and column.name == "sentiment":
        return "COALESCE(sentiment, mood) AS sentiment" if given else "mood AS sentiment"
    return quoted(column.name) if given else f"{empty(column)} AS {quoted(column.name)}"
