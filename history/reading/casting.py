"""SQL expressions that cast the columns of a source to the types of the contract."""

from dataclasses import dataclass
from functools import partial

from rapport.history.contract import SQL_TYPES, Column
from rapport.history.contract.limits import LATEST
from rapport.history.contract.value_synonyms import VALUE_SYNONYMS
from rapport.history.reading.number_forms import NumberForm, number_expression
from rapport.history.reading.text_cleaning import (
    cleaned,
    id_text,
    is_missing,
    is_one_of,
    let,
    stripped,
    without_null_words,
)
from rapport.history.reading.time_forms import TimeForm, time_expression, time_text, unknown_form
from rapport.history.settings import Settings
from rapport.history.sql import literal

_INTEGERS = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
}
FLOATS = {"FLOAT", "DOUBLE"}
_TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
OPEN_ENDS = ("ends_at", "valid_to")
_NO_END = (
    *("unlimited", "indefinite", "open-ended", "open ended", "ongoing", "perpetual", "evergreen", "no end", "never"),
    *("unbefristet", "illimité", "indéterminée", "indefinido", "indeterminato", "onbepaalde tijd"),
    *("长期", "长期有效", "永久", "永久有效", "无限期", "无固定期限", "不定期", "至今"),
)
_CURRENCY = r"[¥￥$€£元]|[A-Za-z]{3}"
YES = (
    *("true", "t", "yes", "y", "1", "on", "won", "closed won", "ja", "oui", "si", "sí", "sim", "x", "✓", "√"),
    *("是", "已", "对", "有", "赢单", "成交", "已成交", "真"),
)
_NO = (
    *("false", "f", "no", "n", "0", "off", "lost", "closed lost", "nein", "non", "não"),
    *("否", "未", "无", "输单", "丢单", "未成交", "假"),
)
# How a stage or a status says that a deal was won or lost; every other stage is that of an open deal.
OUTCOME = r"\bwon\b|\blost\b|closedwon|closedlost|赢单|输单|丢单|成交"
_LOST = (
    r"\blost\b|closedlost|cancel|abandon|disqualif|\bdead\b|verloren|perdu|perdid"
    "|输单|丢单|丢失|失败|未成交|取消|作废|无效"
)
WON = r"\bwon\b|closedwon|赢单|成交|gewonnen|ganad|gagn"


@dataclass(frozen=True)
class SourceColumn:
    """A contract column with the SQL and type of the source's column, and how its values are written.

    ``format`` names a form that needs no parsing, which all values have; else ``form`` says how they are parsed.
    """

    column: Column
    sql: str
    type: str
    format: str = ""
    form: NumberForm | TimeForm | None = None

    @property
    def is_text(self) -> bool:
        """Return whether the values are text, which has to be parsed."""
        return self.type == "VARCHAR"


def cast_expression(source: SourceColumn, settings: Settings) -> str:
    """Return the SQL that casts a column to its contract type; null where a value cannot be read."""
    if source.format == "tidy":
        return source.sql
    kinds = {"id": _id, "time": _time, "number": _number, "flag": _flag, "text": _text}
    return kinds[source.column.kind](source, settings)


def _id(source: SourceColumn, _: Settings) -> str:
    if source.is_text:
        text = let(id_text(source.sql), without_null_words)
        # An id that passed through a tool without nullable integers; version numbers such as 1.10 have other decimals.
        return f"regexp_replace({text}, '^([0-9]+)\\.0+$', '\\1')" if source.format == "floats" else text
    if source.type in FLOATS or source.type.startswith("DECIMAL"):
        whole = f"CAST(try_cast({source.sql} AS HUGEINT) AS VARCHAR)"
        return f"CASE WHEN {source.sql} = trunc({source.sql}) THEN {whole} ELSE CAST({source.sql} AS VARCHAR) END"
    return f"CAST({source.sql} AS VARCHAR)"


def _text(source: SourceColumn, settings: Settings) -> str:
    text = let(cleaned(f"CAST({source.sql} AS VARCHAR)"), partial(without_null_words, text=True))
    column = source.column.name
    known = {**(VALUE_SYNONYMS.get(column, {})), **settings.value_mapping.get(column, {})}
    if not known:
        return text
    cases = " ".join(f"WHEN {literal(own.lower())} THEN {literal(word)}" for own, word in known.items())
    return let(text, lambda name: f"CASE lower({name}) {cases} ELSE {name} END")


def _number(source: SourceColumn, settings: Settings) -> str:
    if source.format == "plain":
        return f"try_cast({source.sql} AS DOUBLE)"
    if source.is_text:
        form = (
            source.form if isinstance(source.form, NumberForm) else NumberForm("," if settings.decimal == "," else ".")
        )
        return number_expression(source.sql, form)
    if source.type in FLOATS:
        # Tools without nullable numbers write NaN for a missing value.
        return f"CASE WHEN isnan({source.sql}) THEN NULL ELSE CAST({source.sql} AS DOUBLE) END"
    return f"try_cast({source.sql} AS DOUBLE)"


def _flag(source: SourceColumn, settings: Settings) -> str:
    if source.type == "BOOLEAN":
        return source.sql
    text = f"lower({cleaned(f'CAST({source.sql} AS VARCHAR)')})"
    own = settings.value_mapping.get(source.column.name, {})
    yes, no = (
        ", ".join(literal(word) for word in (*words, f"{mark}.0", *(key.lower() for key in own if own[key] in words)))
        for words, mark in ((YES, 1), (_NO, 0))
    )
    parts = [f"WHEN {{text}} IN ({yes}) THEN true", f"WHEN {{text}} IN ({no}) THEN false"]
    if source.format == "outcomes":
        parts += [f"WHEN regexp_matches({{text}}, {literal(_LOST)}) THEN false"]
        parts += [f"WHEN regexp_matches({{text}}, {literal(WON)}) THEN true"]
    return let(text, lambda name: f"CASE {' '.join(parts).replace('{text}', name)} END")


def _time(source: SourceColumn, settings: Settings) -> str:
    value = _timestamp(source, settings)
    if source.column.name in OPEN_ENDS:
        # Many systems write 9999-12-31 where there is no end; a day that cannot be read is not one of them.
        unreadable = f"WHEN ({value}) IS NULL AND NOT {has_no_end(source.sql)} THEN NULL " if source.is_text else ""
        return f"CASE WHEN ({value}) < TIMESTAMP '{LATEST}' THEN ({value}) {unreadable}ELSE TIMESTAMP '{LATEST}' END"
    return value


def has_no_end(raw: str) -> str:
    """Return the SQL that tests whether a text says that there is no end: nothing, or a word such as *unlimited*."""
    return f"({is_missing(raw)} OR {is_one_of(f'lower({stripped(raw)})', _NO_END)})"


def _timestamp(source: SourceColumn, settings: Settings) -> str:
    if source.type == "TIMESTAMP":
        return source.sql
    if source.type in _TIMES:
        return f"CAST({source.sql} AS TIMESTAMP)"
    if source.type == "TIMESTAMP WITH TIME ZONE":
        return f"timezone({literal(settings.timezone)}, {source.sql})"
    if source.format == "iso":
        return f"try_cast(trim({source.sql}) AS TIMESTAMP)"
    if source.format == "zoned":
        return f"timezone({literal(settings.timezone)}, try_cast(trim({source.sql}) AS TIMESTAMPTZ))"
    if source.type == "VARCHAR" or is_number(source.type):
        form = source.form if isinstance(source.form, TimeForm) else unknown_form(settings.date_format)
        text = time_text(source.sql, source.type, beyond_ascii=form.found.beyond_ascii)
        return time_expression(text, form, settings.timezone)
    return f"try_cast(CAST({source.sql} AS VARCHAR) AS TIMESTAMP)"


def is_number(kind: str) -> bool:
    """Return whether a type of the database is a number."""
    return kind in _INTEGERS or kind in FLOATS or kind.startswith("DECIMAL")


def currency_expression(source: SourceColumn) -> str:
    """Return the SQL for the currency sign or code beside an amount; null if there is none."""
    return f"nullif(replace(upper(regexp_extract({source.sql}, {literal(_CURRENCY)})), '￥', '¥'), '')"


def null_of(column: Column) -> str:
    """Return a null of the column's type, for a column that the source does not have."""
    return f"CAST(NULL AS {SQL_TYPES[column.kind]})"
