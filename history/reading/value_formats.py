"""Detection of the format of a text column: values in one known format need no general parsing."""

from dataclasses import replace

from rapport.history.contract.value_synonyms import VALUE_SYNONYMS
from rapport.history.reading.casting import SourceColumn, cast_expression
from rapport.history.settings import Settings
from rapport.history.sql import literal

_CLOCK = r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_ISO = rf"\s*\d{{4}}-\d{{1,2}}-\d{{1,2}}([T ]{_CLOCK})?\s*|\s*"
_ZONED = rf"\s*\d{{4}}-\d{{1,2}}-\d{{1,2}}[T ]{_CLOCK}(Z|[+-]\d{{2}}(:?\d{{2}})?)\s*|\s*"


def format_query(columns: list[SourceColumn], source: str, settings: Settings) -> str | None:
    """Return one query that tests the formats of all columns; None if no column needs a test."""
    parts = [sql for column in columns for _, sql in _tests(column, source, settings)]
    return f"SELECT {', '.join(parts)} FROM ({source})" if parts else None


def with_formats(
    columns: list[SourceColumn], source: str, settings: Settings, results: list[bool | None]
) -> list[SourceColumn]:
    """Return the columns with their formats, from the results of the query."""
    remaining = iter(results)
    known = []
    for column in columns:
        matching = [form for form, _ in _tests(column, source, settings) if next(remaining)]
        known.append(replace(column, format=matching[0]) if matching else column)
    return known


def _tests(column: SourceColumn, source: str, settings: Settings) -> list[tuple[str, str]]:
    """Return the formats that the column may have, each with the SQL that tests whether all values have it."""
    if not column.is_text:
        return []
    if column.column.kind == "time":
        forms = (("iso", _ISO), ("zoned", _ZONED))
        return [(form, f"bool_and(regexp_full_match({column.sql}, {literal(regex)}))") for form, regex in forms]
    if column.column.kind == "id":
        # All blanks and control characters sort before the exclamation mark.
        return [("tidy", f"NOT coalesce(bool_or({column.sql} < '!' OR ends_with({column.sql}, ' ')), false)")]
    if column.column.name in VALUE_SYNONYMS or column.column.name in settings.value_mapping:
        values = f"SELECT DISTINCT {column.sql} FROM ({source})"
        same = f"bool_and({column.sql} IS NOT DISTINCT FROM {cast_expression(column, settings)})"
        return [("tidy", f"(SELECT coalesce({same}, true) FROM ({values}))")]
    return []
