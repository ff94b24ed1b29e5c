"""How a column, as given, becomes the contract's kind: SQL expressions, and what can be wrong with it."""

from dataclasses import dataclass

from rapport.history.contract import SQL_TYPES, Column
from rapport.history.settings import Settings
from rapport.history.value_words import KNOWN_WORDS

EARLIEST, LATEST = "1901-01-01", "2200-01-01"
LARGEST = 1e15

_WHOLE = {
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
_BROKEN = {"FLOAT", "DOUBLE"}
_TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
_HAS_ZONE = r"\d{1,2}:\d{2}.*(Z|z|[+-]\d{2}(:?\d{2})?| [A-Za-z]+(/[A-Za-z_]+)?)$"
_PLAIN_FORMATS = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y年%m月%d日", "%Y%m%d", "%Y%m%d%H%M%S")
_SLASHED = r"\d{1,2}[/-]\d{1,2}[/-]\d{4}( .*)?"
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
_UNIT = r"[¥￥$€£元]|[A-Za-z]{3}"
_GROUPED = rf"({_UNIT})?\s*[+-]?(\d{{1,3}}(,\d{{3}})+|\d+)(\.\d+)?\s*({_UNIT})?"
_YES = ("true", "t", "yes", "y", "1", "won", "是", "已", "对", "有", "赢单")
_NO = ("false", "f", "no", "n", "0", "lost", "否", "未", "无", "输单")

NOT_A_TIME = "is not a time: write it like 2026-01-31 or 2026-01-31T14:05:00Z."
TWO_WAYS = 'can be read as two days: set dates = "day_first" or "month_first" in rapport.toml.'
TOO_EARLY = "lies before 1901: leave it empty where it is not known."
TOO_LATE = "lies beyond the year 2200: leave it empty where it is not known."
NOT_A_NUMBER = "is not a number: write it like 1234.50."
NOT_FINITE = "is not a possible number: it is infinite, not a number, or beyond 10^15."
NOT_A_FLAG = "is neither yes nor no: write true or false."


@dataclass(frozen=True)
class Given:
    """A contract column with the SQL of what was given for it, its type, and how its times are written."""

    column: Column
    sql: str
    type: str
    shape: str = ""

    @property
    def as_text(self) -> bool:
        """Tell whether it came as text, and so has to be read rather than cast."""
        return self.type == "VARCHAR"


@dataclass(frozen=True)
class Complaint:
    """A condition that makes a row bad, over the views of given and read columns."""

    column: str
    reason: str
    sql: str


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def given_name(column: str) -> str:
    """Name the column that holds a value as it was given."""
    return f"given {column}"


def reading(given: Given, settings: Settings) -> str:
    """Return the SQL that reads a given column as its kind; what cannot be read is null."""
    if given.shape == "tidy":
        return given.sql
    kinds = {"id": _id, "time": _time, "number": _number, "flag": _flag, "text": _text}
    return kinds[given.column.kind](given, settings)


def complaints(given: Given) -> list[Complaint]:
    """Return what can be wrong with a column's values, the gravest first."""
    column, read, written = given.column, quoted(given.column.name), quoted(given_name(given.column.name))
    missing = f"({_nothing(written, given)})"
    found = [Complaint(column.name, f"has no {column.name}.", missing)] if column.required else []
    unread = f"({read} IS NULL AND NOT {missing})"
    match column.kind:
        case "time":
            found += _time_complaints(column, read, written, unread, given)
        case "number":
            found += _number_complaints(column, read, unread)
        case "flag":
            found.append(Complaint(column.name, f"{column.name} {NOT_A_FLAG}", unread))
        case _:
            pass
    return found


def _nothing(written: str, given: Given) -> str:
    if given.as_text and given.shape != "tidy":
        return f"{written} IS NULL OR trim({written}) = ''"
    if given.type in _BROKEN:
        return f"{written} IS NULL OR isnan({written})"
    return f"{written} IS NULL"


def _time_complaints(column: Column, read: str, written: str, unread: str, given: Given) -> list[Complaint]:
    name = column.name
    found = []
    if given.as_text:
        slashed = f"regexp_full_match(trim({written}), {literal(_SLASHED)})"
        found.append(Complaint(name, f"{name} {TWO_WAYS}", f"{unread} AND {slashed}"))
    found.append(Complaint(name, f"{name} {NOT_A_TIME}", unread))
    found.append(Complaint(name, f"{name} {TOO_EARLY}", f"{read} < TIMESTAMP '{EARLIEST}'"))
    if name != "ends_at":
        found.append(Complaint(name, f"{name} {TOO_LATE}", f"{read} >= TIMESTAMP '{LATEST}'"))
    return found


def _number_complaints(column: Column, read: str, unread: str) -> list[Complaint]:
    name = column.name
    found = [
        Complaint(name, f"{name} {NOT_A_NUMBER}", unread),
        Complaint(name, f"{name} {NOT_FINITE}", f"(NOT isfinite({read}) OR abs({read}) > {LARGEST})"),
    ]
    if column.low is not None:
        found.append(Complaint(name, f"{name} is below {column.low:g}.", f"{read} < {column.low}"))
    if column.high is not None:
        found.append(Complaint(name, f"{name} is above {column.high:g}.", f"{read} > {column.high}"))
    return found


def _id(given: Given, _: Settings) -> str:
    if given.as_text:
        return f"nullif(trim({given.sql}), '')"
    if given.type in _BROKEN or given.type.startswith("DECIMAL"):
        # A whole number that passed through a tool that has no nullable integers.
        whole = f"CAST(try_cast({given.sql} AS HUGEINT) AS VARCHAR)"
        return f"CASE WHEN {given.sql} = trunc({given.sql}) THEN {whole} ELSE CAST({given.sql} AS VARCHAR) END"
    return f"CAST({given.sql} AS VARCHAR)"


def _text(given: Given, settings: Settings) -> str:
    text = f"nullif(trim(CAST({given.sql} AS VARCHAR)), '')"
    column = given.column.name
    known = {**(KNOWN_WORDS.get(column, {})), **settings.words.get(column, {})}
    if not known:
        return text
    cases = " ".join(f"WHEN {literal(own.lower())} THEN {literal(word)}" for own, word in known.items())
    return f"CASE lower({text}) {cases} ELSE {text} END"


def _number(given: Given, _: Settings) -> str:
    if given.as_text:
        trimmed = f"trim({given.sql})"
        bare = f"regexp_replace({trimmed}, '[^0-9.+-]', '', 'g')"
        grouped = f"regexp_full_match({trimmed}, {literal(_GROUPED)})"
        by_parts = f"CASE WHEN {grouped} THEN try_cast({bare} AS DOUBLE) END"
        return f"coalesce(try_cast({trimmed} AS DOUBLE), {by_parts})"
    if given.type in _BROKEN:
        # Tools without nullable numbers write "not a number" for nothing.
        return f"CASE WHEN isnan({given.sql}) THEN NULL ELSE CAST({given.sql} AS DOUBLE) END"
    return f"try_cast({given.sql} AS DOUBLE)"


def _flag(given: Given, _: Settings) -> str:
    if given.type == "BOOLEAN":
        return given.sql
    lowered = f"lower(trim(CAST({given.sql} AS VARCHAR)))"
    yes, no = (", ".join(literal(word) for word in (*words, f"{mark}.0")) for words, mark in ((_YES, 1), (_NO, 0)))
    return f"CASE WHEN {lowered} IN ({yes}) THEN true WHEN {lowered} IN ({no}) THEN false END"


def _time(given: Given, settings: Settings) -> str:
    read = _any_time(given, settings)
    if given.column.name == "ends_at":
        # 9999-12-31 is how many systems write "without an end".
        return f"CASE WHEN ({read}) < TIMESTAMP '{LATEST}' THEN ({read}) ELSE TIMESTAMP '{LATEST}' END"
    return read


def _any_time(given: Given, settings: Settings) -> str:
    if given.type == "TIMESTAMP":
        return given.sql
    if given.type in _TIMES:
        return f"CAST({given.sql} AS TIMESTAMP)"
    if given.type == "TIMESTAMP WITH TIME ZONE":
        return f"timezone({literal(settings.zone)}, {given.sql})"
    if given.as_text:
        return _written_time(f"trim({given.sql})", given.shape, settings)
    if given.type in _WHOLE:
        text = f"CAST({given.sql} AS VARCHAR)"
        return f"coalesce({_counted_time(text, settings)}, try_strptime({text}, '%Y%m%d'))"
    return f"try_cast(CAST({given.sql} AS VARCHAR) AS TIMESTAMP)"


def _counted_time(text: str, settings: Settings) -> str:
    """Read seconds or milliseconds since 1970, as event logs count; ten digits or thirteen are of our time."""
    number = f"CASE WHEN regexp_full_match({text}, '\\d+') THEN try_cast({text} AS DOUBLE) END"
    seconds = f"CASE length({text}) WHEN 10 THEN {number} WHEN 13 THEN {number} / 1e3 END"
    return f"timezone({literal(settings.zone)}, to_timestamp({seconds}))"


def _written_time(text: str, shape: str, settings: Settings) -> str:
    """Read a written time: ISO first, since it is the usual one and the fastest."""
    if shape == "iso":
        return f"try_cast({text} AS TIMESTAMP)"
    zoned = f"timezone({literal(settings.zone)}, try_cast({text} AS TIMESTAMPTZ))"
    if shape == "zoned":
        return zoned
    has_zone = f"regexp_matches({text}, {literal(_HAS_ZONE)})"
    iso = f"CASE WHEN {has_zone} THEN {zoned} ELSE try_cast({text} AS TIMESTAMP) END"
    return f"coalesce({iso}, {_other_formats(text, settings)})"


def _other_formats(text: str, settings: Settings) -> str:
    plain = f"try_strptime({text}, {_list(_PLAIN_FORMATS)})"
    day, month = (_list([f"{days}{clock}" for clock in _CLOCKS]) for days in ("%d/%m/%Y", "%m/%d/%Y"))
    slashed = f"replace({text}, '-', '/')"
    by_day, by_month = f"try_strptime({slashed}, {day})", f"try_strptime({slashed}, {month})"
    if settings.dates == "iso":
        # Read as a day first and as a month first, 31/01/2026 is a date only once: then it is that one.
        once = f"{by_day} IS NULL OR {by_month} IS NULL OR {by_day} = {by_month}"
        only = f"CASE WHEN {once} THEN coalesce({by_day}, {by_month}) END"
        return f"coalesce({plain}, {only}, {_counted_time(text, settings)})"
    asked = by_day if settings.dates == "day_first" else by_month
    return f"coalesce({plain}, {asked}, {_counted_time(text, settings)})"


def _list(formats: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(literal(each) for each in formats) + "]"


def currency(given: Given) -> str:
    """Return SQL for the sign or code of money written beside an amount; null where there is none."""
    return f"nullif(replace(upper(regexp_extract({given.sql}, {literal(_UNIT)})), '￥', '¥'), '')"


def empty(column: Column) -> str:
    """Return a null of the column's type, for what was not given."""
    return f"CAST(NULL AS {SQL_TYPES[column.kind]})"
