"""The shape of a column's values: what is tidy already, or always written alike, need not be parsed."""

from dataclasses import replace

from rapport.history.casting import Given, literal, reading
from rapport.history.settings import Settings
from rapport.history.value_words import KNOWN_WORDS

_CLOCK = r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_ISO = rf"\s*\d{{4}}-\d{{1,2}}-\d{{1,2}}([T ]{_CLOCK})?\s*|\s*"
_ZONED = rf"\s*\d{{4}}-\d{{1,2}}-\d{{1,2}}[T ]{_CLOCK}(Z|[+-]\d{{2}}(:?\d{{2}})?)\s*|\s*"


def shape_question(given: list[Given], source: str, settings: Settings) -> str | None:
    """Return one query that asks for the shape of every column where it matters; None if of none."""
    parts = [sql for each in given for _, sql in _tests(each, source, settings)]
    return f"SELECT {', '.join(parts)} FROM ({source})" if parts else None


def shaped(given: list[Given], source: str, settings: Settings, answers: list[bool | None]) -> list[Given]:
    """Return the columns with their shapes, from the answers to the question."""
    replies = iter(answers)
    known = []
    for each in given:
        held = [shape for shape, _ in _tests(each, source, settings) if next(replies)]
        known.append(replace(each, shape=held[0]) if held else each)
    return known


def _tests(given: Given, source: str, settings: Settings) -> list[tuple[str, str]]:
    """Return shapes that the column may have, each with the SQL that tells whether all its values do."""
    if not given.as_text:
        return []
    if given.column.kind == "time":
        shapes = (("iso", _ISO), ("zoned", _ZONED))
        return [(shape, f"bool_and(regexp_full_match({given.sql}, {literal(form)}))") for shape, form in shapes]
    if given.column.kind == "id":
        # All blanks and control signs sort before the exclamation mark.
        return [("tidy", f"NOT coalesce(bool_or({given.sql} < '!' OR ends_with({given.sql}, ' ')), false)")]
    if given.column.name in KNOWN_WORDS or given.column.name in settings.words:
        values = f"SELECT DISTINCT {given.sql} FROM ({source})"
        same = f"bool_and({given.sql} IS NOT DISTINCT FROM {reading(given, settings)})"
        return [("tidy", f"(SELECT coalesce({same}, true) FROM ({values}))")]
    return []
