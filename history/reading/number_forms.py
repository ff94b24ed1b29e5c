"""Numbers in text: the decimal mark is found from the whole column, then every value is read with it."""

from dataclasses import dataclass
from typing import Literal

from rapport.history.reading.text_cleaning import cleaned, in_ascii, let, without_null_words
from rapport.history.sql import literal

Decimal = Literal[".", ",", "?"]

_SIGNS = (
    r"US\$|HK\$|NT\$|AU\$|CA\$|[A-Z]\$|[¥￥$€£₹₩₽₺₴₫฿₪₱₦元円圆圓]|元整|人民币|Rs\.?|kr\.?|zł|Kč|Ft|лв\.?|руб\.?|Fr\.?"
)
CURRENCY = rf"{_SIGNS}|[A-Za-z]{{3}}"
_POWERS = {"千": 3, "万": 4, "萬": 4, "亿": 8, "億": 8, "k": 3, "K": 3, "M": 6}
_EXPONENT = r"[eE][-+]?\d{1,2}"


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written; ``decimal`` is ``?`` where nothing decides between 4.4 and 4400."""

    decimal: Decimal = "."
    plain_ascii: bool = False


@dataclass(frozen=True)
class DecimalEvidence:
    """What the values of a column show: a sure decimal point or comma, and values that can be read in both ways."""

    point: bool = False
    comma: bool = False
    unclear_point: bool = False
    unclear_comma: bool = False
    beyond_ascii: bool = True


def evidence_query(sql: str, source: str) -> str:
    """Return the query for the evidence of one column."""
    tests = [*(_sure(mark, other) for mark, other in ((".", ","), (",", "."))), *(_unclear(mark) for mark in ".,")]
    parts = ", ".join(f"coalesce(bool_or(regexp_matches(n, {literal(test)})), false)" for test in tests)
    beyond = "coalesce(bool_or(regexp_matches(raw, '[^ -~]')), false)"
    values = f"SELECT {in_ascii(sql)} AS n, {sql} AS raw FROM (SELECT DISTINCT {sql} FROM ({source}))"
    return f"SELECT {parts}, {beyond} FROM ({values})"


def _sure(mark: str, other: str) -> str:
    """Return the pattern of values that have this decimal mark for sure."""
    m, o = rf"\{mark}", rf"\{other}"
    return (
        rf"{m}(\d{{1,2}}|\d{{4,}})([^\d{m}]|$)|\d{o}\d{{3}}{m}|(^|[^\d.,])0{m}\d|\d{o}\d{{3}}{o}\d{{3}}(\D|$)"
        rf"|\d{o}\d\d{o}\d{{3}}(\D|$)|\d[ ']\d{{3}}{m}|\d{m}-"
    )


def _unclear(mark: str) -> str:
    return rf"(^|[^\d.,])[1-9]\d{{0,2}}\{mark}\d{{3}}([^\d.,]|$)"


def choose_decimal(own: DecimalEvidence, others: DecimalEvidence, setting: str, separator: str) -> Decimal:
    """Return the decimal mark: that of the setting, of the column, or of the other columns of the file."""
    if setting in (".", ","):
        return "." if setting == "." else ","
    for found in (own, others):
        if found.point != found.comma:
            return "." if found.point else ","
    if own.point or own.unclear_point:
        return "?"
    # A comma separates thousands, but in a file that needs another separator of columns.
    return "?" if own.unclear_comma and separator == ";" else "."


def number_expression(sql: str, form: NumberForm) -> str:
    """Return the SQL for the number; null where it cannot be read, or can be read in two ways."""
    text = cleaned(sql) if form.plain_ascii else in_ascii(cleaned(sql))
    return let(text, lambda name: _read_any(name, form.decimal))


def _read_any(text: str, decimal: Decimal) -> str:
    if decimal != "?":
        return _read(text, decimal)
    point, comma = _read(text, "."), _read(text, ",")
    return f"CASE WHEN {point} IS NULL THEN {comma} WHEN {comma} IS NULL OR {point} = {comma} THEN {point} END"


def _read(text: str, decimal: str) -> str:
    groups, others = (",", "[ ,'']") if decimal == "." else (".", "[ .'']")
    digits = f"regexp_extract({text}, '[0-9][0-9 .,'']*')"
    bare = f"regexp_replace({digits}, '{others}', '', 'g')"
    number = bare if decimal == "." else f"replace({bare}, ',', '.')"
    # The dash of 820,- stands for no cents.
    negative = f"regexp_matches({text}, '^[^0-9]*[-(]|[0-9][^0-9eE.,]*-[^0-9]*$')"
    # A power of ten is part of the number: a product of floats may differ from it in the last digit.
    sign = f"regexp_extract({text}, '[0-9.,] *({'|'.join(_POWERS)})([^A-Za-z]|$)', 1)"
    powers = " ".join(f"WHEN '{sign}' THEN 'e{power}'" for sign, power in _POWERS.items())
    power = f"CASE {sign} {powers} ELSE regexp_extract({text}, '[0-9]({_EXPONENT})', 1) END"
    value = f"try_cast({number} || {power} AS DOUBLE) * CASE WHEN {negative} THEN -1 ELSE 1 END"
    parsed = f"CASE WHEN regexp_full_match({text}, {literal(_pattern(groups, decimal))}) THEN {value} END"
    plain = f"try_cast({without_null_words(text)} AS DOUBLE)"
    return f"coalesce({plain if decimal == '.' else _without_point(text, plain)}, {parsed})"


def _without_point(text: str, plain: str) -> str:
    return f"CASE WHEN NOT contains({text}, '.') THEN {plain} END"


def _pattern(groups: str, decimal: str) -> str:
    """Return the pattern of a whole amount with its sign, currency and multiplier."""
    grouped = rf"\d{{1,3}}(\{groups}\d{{3}})+|\d{{1,2}}(\{groups}\d{{2}})+\{groups}\d{{3}}|\d{{1,3}}([ ']\d{{3}})+|\d+"
    unit, multiplier = f"({CURRENCY})", f"({'|'.join(_POWERS)})"
    before = rf"\(?[-+]?\s*{unit}?\s*[-+]?\s*\(?"
    after = rf"({unit}?\s*[-)]?|[-)]?\s*{unit}?)\)?"
    return rf"{before}({grouped})(\{decimal}\d*)?({_EXPONENT}|\s*{multiplier})?\s*{after}"
