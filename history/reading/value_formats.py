"""Detection of how a column is written, from all of its values: a column is read in one form, not value by value."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rapport.history.contract.value_synonyms import VALUE_SYNONYMS
from rapport.history.reading.casting import OUTCOME, SourceColumn, cast_expression, is_number
from rapport.history.reading.number_forms import DecimalEvidence, NumberForm, choose_decimal
from rapport.history.reading.number_forms import evidence_query as number_query
from rapport.history.reading.text_cleaning import cleaned, is_plain_id, is_untidy_id, is_untidy_text
from rapport.history.reading.time_forms import TimeEvidence, TimeForm, choose_order
from rapport.history.reading.time_forms import evidence_query as time_query
from rapport.history.settings import Settings
from rapport.history.sql import literal

_CLOCK = r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_ISO = rf"\s*\d{{4}}-\d{{1,2}}-\d{{1,2}}([T ]{_CLOCK})?\s*|\s*"
_ZONED = rf"\s*\d{{4}}-\d{{1,2}}-\d{{1,2}}[T ]{_CLOCK}(Z|[+-]\d{{2}}(:?\d{{2}})?)\s*|\s*"

Query = Callable[[str], list[Any]]


def with_formats(
    columns: Sequence[SourceColumn], source: str, query: Query, settings: Settings, separator: str = ""
) -> list[SourceColumn]:
    """Return the columns of a source (an SQL query) with their formats, and with forms where values need parsing."""
    tests = {column: _tests(column, source, settings) for column in columns}
    parts = [sql for each in tests.values() for _, sql in each]
    # The count makes one row of any source, also of an empty one.
    results = iter(query(f"SELECT {', '.join(parts)}, count(*) FROM ({source})")[0] if parts else ())
    known = []
    for column, each in tests.items():
        matching = [form for form, _ in each if next(results)]
        known.append(replace(column, format=matching[0]) if matching else column)
    known = [_with_id_format(each, source, query) for each in known]
    return _with_time_forms(_with_number_forms(known, source, query, settings, separator), source, query, settings)


def _tests(column: SourceColumn, source: str, settings: Settings) -> list[tuple[str, str]]:
    """Return the formats that the column may have, each with the SQL that tests whether all values have it."""
    if not column.is_text:
        return []
    sql = column.sql
    match column.column.kind:
        case "time":
            forms = (("iso", _ISO), ("zoned", _ZONED))
            return [(form, f"bool_and(regexp_full_match({sql}, {literal(regex)}))") for form, regex in forms]
        case "number":
            return [("plain", _is_plain(sql))] if settings.decimal != "," else []
        case "id":
            # Customers repeat in most tables, so that each id is tested once.
            unique = "DISTINCT" if column.column.name == "customer_id" else ""
            rows = f"(SELECT {unique} {sql} AS written FROM ({source}))"
            return [("tidy", f"(SELECT coalesce(bool_and({is_plain_id('written')}), true) FROM {rows})")]
        case "flag":
            return [("outcomes", f"bool_or(regexp_matches(lower({sql}), {literal(OUTCOME)}))")]
        case _:
            return _text_tests(column, source, settings)


def _with_id_format(column: SourceColumn, source: str, query: Query) -> SourceColumn:
    """Return the column with the format of its ids, if they are not plain: tidy, or whole numbers with a .0."""
    if column.column.kind != "id" or not column.is_text or column.format:
        return column
    sql = "written"
    whole = rf"regexp_full_match({cleaned(sql)}, '[0-9]+(\.0+)?')"
    tests = (
        f"coalesce(bool_or({is_untidy_id(sql)}), false), coalesce(bool_and(NOT contains({sql}, '.') OR {whole}), true)"
    )
    untidy, floats = query(f"SELECT {tests} FROM (SELECT DISTINCT {column.sql} AS written FROM ({source}))")[0]
    return replace(column, format="tidy" if not untidy else "floats" if floats else "")


def _is_plain(sql: str) -> str:
    """Return the SQL that tests whether all values are numbers of SQL, and some value has a sure decimal point."""
    number = f"try_cast({sql} AS DOUBLE)"
    # 4.400 may be four thousand and four hundred; 4.4, 0.400 and 4.4000 may not.
    dotted = f"contains({sql}, '.')"
    sure = f"({dotted} AND substr({sql}, -4, 1) <> '.')"
    unsure = f"coalesce(bool_or({dotted}), false) AND NOT coalesce(bool_or({sure}), false)"
    return f"count({sql}) = count({number}) AND NOT ({unsure})"


def _text_tests(column: SourceColumn, source: str, settings: Settings) -> list[tuple[str, str]]:
    if column.column.name not in VALUE_SYNONYMS and column.column.name not in settings.value_mapping:
        return [("tidy", f"NOT coalesce(bool_or({is_untidy_text(column.sql)}), false)")]
    values = f"SELECT DISTINCT {column.sql} FROM ({source})"
    same = f"bool_and({column.sql} IS NOT DISTINCT FROM {cast_expression(column, settings)})"
    return [("tidy", f"(SELECT coalesce({same}, true) FROM ({values}))")]


def _with_number_forms(
    columns: Sequence[SourceColumn], source: str, query: Query, settings: Settings, separator: str
) -> list[SourceColumn]:
    """Return the columns with the decimal marks of those whose numbers are not plain."""
    parsed = [each for each in columns if each.column.kind == "number" and each.is_text and each.format != "plain"]
    found = {each.column.name: DecimalEvidence(*query(number_query(each.sql, source))[0]) for each in parsed}
    forms = {}
    for name, own in found.items():
        others = [each for other, each in found.items() if other != name]
        pooled = DecimalEvidence(any(each.point for each in others), any(each.comma for each in others))
        forms[name] = NumberForm(choose_decimal(own, pooled, settings.decimal, separator), not own.beyond_ascii)
    return [replace(each, form=forms.get(each.column.name, each.form)) for each in columns]


def _with_time_forms(
    columns: Sequence[SourceColumn], source: str, query: Query, settings: Settings
) -> list[SourceColumn]:
    """Return the columns with the forms of those whose times are not ISO 8601."""
    parsed = [each for each in columns if _is_parsed_time(each)]
    found = {each.column.name: TimeEvidence(*query(time_query(each.sql, each.type, source))[0]) for each in parsed}
    forms = {}
    for name, own in found.items():
        others = [each for other, each in found.items() if other != name]
        forms[name] = TimeForm(choose_order(own, others, settings.date_format), own)
    return [replace(each, form=forms.get(each.column.name, each.form)) for each in columns]


def _is_parsed_time(column: SourceColumn) -> bool:
    parsed = column.is_text or is_number(column.type)
    return column.column.kind == "time" and parsed and column.format not in ("iso", "zoned")
