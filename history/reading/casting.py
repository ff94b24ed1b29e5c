"""SQL expressions that cast the columns of a source to the types of the contract."""

from dataclasses import dataclass

from rapport.history.contract import SQL_TYPES, Column
from rapport.history.contract.limits import LATEST
from rapport.history.contract.value_synonyms import VALUE_SYNONYMS
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
_HAS_ZONE = r"\d{1,2}:\d{2}.*(Z|z|[+-]\d{2}(:?\d{2})?| [A-Za-z]+(/[A-Za-z_]+)?)$"
_UNAMBIGUOUS_FORMATS = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y年%m月%d日", "%Y%m%d", "%Y%m%d%H%M%S")
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
_UNIT = r"[¥￥$€£元]|[A-Za-z]{3}"
_GROUPED = rf"({_UNIT})?\s*[+-]?(\d{{1,3}}(,\d{{3}})+|\d+)(\.\d+)?\s*({_UNIT})?"
_YES = ("true", "t", "yes", "y", "1", "won", "是", "已", "对", "有", "赢单")
_NO = ("false", "f", "no", "n", "0", "lost", "否", "未", "无", "输单")


@dataclass(frozen=True)
class SourceColumn:
    """A contract column with the SQL and type of the source's column, and the format of its values if it is known."""

    column: Column
    sql: str
    type: str
    format: str = ""

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
        return f"nullif(trim({source.sql}), '')"
    if source.type in FLOATS or source.type.startswith("DECIMAL"):
        # An integer id that passed through a tool without nullable integers.
        whole = f"CAST(try_cast({source.sql} AS HUGEINT) AS VARCHAR)"
        return f"CASE WHEN {source.sql} = trunc({source.sql}) THEN {whole} ELSE CAST({source.sql} AS VARCHAR) END"
    return f"CAST({source.sql} AS VARCHAR)"


def _text(source: SourceColumn, settings: Settings) -> str:
    text = f"nullif(trim(CAST({source.sql} AS VARCHAR)), '')"
    column = source.column.name
    known = {**(VALUE_SYNONYMS.get(column, {})), **settings.value_mapping.get(column, {})}
    if not known:
        return text
    cases = " ".join(f"WHEN {literal(own.lower())} THEN {literal(word)}" for own, word in known.items())
    return f"CASE lower({text}) {cases} ELSE {text} END"


def _number(source: SourceColumn, _: Settings) -> str:
    if source.is_text:
        trimmed = f"trim({source.sql})"
        bare = f"regexp_replace({trimmed}, '[^0-9.+-]', '', 'g')"
        grouped = f"regexp_full_match({trimmed}, {literal(_GROUPED)})"
        by_parts = f"CASE WHEN {grouped} THEN try_cast({bare} AS DOUBLE) END"
        return f"coalesce(try_cast({trimmed} AS DOUBLE), {by_parts})"
    if source.type in FLOATS:
        # Tools without nullable numbers write NaN for a missing value.
        return f"CASE WHEN isnan({source.sql}) THEN NULL ELSE CAST({source.sql} AS DOUBLE) END"
    return f"try_cast({source.sql} AS DOUBLE)"


def _flag(source: SourceColumn, _: Settings) -> str:
    if source.type == "BOOLEAN":
        return source.sql
    lowered = f"lower(trim(CAST({source.sql} AS VARCHAR)))"
    yes, no = (", ".join(literal(word) for word in (*words, f"{mark}.0")) for words, mark in ((_YES, 1), (_NO, 0)))
    return f"CASE WHEN {lowered} IN ({yes}) THEN true WHEN {lowered} IN ({no}) THEN false END"


def _time(source: SourceColumn, settings: Settings) -> str:
    value = _timestamp(source, settings)
    if source.column.name == "ends_at":
        # Many systems write 9999-12-31 for a contract without an end.
        return f"CASE WHEN ({value}) < TIMESTAMP '{LATEST}' THEN ({value}) ELSE TIMESTAMP '{LATEST}' END"
    return value


def _timestamp(source: SourceColumn, settings: Settings) -> str:
    if source.type == "TIMESTAMP":
        return source.sql
    if source.type in _TIMES:
        return f"CAST({source.sql} AS TIMESTAMP)"
    if source.type == "TIMESTAMP WITH TIME ZONE":
        return f"timezone({literal(settings.timezone)}, {source.sql})"
    if source.is_text:
        return _parsed_time(f"trim({source.sql})", source.format, settings)
    if source.type in _INTEGERS:
        text = f"CAST({source.sql} AS VARCHAR)"
        return f"coalesce({_epoch_time(text, settings)}, try_strptime({text}, '%Y%m%d'))"
    return f"try_cast(CAST({source.sql} AS VARCHAR) AS TIMESTAMP)"


def _epoch_time(text: str, settings: Settings) -> str:
    """Read seconds (10 digits) or milliseconds (13 digits) since 1970."""
    number = f"CASE WHEN regexp_full_match({text}, '\\d+') THEN try_cast({text} AS DOUBLE) END"
    seconds = f"CASE length({text}) WHEN 10 THEN {number} WHEN 13 THEN {number} / 1e3 END"
    return f"timezone({literal(settings.timezone)}, to_timestamp({seconds}))"


def _parsed_time(text: str, form: str, settings: Settings) -> str:
    """Parse a time from text: ISO 8601 first, the most frequent and fastest format."""
    if form == "iso":
        return f"try_cast({text} AS TIMESTAMP)"
    zoned = f"timezone({literal(settings.timezone)}, try_cast({text} AS TIMESTAMPTZ))"
    if form == "zoned":
        return zoned
    has_zone = f"regexp_matches({text}, {literal(_HAS_ZONE)})"
    iso = f"CASE WHEN {has_zone} THEN {zoned} ELSE try_cast({text} AS TIMESTAMP) END"
    return f"coalesce({iso}, {_other_date_formats(text, settings)})"


def _other_date_formats(text: str, settings: Settings) -> str:
    plain = f"try_strptime({text}, {_list(_UNAMBIGUOUS_FORMATS)})"
    day, month = (_list([f"{days}{clock}" for clock in _CLOCKS]) for days in ("%d/%m/%Y", "%m/%d/%Y"))
    slashed = f"replace({text}, '-', '/')"
    by_day, by_month = f"try_strptime({slashed}, {day})", f"try_strptime({slashed}, {month})"
    if settings.date_format == "iso":
        # 31/01/2026 is a date only with the day first; a date that is valid both ways is ambiguous.
        unambiguous = f"{by_day} IS NULL OR {by_month} IS NULL OR {by_day} = {by_month}"
        only = f"CASE WHEN {unambiguous} THEN coalesce({by_day}, {by_month}) END"
        return f"coalesce({plain}, {only}, {_epoch_time(text, settings)})"
    chosen = by_day if settings.date_format == "day_first" else by_month
    return f"coalesce({plain}, {chosen}, {_epoch_time(text, settings)})"


def _list(formats: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(literal(each) for each in formats) + "]"


def currency_expression(source: SourceColumn) -> str:
    """Return the SQL for the currency sign or code beside an amount; null if there is none."""
    return f"nullif(replace(upper(regexp_extract({source.sql}, {literal(_UNIT)})), '￥', '¥'), '')"


def null_of(column: Column) -> str:
    """Return a null of the column's type, for a column that the source does not have."""
    return f"CAST(NULL AS {SQL_TYPES[column.kind]})"
