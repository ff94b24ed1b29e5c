"""Format numbers with their unit, in each language."""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache

from rapport.languages import grammar
from rapport.localized import LocalizedText, localize
from rapport.money_text import MINUS, money_in_full
from rapport.scoring.reasons.answer_fields import Fact

_WHOLE_UNITS = ("count", "days", "flag")
_YEARS_FROM = 2 * 365.25
"""Days are written as years from here on."""
_DAYS_FROM = 72.0
"""Hours are written as days from here on."""
_KEPT_TEXTS = 1_000
_LONGER = {"days": _YEARS_FROM, "hours": _DAYS_FROM}
_UNKNOWN, _YES_NO = LocalizedText("not known", "未知"), (LocalizedText("yes", "是"), LocalizedText("no", "否"))
_SLOT = re.compile(r"\{n(?::([^}]*))?\}")


def format_value(value: Fact, unit: str, language: str, currency: str, form: str | None = None) -> str:
    """Return a value with its unit as text, or in another ``form``, such as "more" (how far a ratio is above 1)."""
    return value_formatter(unit, language, currency, form)(value)


@cache
def value_formatter(unit: str, language: str, currency: str, form: str | None = None) -> Callable[[Fact], str]:
    """Return what writes the values of a unit; an answer writes many, so what a unit needs is looked up once."""
    convert, unit = _in_form(unit, form)
    spaced, is_spaced = grammar(language).spaced, grammar(language).is_chinese
    write, unknown = _number_formatter(unit, language, currency), localize(_UNKNOWN, language)

    def text(value: Fact) -> str:
        if value is None:
            return unknown
        if isinstance(value, str):
            return value
        number = convert(value)
        written = write(number)
        if number < 0:
            written = written.replace("-", MINUS, 1)
        return spaced(written) if is_spaced else written

    # Counts and days are mostly small whole numbers, which come again and again.
    return lru_cache(_KEPT_TEXTS)(text) if unit in ("count", "days") else text


def _number_formatter(unit: str, language: str, currency: str) -> Callable[[float], str]:
    if unit == "money":
        return lambda value: money_in_full(value, currency, language)
    if unit in _LONGER:
        limit = _LONGER[unit]
        short, long = (_with_unit(f"{length} {unit}", language) for length in ("short", "long"))
        return lambda value: long(value) if abs(value) >= limit else short(value)
    if unit == "flag":
        yes, no = (localize(text, language) for text in _YES_NO)
        return lambda value: yes if value else no
    if unit == "share":
        return _percent
    return _with_unit(unit, language) if unit in _UNITS else _plain


def _with_unit(unit: str, language: str) -> Callable[[float], str]:
    """Return what writes a number with its unit; the text is taken apart once, because an answer writes many."""
    number, text = _UNITS[unit]
    first, *rest = _SLOT.split(localize(text, language))
    form_of = grammar(language).form
    slots = [(forms.split("|") if forms else None, after) for forms, after in zip(rest[::2], rest[1::2], strict=True)]

    def write(value: float) -> str:
        written, shown = first, number(value)
        for forms, after in slots:
            written += (shown if forms is None else form_of(shown, forms)) + after
        return written

    return write


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


def _percent(value: float) -> str:
    percent = 100.0 * value
    return f"{percent:.1f}%" if 0 < abs(percent) < 1 else f"{percent:.0f}%"


# How the number of a unit is written, and the text around it.
_UNITS: Mapping[str, tuple[Callable[[float], str], LocalizedText]] = {
    "short days": (_whole_when_long, LocalizedText("{n} {n:day|days}", "{n}天")),
    "long days": (lambda value: _plain(value / 365.25), LocalizedText("{n} years", "{n}年")),
    "short hours": (_whole_when_long, LocalizedText("{n} {n:hour|hours}", "{n}小时")),
    "long hours": (lambda value: _whole_when_long(value / 24), LocalizedText("{n} {n:day|days}", "{n}天")),
    "ratio": (_plain, LocalizedText("{n} times", "{n}倍")),
    "per_month": (_plain, LocalizedText("{n} a month", "每月{n}")),
    "points": (lambda value: _percent(value)[:-1], LocalizedText("{n} percentage {n:point|points}", "{n}个百分点")),
}
