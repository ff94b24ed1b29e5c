"""Laying one table out as the contract wants it: one cheap pass, bad rows aside, a view of the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import duckdb

from history.casting import Complaint, Given, complaints, empty, given_name, quoted, reading
from history.contract import Column, Table, columns_of
from history.errors import TableError
from history.naming import attribute_names, column_names
from history.rejects import FILE, LINE, Reject
from history.settings import Settings
from history.sources import Source
from history.words import KNOWN_WORDS

# A time that stands alone, more than this many years after all others, is a slip of the pen.
LONELY_YEARS = 10
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

Moments = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class Laid:
    """What one table holds after reading: rows kept, columns given, first and last event, rows refused."""

    rows: int
    present: frozenset[str]
    span: Moments
    rejects: tuple[Reject, ...]


@dataclass(frozen=True)
class _Sight:
    """What one pass over a table found: rows, bad rows, first and last times, and columns to be rewritten."""

    rows: int
    bad: int
    spans: Mapping[str, Moments]
    changed: frozenset[str]


@dataclass(frozen=True)
class _Reading:
    """One table while it is being read: ``view`` has every column as given and as read."""

    table: Table
    source: Source
    given: tuple[Given, ...]
    view: str
    connection: duckdb.DuckDBPyConnection

    def rows(self, sql: str) -> list[tuple]:  # type: ignore[type-arg]  # rows of any shape
        """Run a query; a file that breaks in the middle is the user's matter, not ours."""
        try:
            return self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise TableError(f"{self.source.origin}: cannot be read: {str(error).splitlines()[0]}") from error


def lay_empty(table: Table, connection: duckdb.DuckDBPyConnection) -> None:
    """Make an empty table of the contract's columns."""
    columns = ", ".join(f"{empty(column)} AS {quoted(column.name)}" for column in columns_of(table))
    connection.execute(f"CREATE VIEW {quoted(table.name)} AS SELECT {columns} WHERE false")


def lay(table: Table, source: Source, connection: duckdb.DuckDBPyConnection, settings: Settings) -> Laid:
    """Make the table's view (or table, where reading again would cost much) and set its bad rows aside."""
    names = column_names(table, source, settings)
    attributes = attribute_names(table, source, names, settings)
    opened = _open(table, source, names, attributes, connection, settings)
    found = [complaint for each in opened.given for complaint in complaints(each)]
    sight = _look(opened, found)
    late = _lonely(opened, found, sight)
    rejects = list(source.refused)
    if sight.bad or late:
        rejects += _rejected(opened, found + late)
    rejects += _repeated(opened, found + late)
    _refuse_too_many(opened, sight.rows + len(source.refused), rejects, settings)
    _publish(opened, found + late, sight, rejects, attributes)
    span = _look(opened, found + late).spans if rejects else sight.spans
    return Laid(
        sight.rows + len(source.refused) - len(rejects),
        frozenset(names) & {column.name for column in columns_of(table)},
        span.get(table.time, (None, None)),
        tuple(rejects),
    )


def _open(
    table: Table,
    source: Source,
    names: Mapping[str, str],
    attributes: Mapping[str, str],
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
) -> _Reading:
    columns = {column.name: column for column in columns_of(table)}
    given = tuple(Given(columns[name], quoted(own), source.types[own]) for name, own in names.items())
    parts = [f"{each.sql} AS {quoted(given_name(each.column.name))}" for each in given]
    parts += [f"{reading(each, settings)} AS {quoted(each.column.name)}" for each in given]
    parts += [f"{_attribute(own, source)} AS {quoted(ATTRIBUTE + name)}" for name, own in attributes.items()]
    parts += [quoted(FILE), quoted(LINE)]
    view = f"reading.{quoted(table.name)}"
    connection.execute("CREATE SCHEMA IF NOT EXISTS reading")
    connection.execute(f"CREATE VIEW {view} AS SELECT {', '.join(parts)} FROM ({source.sql})")
    return _Reading(table, source, given, view, connection)


def _attribute(own: str, source: Source) -> str:
    kind = source.types[own]
    number = kind in _NUMBERS or kind.startswith("DECIMAL")
    return f"CAST({quoted(own)} AS {'DOUBLE' if number else 'VARCHAR'})"


def _look(opened: _Reading, found: list[Complaint]) -> _Sight:
    """Pass once over the table: count the rows and the bad ones, find first and last times."""
    times = [each.column.name for each in opened.given if each.column.kind == "time"]
    texts = [each.column.name for each in opened.given if _may_stay(each)]
    good = f"FILTER ({_problem(found)} IS NULL)"
    parts = ["count(*)", f"count({_problem(found)})"]
    parts += [f"{end}({quoted(name)}) {good}" for name in times for end in ("min", "max")]
    parts += [
        f"coalesce(bool_or({quoted(name)} IS DISTINCT FROM {quoted(given_name(name))}), false)"
        for name in texts
    ]
    rows, bad, *rest = opened.rows(f"SELECT {', '.join(parts)} FROM {opened.view}")[0]
    spans = {name: (rest[2 * index], rest[2 * index + 1]) for index, name in enumerate(times)}
    changed = frozenset(name for name, differs in zip(texts, rest[2 * len(times) :], strict=True) if differs)
    return _Sight(rows, bad, spans, changed)


def _may_stay(given: Given) -> bool:
    """Tell whether the column can be used as it was given, if its values turn out to be clean."""
    return given.as_text and (given.column.kind == "id" or given.column.name in KNOWN_WORDS)


def _problem(found: list[Complaint]) -> str:
    """Return SQL for the number of the first complaint about a row; null for a good row."""
    cases = " ".join(f"WHEN {complaint.sql} THEN {number}" for number, complaint in enumerate(found))
    return f"CASE {cases} END" if cases else "CAST(NULL AS INTEGER)"


def _lonely(opened: _Reading, found: list[Complaint], sight: _Sight) -> list[Complaint]:
    """Return complaints about times that stand alone far after all others."""
    late = []
    for each in opened.given:
        first, last = sight.spans.get(each.column.name, (None, None))
        if each.column.planned or first is None or last is None or last.year - first.year <= LONELY_YEARS:
            continue
        name = quoted(each.column.name)
        years = opened.rows(
            f"SELECT year({name}), count(*) FROM {opened.view} "
            f"WHERE {_problem(found)} IS NULL AND {name} IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        bound = _end_of_company(years)
        if bound is not None:
            reason = (
                f"{each.column.name} lies more than {LONELY_YEARS} years after all others: is the year right?"
            )
            late.append(Complaint(each.column.name, reason, f"{name} >= TIMESTAMP '{bound}-01-01'"))
    return late


def _end_of_company(years: list[tuple[int, int]]) -> int | None:
    """Return the year that comes after a long silence which the bulk of the rows lies before."""
    half = sum(count for _, count in years) / 2
    before = 0
    for (year, count), (following, _) in pairwise(years):
        before += count
        if before > half and following - year > LONELY_YEARS:
            return following
    return None


def _rejected(opened: _Reading, found: list[Complaint]) -> list[Reject]:
    rows = opened.rows(
        f"SELECT {quoted(FILE)}, {quoted(LINE)}, problem, {_value(found)} "
        f"FROM (SELECT *, {_problem(found)} AS problem FROM {opened.view}) WHERE problem IS NOT NULL"
    )
    return [
        Reject(_short(file), line, found[number].column, found[number].reason, value)
        for file, line, number, value in rows
    ]


def _value(found: list[Complaint]) -> str:
    """Return SQL for the value that the first complaint is about, as it was given."""
    numbers: dict[str, list[int]] = {}
    for number, complaint in enumerate(found):
        numbers.setdefault(complaint.column, []).append(number)
    cases = " ".join(
        f"WHEN problem IN ({', '.join(map(str, those))}) THEN CAST({quoted(given_name(column))} AS VARCHAR)"
        for column, those in numbers.items()
    )
    return f"CASE {cases} END" if cases else "NULL"


def _repeated(opened: _Reading, found: list[Complaint]) -> list[Reject]:
    """Set aside the rows whose key is on an earlier line already."""
    key = opened.table.key
    if key is None:
        return []
    name, good = quoted(key), f"{_problem(found)} IS NULL"
    count, different = opened.rows(
        f"SELECT count(*), count(DISTINCT {name}) FROM {opened.view} WHERE {good}"
    )[0]
    if count == different:
        return []
    order = f"PARTITION BY {name} ORDER BY {quoted(FILE)}, {quoted(LINE)}"
    opened.connection.execute(
        f"CREATE TABLE reading.{quoted(f'{opened.table.name} twice')} AS "
        f"SELECT {quoted(FILE)}, {quoted(LINE)}, {name} AS value "
        f"FROM {opened.view} WHERE {good} QUALIFY row_number() OVER ({order}) > 1"
    )
    rows = opened.rows(f"FROM reading.{quoted(f'{opened.table.name} twice')}")
    reason = f"{key} is there already: the first row is kept."
    return [Reject(_short(file), line, key, reason, value) for file, line, value in rows]


def _refuse_too_many(opened: _Reading, rows: int, rejects: list[Reject], settings: Settings) -> None:
    if not rejects or len(rejects) <= settings.reject_share * rows:
        return
    reasons: dict[str, list[Reject]] = {}
    for reject in rejects:
        reasons.setdefault(reject.reason, []).append(reject)
    most = max(reasons.values(), key=len)
    first = min(most, key=lambda reject: (reject.file or "", reject.line))
    raise TableError(
        f"{opened.source.origin}: {len(rejects)} of {rows} rows cannot be used, more than the "
        f"{settings.reject_share:.0%} that reject_share allows. In {len(most)} of them: {first.reason} "
        f"First: line {first.line}, {first.value!r}."
    )


def _publish(
    opened: _Reading,
    found: list[Complaint],
    sight: _Sight,
    rejects: list[Reject],
    attributes: Mapping[str, str],
) -> None:
    """Make the contract's table: a view where reading again is cheap, else a table."""
    given = {each.column.name: each for each in opened.given}
    parts = [_final(column, given.get(column.name), sight) for column in columns_of(opened.table)]
    parts += [f"{quoted(ATTRIBUTE + name)} AS {quoted(name)}" for name in attributes]
    sql = f"SELECT {', '.join(parts)} FROM {opened.view} AS row"
    conditions = [f"{_problem(found)} IS NULL"] if rejects else []
    if any(reject.reason.endswith("the first row is kept.") for reject in rejects):
        twice = f"reading.{quoted(f'{opened.table.name} twice')}"
        same = " AND ".join(
            f"row.{quoted(each)} IS NOT DISTINCT FROM twice.{quoted(each)}" for each in (FILE, LINE)
        )
        conditions.append(f"NOT EXISTS (FROM {twice} AS twice WHERE {same})")
    if conditions:
        sql += f" WHERE {' AND '.join(conditions)}"
    kind = "VIEW" if opened.source.lasting and not _costly(opened) else "TABLE"
    opened.connection.execute(f"CREATE {kind} {quoted(opened.table.name)} AS {sql}")


def _costly(opened: _Reading) -> bool:
    return any(each.as_text and each.column.kind in ("time", "number") for each in opened.given)


def _final(column: Column, given: Given | None, sight: _Sight) -> str:
    if given is None:
        return f"{empty(column)} AS {quoted(column.name)}"
    if _may_stay(given) and column.name not in sight.changed:
        return f"{quoted(given_name(column.name))} AS {quoted(column.name)}"
    return quoted(column.name)


def _short(file: str | None) -> str | None:
    return None if file is None else file.rsplit("/", 1)[-1]
