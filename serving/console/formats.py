"""Formats of numbers, money, dates and missing values, in each language."""

import math
from collections.abc import Mapping
from datetime import date, datetime

from babel.dates import format_skeleton, get_month_names

from rapport.durations import parse_duration
from rapport.languages import FURTHER, grammar
from rapport.money_text import MINUS, money_in_full, short_money

PLACEHOLDER = "–"
_MONTHS = get_month_names("abbreviated", locale="en")


def is_missing(value: object) -> bool:
    """Whether there is no number, date or text to show."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def percent(share: float | None, digits: int = 0) -> str:
    """Format a share of one as a percentage."""
    if share is None or is_missing(share):
        return PLACEHOLDER
    if digits == 0 and 0 < share < 0.005:
        return "<1%"
    if digits == 0 and 0.995 <= share < 1:
        return ">99%"
    return f"{_signed(f'{share * 100:.{digits}f}')}%"


def points(share: float | None, digits: int = 1) -> str:
    """Format a difference of shares in percentage points, with its sign."""
    if share is None or is_missing(share):
        return PLACEHOLDER
    text = f"{share * 100:+.{digits}f}"
    return text.replace("-", MINUS) if float(text) else f"{0:.{digits}f}"


def number(value: float | None, digits: int | None = None) -> str:
    """Format a number with thousands separators; whole numbers without a fraction."""
    if value is None or is_missing(value):
        return PLACEHOLDER
    if digits is None:
        digits = 0 if float(value).is_integer() or abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
        return _signed(_trimmed(f"{value:,.{digits}f}"))
    return _signed(f"{value:,.{digits}f}")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _signed(text: str) -> str:
    # A small negative number may round to zero, which has no sign.
    return text.replace("-", MINUS if text.strip("-0.") else "")


def money(amount: float | None, currency: str, language: str) -> str:
    """Format an amount short enough for a table: ¥182k, ¥18.2万."""
    if amount is None or is_missing(amount):
        return PLACEHOLDER
    return short_money(amount, currency, language)


def full_money(amount: float | None, currency: str) -> str:
    """Format an amount in full, for the tooltip of the short one."""
    return PLACEHOLDER if amount is None or is_missing(amount) else money_in_full(amount, currency, "en")


def day(value: str | date | None, language: str, *, year: bool = True) -> str:
    """Format a date in the style of the language."""
    if value is None or is_missing(value):
        return PLACEHOLDER
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    if language in FURTHER:
        return format_skeleton("yMMMd" if year else "MMMd", at, locale=grammar(language).locale)
    if grammar(language).is_chinese:
        return f"{at.year}年{at.month}月{at.day}日" if year else f"{at.month}月{at.day}日"
    return f"{at.day} {_MONTHS[at.month]}" + (f" {at.year}" if year else "")


def month(value: str, language: str) -> str:
    """Format a month written as 2026-10."""
    year, of_year = int(value[:4]), int(value[5:7])
    if language in FURTHER:
        return format_skeleton("yMMM", date(year, of_year, 1), locale=grammar(language).locale)
    return f"{year}年{of_year}月" if grammar(language).is_chinese else f"{_MONTHS[of_year]} {year}"


def horizon(duration: str, language: str) -> str:
    """Format a prediction horizon such as 12mo as a modifier: "12-month" risk, 未来 "12 个月" 流失概率."""
    return parse_duration(duration).as_modifier(language)


def time_span(duration: str, language: str) -> str:
    """Format a duration such as 90d as a noun: "90 days", "90 天"."""
    return parse_duration(duration).in_words(language)


def measure(value: object, unit: str, settings: Mapping[str, str]) -> str:
    """Format a feature's value in its unit; ``settings`` has the page's currency, language and unit texts."""
    if is_missing(value):
        return PLACEHOLDER
    if not isinstance(value, int | float):
        return str(value)
    if unit == "money":
        return money(value, settings["currency"], settings["language"])
    if unit in ("share", "flag"):
        return percent(value)
    return number(value) + settings.get(f"unit.{unit}", "")
