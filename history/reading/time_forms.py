"""Times in text and numbers: the form is found from the whole column, then every value is read in it."""

from dataclasses import dataclass
from typing import Literal, cast

from rapport.history.reading.text_cleaning import cleaned, in_ascii, let, without_null_words
from rapport.history.reading.time_words import WEEKDAY, WORDED, without_asian_signs, without_month_names, without_words
from rapport.history.sql import literal

Order = Literal["day_first", "month_first", "year_first", "?"]

_SLASHED = r"^(\d{1,2})([/.-])(\d{1,2})[/.-](\d{4}|\d{2})(\D.*)?$"
_ZONE = r"(Z|[+-]\d{2}(:?\d{2})?| ?[A-Za-z]+(/[A-Za-z_]+)?)( \([A-Za-z ]+\))?$"
_CLOCK_ZONE = rf"\d{{1,2}}:\d{{2}}.*{_ZONE}"


@dataclass(frozen=True)
class TimeEvidence:
    """What the values of a column show.

    A number beyond 12 cannot be a month, and one beyond 31 must be a year. ``firsts`` and ``lasts`` count the different
    numbers in the first and the last place of dates with a two-digit year: the years of a file vary less than its days.
    """

    slashed: bool = True
    short: bool = False
    long: bool = False
    day_first: bool = False
    month_first: bool = False
    year_first: bool = False
    year_last: bool = False
    dotted_month: bool = False
    named: bool = True
    asian: bool = True
    twelve_hours: bool = True
    zoned: bool = True
    numbers: bool = True
    compact: bool = True
    serial: bool = False
    milliseconds: bool = False
    firsts: int = 0
    lasts: int = 0
    beyond_ascii: bool = True
    worded: bool = True


@dataclass(frozen=True)
class TimeForm:
    """How the times of a column are written: the order of day and month, ``?`` where nothing decides, and what else."""

    order: Order = "?"
    found: TimeEvidence = TimeEvidence()


def time_text(sql: str, kind: str, *, beyond_ascii: bool = True) -> str:
    """Return the text of a time: numbers of a typed column without a trailing .0."""
    if kind == "VARCHAR":
        return let(in_ascii(cleaned(sql)) if beyond_ascii else cleaned(sql), without_null_words)
    whole = f"CAST(try_cast({sql} AS HUGEINT) AS VARCHAR)"
    return f"CASE WHEN {sql} = trunc({sql}) THEN {whole} ELSE CAST({sql} AS VARCHAR) END"


def evidence_query(sql: str, kind: str, source: str) -> str:
    """Return the query for the evidence of one column, in the order of the fields of ``TimeEvidence``."""
    a, b, c = (f"try_cast(regexp_extract(t, {literal(_SLASHED)}, {group}) AS INTEGER)" for group in (1, 3, 4))
    mark = f"regexp_extract(t, {literal(_SLASHED)}, 2)"
    years = f"length(regexp_extract(t, {literal(_SLASHED)}, 4))"
    tests = [
        f"{a} IS NOT NULL",
        f"{years} = 2",
        f"{years} = 4",
        f"{a} BETWEEN 13 AND 31",
        f"{b} BETWEEN 13 AND 31",
        f"{a} > 31 AND {years} = 2",
        f"{c} > 31 AND {years} = 2",
        f"{b} BETWEEN 13 AND 31 AND {mark} = '.'",
        r"regexp_matches(t, '[a-zA-Z\x{00C0}-\x{024F}\x{0400}-\x{04FF}]{3,}')",
        rf"regexp_matches(t, '[年月년월]|{WEEKDAY}|上午|下午|凌晨|早上|晚上|中午|오전|오후')",
        r"regexp_matches(lower(t), '\d ?[ap]\.? ?m\.?|上午|下午|오전|오후')",
        f"regexp_matches(t, {literal(_CLOCK_ZONE)})",
        r"regexp_full_match(t, '\d+(\.\d+)?|/Date\(\d+.*')",
        r"regexp_matches(t, '^\d{8}[T ]')",
    ]
    parts = [f"coalesce(bool_or({test}), false)" for test in tests]
    parts.append(r"coalesce(bool_and(t IS NULL OR regexp_full_match(t, '[1-9]\d{4}(\.\d+)?')), false)")
    parts.append(r"coalesce(bool_or(regexp_full_match(t, '[1-9]\d{12}(\.\d+)?')), false)")
    parts += [f"count(DISTINCT {value}) FILTER ({years} = 2)" for value in (a, c)]
    parts.append("coalesce(bool_or(regexp_matches(CAST(raw AS VARCHAR), '[^ -~]')), false)")
    parts.append(f"coalesce(bool_or(regexp_matches(lower(t), {literal(WORDED)})), false)")
    values = f"SELECT {time_text('raw', kind)} AS t, raw FROM (SELECT DISTINCT {sql} AS raw FROM ({source}))"
    return f"SELECT {', '.join(parts)} FROM ({values})"


def choose_order(own: TimeEvidence, others: list[TimeEvidence], setting: str) -> Order:
    """Return the order of day and month: the setting, else what the column shows, else what the file's others show."""
    if setting in ("day_first", "month_first", "year_first"):
        return cast(Order, setting)
    decided = _order(own)
    if decided != "?" or (own.day_first and own.month_first):
        return decided
    orders = {_order(each) for each in others if each.short == own.short} - {"?"}
    return orders.pop() if len(orders) == 1 else "?"


def unknown_form(setting: str) -> TimeForm:
    """Return the form of a column of which nothing is known but the setting."""
    order = choose_order(TimeEvidence(), [], setting)
    return TimeForm(order, TimeEvidence(short=order != "?"))


def _order(found: TimeEvidence) -> Order:
    if found.month_first:
        return "?" if found.day_first or found.year_first else "month_first"
    if found.year_first:
        return "?" if found.long else "year_first"
    if not found.day_first:
        return "?"
    if not found.short or found.year_last or found.firsts >= found.lasts + 3:
        return "day_first"
    return "year_first" if found.lasts >= found.firsts + 3 and not found.long else "?"


def time_expression(text: str, form: TimeForm, zone: str) -> str:
    """Return the SQL for the time; null where it cannot be read, or can be read as two days."""
    if form.found.worded and form.found.numbers:
        text = rf"regexp_replace({text}, '^/Date\((\d+)([+-]\d+)?\)/$', '\1')"
    return let(text, lambda name: _any_time(name, form, zone))


def _any_time(text: str, form: TimeForm, zone: str) -> str:
    found, date = form.found, text
    if found.worded:
        date = without_words(date)
    if found.asian:
        date = without_asian_signs(date)
    if found.named:
        date = let(f"lower({date})", without_month_names)
    if found.slashed:
        date = _year_first(date, form)
    if found.compact:
        date = rf"regexp_replace({date}, '^(\d{{4}})(\d\d)(\d\d)[T ]+(\d\d):?(\d\d)', '\1-\2-\3 \4:\5')"
        date = rf"regexp_replace({date}, '^(\d+-\d+-\d+ \d\d:\d\d)(\d\d)', '\1:\2')"
    date = rf"regexp_replace({date}, '^(\d{{4}})[/.](\d{{1,2}})[/.](\d{{1,2}})', '\1-\2-\3')"
    date = rf"regexp_replace({date}, '^(\d+-\d+-\d+),? +', '\1 ')"
    read = let(date, lambda name: _clock(name, found, zone))
    return f"coalesce({_number(text, found, zone)}, {read})" if found.numbers else read


def _year_first(date: str, form: TimeForm) -> str:
    """Turn 03/04/2026 and 03/04/26 into 2026-04-03 or 2026-03-04; left as it is where nothing decides."""
    dots: Order = "month_first" if form.found.dotted_month and not form.found.day_first else "day_first"
    date = _reordered(date, r"\.", dots, _LONG)
    if form.order == "?":
        return let(date, _if_one_way)
    return _reordered(date, "[/.-]", form.order, (*_LONG, *_SHORT) if form.found.short else _LONG)


_LONG = ((r"\d{4}", ""),)
_SHORT = ((r"[0-6]\d", "20"), (r"[7-9]\d", "19"))


def _reordered(date: str, mark: str, order: Order, years: tuple[tuple[str, str], ...]) -> str:
    if order == "year_first":
        return rf"regexp_replace({date}, '^(\d\d){mark}(\d{{1,2}}){mark}(\d{{1,2}})(\D|$)', '20\1-\2-\3\4')"
    day, month = (1, 2) if order == "day_first" else (2, 1)
    pattern = rf"^(\d{{1,2}}){mark}(\d{{1,2}}){mark}"
    for year, century in years:
        date = rf"regexp_replace({date}, '{pattern}({year})(\D|$)', '{century}\3-\{month}-\{day}\4')"
    return date


def _if_one_way(date: str) -> str:
    """Turn a date with a four-digit year into ISO form where only one order of day and month is possible."""
    first, second = (f"try_cast(regexp_extract({date}, {literal(_SLASHED)}, {group}) AS INTEGER)" for group in (1, 3))
    four = rf"regexp_matches({date}, '^\d+[/-]\d+[/-]\d{{4}}')"
    by_day, by_month = (_reordered(date, "[/-]", order, _LONG) for order in ("day_first", "month_first"))
    only_day, only_month = f"{four} AND ({first} > 12 OR {first} = {second})", f"{four} AND {second} > 12"
    return f"CASE WHEN {only_day} THEN {by_day} WHEN {only_month} THEN {by_month} ELSE {date} END"


def _clock(date: str, found: TimeEvidence, zone: str) -> str:
    # A date of two digits is no date of the first century.
    read = rf"CASE WHEN regexp_matches({date}, '^\d{{4}}-') THEN try_cast({date} AS TIMESTAMP) END"
    if found.zoned:
        offset = rf"regexp_replace({date}, ' *(?:UTC|GMT)?([+-]\d{{2}}):?(\d{{2}})$', '\1:\2')"
        offset = f"regexp_replace({offset}, ' ?(GMT|Z|z)$', ' UTC')"
        has_zone = f"regexp_matches({date}, {literal(_CLOCK_ZONE)})"
        read = f"CASE WHEN {has_zone} THEN timezone({literal(zone)}, try_cast({offset} AS TIMESTAMPTZ)) ELSE {read} END"
    if found.twelve_hours:
        spaced = rf"regexp_replace({date}, ' *([apAP])\.? ?[mM]\.?$', ' \1M')"
        formats = ", ".join(literal(f"%Y-%m-%d {clock} %p") for clock in ("%I:%M", "%I:%M:%S", "%I:%M:%S.%f", "%I"))
        read = f"coalesce(try_strptime({spaced}, [{formats}]), {read})"
    return read


def _number(text: str, found: TimeEvidence, zone: str) -> str:
    """Read 20220103, 202201031543, seconds to nanoseconds since 1970, and the days of a spreadsheet since 1900."""
    digits = rf"CASE WHEN regexp_full_match({text}, '\d+(\.\d+)?') THEN {text} END"
    length = f"length(regexp_extract({digits}, '^[0-9]+'))"
    number = f"try_cast({digits} AS DOUBLE)"
    epoch = f"timezone({literal(zone)}, to_timestamp({number} / {{}}))"
    whole = f"regexp_extract({digits}, '^[0-9]+')"
    compact = f"try_strptime({whole}, {{}})"
    minutes = epoch.format("1e3") if found.milliseconds else compact.format("'%Y%m%d%H%M'")
    cases = {
        8: compact.format("'%Y%m%d'"),
        9: epoch.format("1"),
        10: epoch.format("1"),
        12: minutes,
        13: epoch.format("1e3"),
        14: compact.format("'%Y%m%d%H%M%S'"),
        16: epoch.format("1e6"),
        19: epoch.format("1e9"),
    }
    if found.serial:
        cases[5] = f"TIMESTAMP '1899-12-30' + to_seconds(CAST(round({number} * 86400) AS BIGINT))"
    branches = " ".join(f"WHEN {size} THEN {sql}" for size, sql in cases.items())
    return let(length, lambda name: f"CASE {name} {branches} END")
