"""Similarity of a company's tables and columns to those of the contract, by name and by values."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import duckdb

from rapport.history.contract import RECORDED_AT, Column, Table, columns_of
from rapport.history.reading.casting import OPEN_ENDS, SourceColumn, cast_expression, has_no_end
from rapport.history.reading.database import Database
from rapport.history.reading.table_names import names_of, normalized_name
from rapport.history.reading.value_formats import with_formats
from rapport.history.reading.versions import VERSION_COLUMNS
from rapport.history.settings import Settings
from rapport.history.sources.memory import unload
from rapport.history.sources.source import Source
from rapport.history.sql import literal, quoted
from rapport.localized import LocalizedText
from rapport.shipped_yaml import read_shipped

# Scores of a name: equal, a known synonym, one that contains the words of a synonym; of a table, similar spelling.
EQUAL, SYNONYM, CONTAINED, SIMILAR = 1.0, 0.9, 0.6, 0.5
SAMPLE_ROWS = 20_000
_COLUMNS_AT_ONCE = 64
# A column has a type if at least this share of its values can be read as the type.
MIN_READABLE = 0.8


@dataclass(frozen=True)
class ColumnFormats:
    """For each source column: the share of values readable in each format, of rows with a value, of distinct values."""

    readable: Mapping[tuple[str, str], float]
    filled: Mapping[str, float]
    distinct: Mapping[str, float]


@cache
def synonyms() -> dict[str, dict[str, list[str]]]:
    """Return the names that other systems use."""
    text = files("rapport.history.mapping").joinpath("synonyms.yaml").read_text(encoding="utf-8")
    read: dict[str, dict[str, list[str]]] = read_shipped(text)
    return read


@lru_cache(maxsize=10_000)
def table_similarity(table: Table, own: str) -> float:
    """Return the similarity of a source table's name to a contract table.

    Words such as ``export`` around a known name change nothing; a word such as ``tag`` makes it another thing.
    """
    bare = normalized_name(own.rsplit(".", 1)[-1])
    known = [table.name, *synonyms()["tables"].get(table.name, [])]
    if _plural(bare) == table.name:
        return EQUAL
    similarity = _name_similarity(bare, table.name, [*known, *map(_plural, known)])
    if similarity == SYNONYM:
        return similarity
    if similarity == 0:
        return SIMILAR if any(difflib.SequenceMatcher(None, bare, each).ratio() >= 0.85 for each in known) else 0.0
    beside = min((_other_words(bare, name) for name in known if _contains(bare, name)), key=len)
    if beside & {*synonyms()["words"]["other_things"]}:
        return 0.0
    return CONTAINED if beside - {*synonyms()["words"]["decoration"]} else SYNONYM


def _plural(name: str) -> str:
    return name if name.endswith("s") else f"{name.removesuffix('y')}ies" if name.endswith("y") else f"{name}s"


def _other_words(own: str, name: str) -> set[str]:
    """Return the words of a name without those of the name that it contains, and without numbers."""
    rest = (
        own.replace(name, "_", 1) if _is_chinese(name) else re.sub(rf"(^|_){re.escape(name)}(_|$)", "_", own, count=1)
    )
    parts = {each for word in rest.split("_") for each in _chinese_words(word)}
    return {each for each in parts if each and not each.isdigit()}


def _chinese_words(word: str) -> set[str]:
    """Return the word, or of Chinese the known other thing that it contains."""
    return {each for each in synonyms()["words"]["other_things"] if _is_chinese(each) and each in word} or {word}


def column_similarity(table: Table, column: Column, own: str) -> float:
    """Return the similarity of a source column's name to a contract column; a key is no key of another thing."""
    known = synonyms()["columns"]
    special, usual = known.get(f"{table.name}.{column.name}", []), known.get(column.name, [])
    all_known = [column.name, *special, *usual]
    similarity = max(_name_similarity(each, column.name, all_known) for each in names_of(own))
    if similarity != CONTAINED:
        return similarity
    words, parts = synonyms()["words"], {*normalized_name(own).split("_")}
    if parts & {*words["other_columns"]} or (column.kind == "id" and not _is_key(own, all_known)):
        return 0.0
    other_step = column.kind == "time" and parts & {*words["other_steps"]}
    return 0.0 if other_step and not _specific_names(own, all_known) else similarity


def _specific_names(own: str, known: Sequence[str]) -> list[str]:
    """Return the known names that a longer name contains, without those that columns of every kind have."""
    generic = {*synonyms()["words"]["generic"]}
    return [each for each in known if each not in generic and _contains(normalized_name(own), each)]


def _is_key(own: str, known: Sequence[str]) -> bool:
    """Return whether a longer name names the same key: it ends as keys do, and has no word of another thing."""
    bare = normalized_name(own).strip("_")
    if _is_chinese(bare):
        return True
    words, parts = synonyms()["words"], bare.split("_")
    named = _specific_names(own, known)
    ends = parts[-1] in words["key"] or any(bare.endswith(each) for each in named)
    return bool(named) and ends and not {*parts} & {*words["other_keys"]}


def is_generic(own: str) -> bool:
    """Return whether columns of every kind of table have this name."""
    return bool(names_of(own) & {*synonyms()["words"]["generic"]})


def accepts(column: Column, own: str, formats: ColumnFormats) -> bool:
    """Return whether the contract column accepts the values of a source column."""
    if formats.filled[own] == 0:
        return not column.required
    if column.required and formats.filled[own] < MIN_READABLE:
        return False
    if column.name in OPEN_ENDS and formats.readable[own, "time"] > 0:
        return formats.readable[own, "time"] + formats.readable[own, _NO_END] >= MIN_READABLE
    return formats.readable[own, column.kind] >= MIN_READABLE


def detect_formats(source: Source, connection: duckdb.DuckDBPyConnection) -> ColumnFormats:
    """Detect the formats in a sample of rows."""
    found = _sampled_shares(source, connection)
    filled, distinct, readable = {}, {}, {}
    for own in source.types:
        filled[own], distinct[own], spreadsheet_day, readable[own, _NO_END], *forms = found[own]
        readable.update({(own, form): share for (form, _, _), share in zip(_FORMS, forms, strict=True)})
        # Days of a spreadsheet are numbers too: only the name of their column says that they are times.
        readable[own, "time"] = max(spreadsheet_day, *(readable[own, form] for form in DATE_FORMATS))
        readable[own, "number"] = max(readable[own, "number"], readable[own, _COMMA])
    return ColumnFormats(readable, filled, distinct)


DATE_FORMATS = ("day_first", "month_first", "iso")
# From 1982 to 2036.
_SPREADSHEET_DAY = r"[34]\d{4}(\.\d+)?"
_COMMA, _NO_END = "number with a decimal comma", "word for no end"
_FORMS = (
    (_COMMA, Column("any", "number", LocalizedText("", "")), Settings(decimal=",")),
    *((dates, RECORDED_AT, Settings.of({"date_format": dates})) for dates in DATE_FORMATS),
    *((kind, Column("any", kind, LocalizedText("", "")), Settings()) for kind in ("id", "number", "flag", "text")),
)


def _sampled_shares(source: Source, connection: duckdb.DuckDBPyConnection) -> dict[str, list[float]]:
    """Return for each column the shares of rows with a value, of distinct values, and of those in each format.

    The columns stand below each other, so that the formats are compiled once and not for each of a hundred columns.
    """
    with loaded_rows(source, connection, list(source.types)) as rows:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE sampled_values AS SELECT * FROM {rows} "
            f"USING SAMPLE reservoir({SAMPLE_ROWS} ROWS) REPEATABLE (1)"
        )
    found = dict.fromkeys(source.types, [0.0] * (4 + len(_FORMS)))
    by_kind: dict[str, list[str]] = {}
    for own, kind in source.types.items():
        by_kind.setdefault(kind, []).append(own)
    for kind, names in by_kind.items():
        for start in range(0, len(names), _COLUMNS_AT_ONCE):
            sql = _shares_sql(names[start : start + _COLUMNS_AT_ONCE], kind)
            for own, *shares in connection.execute(sql).fetchall():
                found[own] = [float(each or 0) for each in shares]
    connection.execute("DROP TABLE sampled_values")
    return found


def _shares_sql(names: Sequence[str], kind: str) -> str:
    filled = "nullif(trim(CAST(value AS VARCHAR)), '')"
    forms = [cast_expression(SourceColumn(column, "value", kind), settings) for _, column, settings in _FORMS]
    fits = [f"regexp_full_match({filled}, '{_SPREADSHEET_DAY}')", f"{filled} IS NOT NULL AND {has_no_end(filled)}"]
    fits += [*(f"({form}) IS NOT NULL" for form in forms)]
    return f"""
        WITH below AS (
            SELECT unnest([{", ".join(map(literal, names))}]) AS own, unnest([{", ".join(map(quoted, names))}]) AS value
            FROM sampled_values
        ), grouped AS (SELECT own, value, {filled} AS filled, count(*) AS times FROM below GROUP BY ALL)
        SELECT own, sum(times) FILTER (filled IS NOT NULL) / sum(times),
            count(DISTINCT filled) / sum(times) FILTER (filled IS NOT NULL),
            {", ".join(f"sum(times) FILTER ({fit}) / sum(times) FILTER (filled IS NOT NULL)" for fit in fits)}
        FROM grouped GROUP BY own"""


def written_forms(
    table: Table, source: Source, names: Mapping[str, str], database: Database, settings: Settings
) -> list[SourceColumn]:
    """Return the matched columns with the forms that all of their values have; of a database the first rows."""
    by_name = {column.name: column for column in (*columns_of(table), *VERSION_COLUMNS.values())}
    columns = [SourceColumn(by_name[name], quoted(own), source.types[own]) for name, own in names.items()]
    columns = [each for each in columns if each.column.kind in ("time", "number")]
    with loaded_rows(source, database.connection, list(names.values())) as rows:
        return with_formats(
            columns, f"FROM {rows}", lambda sql: database.connection.execute(sql).fetchall(), settings, source.separator
        )


@contextmanager
def loaded_rows(source: Source, connection: duckdb.DuckDBPyConnection, wanted: list[str]) -> Iterator[str]:
    """Yield the SQL of the rows to look at; loaded ones are dropped afterwards."""
    if source.peek is not None:
        connection.register("sampled_rows", source.peek(SAMPLE_ROWS))
        yield "sampled_rows"
        return
    if source.load is not None:
        source.load(wanted)
    yield f"({source.sql})"
    if source.load is not None:
        unload(source, connection)


def _name_similarity(own: str, name: str, known: list[str]) -> float:
    if own == name:
        return EQUAL
    if own in known:
        return SYNONYM
    return CONTAINED if any(_contains(own, word) for word in (name, *known)) else 0.0


def _contains(own: str, word: str) -> bool:
    """Return whether a name contains the words of another; Chinese has no spaces between words."""
    if _is_chinese(word):
        return len(word) > 1 and word in own
    parts = own.split("_")
    wanted = word.split("_")
    return any(parts[start : start + len(wanted)] == wanted for start in range(len(parts) - len(wanted) + 1))


def _is_chinese(text: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", text) is not None
