"""Format numbers with their unit, in English and Chinese."""

import re
from collections.abc import Callable, Mapping

from rapport.scoring.reasons.answer import Fact

CURRENCY_SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_CHINESE_MONEY = {"CNY": "元", "USD": "美元", "EUR": "欧元", "GBP": "英镑", "JPY": "日元", "HKD": "港元"}
_WHOLE_UNITS = ("count", "days", "flag")
_YEARS_FROM = 2 * 365.25
"""Days are written as years from here on."""
_DAYS_FROM = 72.0
"""Hours are written as days from here on."""
_LONGER = {"days": _YEARS_FROM, "hours": _DAYS_FROM}
_BORDER = re.compile(r"(?<=[\u3400-\u9fff])(?=[0-9¥$€£−])|(?<=[0-9%])(?=[\u3400-\u9fff])")
_UNKNOWN = {"en": "not known", "zh": "未知"}


def format_value(value: Fact, unit: str, language: str, currency: str, form: str | None = None) -> str:
    """Return a value with its unit as text, or in another ``form``, such as "more" (how far a ratio is above 1)."""
    if form is not None and isinstance(value, int | float):
        value, unit = _in_form(float(value), unit, form)
    if value is None:
        return _UNKNOWN[language]
    if isinstance(value, str):
        return value
    if unit in _LONGER:
        unit = f"long {unit}" if abs(value) >= _LONGER[unit] else f"short {unit}"
    text = _money(value, language, currency) if unit == "money" else _FORMS[language].get(unit, _plain)(value)
    text = text.replace("-", "−", 1) if value < 0 else text
    return spaced(text) if language == "zh" else text


def format_comparable(
    value: float, other: float, unit: str, language: str, currency: str, form: str | None = None
) -> str:
    """Return ``other`` in the unit of time in which ``value`` is written: years beside years, days beside days."""
    if form is None and unit in _LONGER and (abs(value) >= _LONGER[unit]) != (abs(other) >= _LONGER[unit]):
        unit = f"long {unit}" if abs(value) >= _LONGER[unit] else f"short {unit}"
    return format_value(other, unit, language, currency, form)


def spaced(text: str) -> str:
    """Return a Chinese text with a space between its characters and its numbers."""
    return _BORDER.sub(" ", text)


def _in_form(value: float, unit: str, form: str) -> tuple[float, str]:
    """Return the number and the unit to write a value in a form of its own."""
    if form == "less":
        # A value above 0 is never "100 % less".
        return min(1.0 - value, 0.99), "share"
    if form == "more":
        return value - 1.0, "share"
    if form in ("amount", "change", "points"):
        return abs(value), {"amount": unit, "change": "share", "points": "points"}[form]
    return value, "number"


def json_value(value: float, unit: str) -> Fact:
    """Return a value for JSON: an integer where the unit is whole, None where it is unknown."""
    if value != value:
        return None
    return int(value) if unit in _WHOLE_UNITS and float(value).is_integer() else float(value)


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


def _money(value: float, language: str, currency: str) -> str:
    if language == "zh":
        return _chinese_money(value, _CHINESE_MONEY.get(currency, currency))
    minus, amount = ("-" if value < 0 else ""), f"{abs(value):,.0f}"
    sign = CURRENCY_SIGNS.get(currency)
    return f"{minus}{sign}{amount}" if sign else f"{minus}{amount} {currency}".rstrip()


def _chinese_money(value: float, name: str) -> str:
    # Chinese counts money in ten thousands (万) and hundred millions (亿).
    for size, word in ((1e8, "亿"), (1e4, "万")):
        if abs(value) >= size:
            digits = f"{value / size:,.1f}".removesuffix(".0")
            return f"{digits}{word}{name}"
    return f"{value:,.0f}{name}"


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
