"""Patterns of English and Chinese text: numbers with units, dates, directions, and what they are about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from rapport.shipped_yaml import read_shipped

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_MONTH = "|".join((*_MONTHS, *(name[:3] for name in _MONTHS), "sept"))
# \b does not stand between a Chinese character and a digit or letter.
_START, _END = r"(?<![A-Za-z0-9.])", r"(?![A-Za-z0-9])"
DATE = re.compile(
    rf"{_START}(?P<iso>\d{{4}}(?P<sep>[-/.])\d{{1,2}}(?P=sep)\d{{1,2}})(?!\d)"
    rf"|{_START}(?P<dots>\d{{1,2}}\.\d{{1,2}}\.\d{{4}})(?!\d)"
    rf"|{_START}(?P<zh>(?:(?P<zy>\d{{4}})\s*年\s*)?(?P<zm>\d{{1,2}})\s*月(?:\s*(?P<zd>\d{{1,2}})\s*[日号])?)"
    rf"|{_START}(?P<dmy>(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<m1>{_MONTH}){_END}\.?(?:,?\s+(?P<y1>\d{{4}}))?)"
    rf"|{_START}(?P<mdy>(?P<m2>{_MONTH})\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?{_END}(?:,?\s+(?P<y2>\d{{4}}))?)"
    rf"|{_START}(?P<my>(?P<m3>{_MONTH})\.?\s+(?P<y3>\d{{4}}){_END})"
    rf"|{_START}(?P<zhy>(?:19|20)\d\d)\s*年"
    rf"|\b(?:since|in|of|from|until|early|late|mid|spring|summer|autumn|fall|winter|Q[1-4])[ -]"
    rf"(?P<y>(?:19|20)\d\d){_END}(?![-/,.%]\d|%)",
    re.IGNORECASE,
)
_ONES = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = (
    {name: at for at, name in enumerate(_ONES, 1)}
    | {name: 10 * at for at, name in enumerate(_TENS, 2)}
    | {"dozen": 12, "hundred": 100, "thousand": 1000}
)
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_CHINESE = dict(zip("零一二三四五六七八九", range(10), strict=True)) | {"两": 2, "十": 10, "百": 100, "千": 1000}
_MULTIPLIERS = frozenset({"dozen", "hundred", "thousand", "十", "百", "千"})
_UNIT_NOUN = r"days?|weeks?|months?|years?|orders?|purchases?|points?|percent"
_MEASURE = (
    r"天|点(?=[，。、；]|$)|回|张|号人|笔|次|名|人(?!民)|周(?!期)|个月|个百分点|分(?!之|钟|析|位)|单(?!位)|年|日|元|家|项|位|封|"
    r"小时"
)
_SIGN = r"(?:CNY|RMB|USD|EUR|GBP|[¥￥$€£])"
NUMBER = re.compile(
    rf"(?P<currency>{_SIGN}\s*)?(?:{_START}(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"|\b(?P<words>(?!one\b(?![ -](?:{_WORD}|{_UNIT_NOUN})))"
    rf"(?:(?:a|{_WORD})[ -])?(?:(?:and )?(?:{_WORD})[ -])*(?:and )?(?:{_WORD}))\b"
    rf"|(?<![周第期拜十])(?P<share>百分之)?(?P<chinese>[一二两三四五六七八九十百千零]+)(?(share)|(?=个?(?:{_MEASURE})))"
    rf"|(?<![周第期拜])(?P<bare>[一二三四五六七八九]?[十百][一二三四五六七八九十零]+))"
    rf"[ \t]*(?P<scale>万|亿|千|[kK]{_END}|thousand{_END}|million{_END}|[mM]{_END})?"
    rf"(?:[ \t-]?[ \t]*(?P<unit>%|％|per ?cent{_END}|pct{_END}|percentage points?{_END}|points?{_END}|"
    rf"pts?{_END}|pp{_END}|个百分点|分(?!之|钟)|"
    rf"days?{_END}|d{_END}|天|日(?!均)|{_SIGN}|元|yuan{_END}|months?{_END}|mos?{_END}|个月|weeks?{_END}|wks?{_END}|"
    rf"周(?!期)|years?{_END}|yrs?{_END}|y{_END}|年|hours?{_END}|hrs?{_END}|小时|[笔单次个位人名]))?",
)
_SCALES = {"万": 1e4, "亿": 1e8, "千": 1e3, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
_UNITS = {
    "points": ("point", "pt", "pp", "percentage point", "个百分点", "分"),
    "percent": ("%", "％", "percent", "per cent", "pct"),
    "days": ("day", "d", "天", "日", "week", "wk", "周", "month", "mo", "个月", "year", "yr", "y", "年", "hour", "hr",
             "小时"),
    "money": ("元", "yuan", "cny", "rmb", "usd", "eur", "gbp", "¥", "￥", "$", "€", "£"),
}  # fmt: skip
# "12 January", written in November, is next January; "12 June" is last June.
_MONTHS_AHEAD = 6
_DAYS = {"week": 7.0, "wk": 7.0, "周": 7.0, "month": 30.4, "mo": 30.4, "个月": 30.4, "quarter": 91.0, "year": 365.0,
         "yr": 365.0, "y": 365.0, "年": 365.0, "hour": 1 / 24, "hr": 1 / 24, "小时": 1 / 24}  # fmt: skip
# Times of the day are no numbers of a customer.
TIME = re.compile(r"(?<!\d)\d{1,2}[:：]\d{2}(?!\d)")
CLAUSE = re.compile(
    r"(?<!typical)(?<!typically)(?<!客户)[:：](?=\D)|[;；。！？!?\n()（）、，|•·]|\.(?!\d)"
    r"|,(?!\d| (?:which|who|whose|when)\b)"
    r"|\b(?:but|while|although|where(?:as)?|versus|vs|against|than|out of|far from|and|with|plus|though)\b"
    r"|而(?!且)|但|相比|其中|以及"
)


@dataclass(frozen=True)
class Amount:
    """A number of the text in its unit; what it stands for lies between ``low`` and ``high``."""

    value: float
    low: float
    high: float
    unit: str

    def fits(self, other: float) -> bool:
        """Return whether a figure may be written like this, whatever its sign."""
        return self.low - 1e-9 <= abs(other) <= self.high + 1e-9


@dataclass(frozen=True)
class Day:
    """A date of the text; year, month and day may be left out."""

    year: int | None
    month: int | None
    day: int | None

    def fits(self, other: date) -> bool:
        """Return whether a date is the one that was written."""
        return all(
            mine in (None, its)
            for mine, its in ((self.year, other.year), (self.month, other.month), (self.day, other.day))
        )

    def is_after(self, today: date) -> bool:
        """Return whether it lies after ``today``; without a year, whether its next time is nearer than its last."""
        if self.year:
            return (self.year, self.month or 0, self.day or 0) > (
                today.year, today.month if self.month else 0, today.day if self.day else 0
            )  # fmt: skip
        months = ((self.month or today.month) - today.month) % 12
        return 0 < months <= _MONTHS_AHEAD or (months == 0 and (self.day or 0) > today.day)


# Lists of Chinese characters, where the other rows about names are expressions.
_SIGNS = frozenset({"surnames", "also_words", "given", "never"})


@cache
def table() -> Mapping[str, Any]:
    """Return the table of fields and words with its expressions compiled."""
    found = read_shipped(Path(__file__).with_name("topics.yaml").read_text("utf-8"))
    for name in ("roles", "rounding", "latin_names"):
        found[name] = {key: _compiled(text) for key, text in found[name].items()}
    found["names"] = _compiled(found["names"])
    found["common"] = frozenset(found["common"].lower().split())
    found["ways"] = {way: frozenset(words.split()) for way, words in found["ways"].items()}
    people = found["chinese_names"]
    found["chinese_names"] = {
        name: text if name in _SIGNS else re.compile(f"(?:{text})$" if name == "before" else text)
        for name, text in people.items()
    }
    for name in ("fields", "days"):
        found[name] = [{**field, "path": re.compile(field["path"])} for field in found[name]]
    return found  # type: ignore[no-any-return]  # read from YAML


def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text.strip(), re.IGNORECASE)


def blank(text: str, start: int, end: int) -> str:
    """Return the text with a part of it replaced by spaces, so that places stay."""
    return text[:start] + " " * (end - start) + text[end:]


def days_of(unit: str, count: float) -> float:
    """Return the length of a period in days."""
    return count * _DAYS.get(unit, 1.0)


def amount_of(found: re.Match[str]) -> Amount:
    """Return the number of a match with its unit, and the range that its last digit and the words beside it leave."""
    digits = (found.group("digits") or str(_spelled(found))).replace(",", "")
    scale = _SCALES.get((found.group("scale") or "").lower(), 1.0)
    sign = (found.group("currency") or found.group("unit") or "").strip().lower()
    written = sign if sign in ("d", "y") else sign.removesuffix("s")
    unit = next((name for name, signs in _UNITS.items() if written in signs), "count")
    if found.group("share"):
        unit = "percent"
    if unit == "count" and found.group("scale"):
        unit = "money"
    decimals = len(digits.partition(".")[2])
    factor = scale * (days_of(written, 1.0) if unit == "days" else 1.0)
    # 1,200,000 may be rounded to its zeros; 46 is not. No figure has more digits than a float; a draft may.
    zeros = len(digits) - len(digits.rstrip("0")) if not decimals else 0
    exact = 10.0 ** ((max(0, min(zeros, len(digits) - 2, 15)) if len(digits) > 3 else 0) - decimals) * factor
    value = float(digits) * factor
    return _between(found, value, exact / 2 * 1.0001, 10.0 ** (min(zeros, 15) - decimals) * factor, unit)


def _between(found: re.Match[str], value: float, half: float, step: float, unit: str) -> Amount:
    """Return the amount with the range of words such as "about", "over" and "just under"; ``step`` is of its zeros."""
    words = table()["rounding"]
    before, after = found.string[max(0, found.start() - 24) : found.start()], found.string[found.end() :][:8]
    wide = min(max(half, step / 2), max(half, value * 0.1))
    low, high = value - half, value + half
    if words["about"].search(before) or words["about_after"].match(after):
        low, high = value - max(wide, value * 0.03), value + max(wide, value * 0.03)
    if words["under"].search(before) or words["under_after"].match(after):
        low = value - max(min(step, value * 0.15), value * 0.05)
    if words["over"].search(before) or words["over_after"].match(after):
        high = value + max(min(step, value * 0.15), value * 0.05)
    return Amount(value, low, high, unit)


def _spelled(found: re.Match[str]) -> int:
    """Return the value of a number in words."""
    total, part = 0, 0
    words = [word for word in re.split("[ -]", (found.group("words") or "").lower()) if word in _WORDS]
    for sign in words or found.group("chinese") or found.group("bare"):
        value = _WORDS[sign] if words else _CHINESE[sign]
        if sign in _MULTIPLIERS:
            total, part = total + max(part, 1) * value, 0
        else:
            part += value
    return total + part


def date_of(found: re.Match[str]) -> Day | None:
    """Return the date of a match; None if it is no day of the calendar."""
    get = found.groupdict()
    if year := get["zhy"] or get["y"]:
        return Day(int(year), None, None)
    if get["iso"]:
        year, month, day = (int(part) for part in get["iso"].split(get["sep"]))
        return _checked(year, month, day)
    if get["dots"]:
        day, month, year = (int(part) for part in get["dots"].split("."))
        return _checked(year, month, day)
    if get["zh"]:
        return _checked(_int(get["zy"]), int(get["zm"]), _int(get["zd"]))
    name = get["m1"] or get["m2"] or get["m3"]
    month = next(at for at, full in enumerate(_MONTHS, 1) if full.startswith(name.lower()[:3]))
    return _checked(_int(get["y1"] or get["y2"] or get["y3"]), month, _int(get["d1"] or get["d2"]))


def _int(text: str | None) -> int | None:
    return int(text) if text else None


def _checked(year: int | None, month: int, day: int | None) -> Day | None:
    return Day(year, month, day) if 1 <= month <= 12 and (day is None or 1 <= day <= 31) else None
