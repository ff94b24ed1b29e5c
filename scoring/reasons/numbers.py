"""Format numbers with their unit, in English and Chinese."""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache

from rapport.money_text import MINUS, money_in_full
from rapport.scoring.reasons.answer import Fact

_WHOLE_UNITS = ("count", "days", "flag")
_YEARS_FROM = 2 * 365.25
"""Days are written as years from here on."""
_DAYS_FROM = 72.0
"""Hours are written as days from here on."""
_KEPT_TEXTS = 1_000
_LONGER = {"days": _YEARS_FROM, "hours": _DAYS_FROM}
_BORDER = re.compile(r"(?<=[\u3400-\u9fff])(?=[0-9¥$€£−])|(?<=[0-9%])(?=[\u3400-\u9fff])")
_UNKNOWN = {"en": "not known", "zh": "未知"}


def format_value(value: Fact, unit: str, language: str, currency: str, form: str | None = None) -> str:
    """Return a value with its unit as text, or in another ``form``, such as "more" (how far a ratio is above 1)."""
    return value_formatter(unit, language, currency, form)(value)


@cache
def value_formatter(unit: str, language: str, currency: str, form: str | None = None) -> Callable[[Fact], str]:
    """Return what writes the values of a unit; an answer writes many, so what a unit needs is looked up once."""
    convert, unit = _in_form(unit, form)
    write, unknown = _number_formatter(unit, language, currency), _UNKNOWN[language]

    def text(value: Fact) -> str:
        if value is None:
            return unknown
        if isinstance(value, str):
            return value
        number = convert(value)
        written = write(number)
        if number < 0:
            written = written.replace("-", MINUS, 1)
        return spaced(written) if language == "zh" else written

    # Counts and days are mostly small whole numbers, which come again and again.
    return lru_cache(_KEPT_TEXTS)(text) if unit in ("count", "days") else text


def _number_formatter(unit: str, language: str, currency: str) -> Callable[[float], str]:
    forms = _FORMS[language]
    if unit == "money":
        return lambda value: money_in_full(value, currency, language)
    if unit in _LONGER:
        limit, short, long = _LONGER[unit], forms[f"short {unit}"], forms[f"long {unit}"]
        return lambda value: long(value) if abs(value) >= limit else short(value)
    return forms.get(unit, _plain)


@cache
def comparable_formatter(
    unit: str, language: str, currency: str, form: str | None = None
) -> Callable[[float, float], str]:
    """Return what writes a second number in the unit of time in which the first is written."""
    if form is not None or unit not in _LONGER:
        write = value_formatter(unit, language, currency, form)
        return lambda _, other: write(other)
    limit = _LONGER[unit]
    short, long = (value_formatter(f"{length} {unit}", language, currency) for length in ("short", "long"))
    return lambda value, other: long(other) if abs(value) >= limit else short(other)


def spaced(text: str) -> str:
    """Return a Chinese text with a space between its characters and its numbers."""
    return _BORDER.sub(" ", text)


def _in_form(unit: str, form: str | None) -> tuple[Callable[[float], float], str]:
    """Return what makes the number to write of a value, and its unit, in a form of its own."""
    if form == "less":
        # A value above 0 is never "100 % less".
        return lambda value: min(1.0 - value, 0.99), "share"
    if form == "more":
        return lambda value: value - 1.0, "share"
    if form in ("amount", "change", "points"):
        return abs, {"amount": unit, "change": "share", "points": "points"}[form]
    return float, unit if form is None else "number"


def json_reader(unit: str) -> Callable[[float], Fact]:
    """Return what reads the values of a unit for JSON: integers where it is whole, None where one is unknown."""
    return _whole if unit in _WHOLE_UNITS else _known


def _whole(value: float) -> Fact:
    # Only nan differs from itself.
    return None if value != value else int(value) if value.is_integer() else value


def _known(value: float) -> Fact:
    return None if value != value else value


def _plain(value: float) -> str:
    """Return three significant digits, and all digits before the decimal point."""
    if float(value).is_integer() or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}".removesuffix(".0") if abs(value) >= 1 else f"{value:.2f}".removesuffix("0").removesuffix(".0")


def _whole_when_long(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else _plain(value)


def _counted(value: float, noun: str) -> str:
    text = _whole_when_long(value)
    return f"{text} {noun}" if text == "1" else f"{text} {noun}s"


def _percent(value: float) -> str:
    percent = 100.0 * value
    return f"{percent:.1f}%" if 0 < abs(percent) < 1 else f"{percent:.0f}%"


_ENGLISH: Mapping[str, Callable[[float], str]] = {
    "short days": lambda value: _counted(value, "day"),
    "long days": lambda value: f"{_plain(value / 365.25)} years",
    "short hours": lambda value: _counted(value, "hour"),
    "long hours": lambda value: _counted(value / 24, "day"),
    "share": _percent,
    "ratio": lambda value: f"{_plain(value)} times",
    "per_month": lambda value: f"{_plain(value)} a month",
    "flag": lambda value: "yes" if value else "no",
    "points": lambda value: (
        "1 percentage point" if _percent(value) == "1%" else f"{_percent(value)[:-1]} percentage points"
    ),
}
_CHINESE: Mapping[str, Callable[[float], str]] = {
    "short days": lambda value: f"{_whole_when_long(value)}天",
    "long days": lambda value: f"{_plain(value / 365.25)}年",
    "short hours": lambda value: f"{_whole_when_long(value)}小时",
    "long hours": lambda value: f"{_whole_when_long(value / 24)}天",
    "share": _percent,
    "ratio": lambda value: f"{_plain(value)}倍",
    "per_month": lambda value: f"每月{_plain(value)}",
    "flag": lambda value: "是" if value else "否",
    "points": lambda value: f"{_percent(value)[:-1]}个百分点",
}
_FORMS = {"en": _ENGLISH, "zh": _CHINESE}
