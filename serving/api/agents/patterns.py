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
    rf"|{_START}(?P<my>(?P<m3>{_MONTH})\.?\s+(?P<y3>\d{{4}}){_END})",
    re.IGNORECASE,
)
_SIGN = r"(?:CNY|RMB|USD|EUR|GBP|[¥￥$€£])"
NUMBER = re.compile(
    rf"(?P<currency>{_SIGN}\s*)?{_START}(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"\s*(?P<scale>万|亿|千|[kK]{_END}|thousand{_END}|million{_END}|[mM]{_END})?"
    rf"\s*(?P<unit>%|％|percent{_END}|percentage points?{_END}|points?{_END}|pts?{_END}|个百分点|分(?!之|钟)|"
    rf"days?{_END}|天|日(?!均)|{_SIGN}|元|yuan{_END}|months?{_END}|个月|weeks?{_END}|周(?!期)|years?{_END}|年|"
    rf"hours?{_END}|小时|[笔单次个位人名])?",
)
_SCALES = {"万": 1e4, "亿": 1e8, "千": 1e3, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
_UNITS = (
    ("points", ("point", "pt", "百分点", "分")),
    ("percent", ("%", "％", "percent")),
    ("days", ("day", "天", "日", "week", "周", "month", "个月", "year", "年", "hour", "小时")),
    ("money", ("元", "yuan", "CNY", "RMB", "USD", "EUR", "GBP", "¥", "￥", "$", "€", "£")),
)  # fmt: skip
_DAYS = {"week": 7.0, "周": 7.0, "month": 30.4, "个月": 30.4, "quarter": 91.0, "year": 365.0, "年": 365.0,
         "hour": 1 / 24, "小时": 1 / 24}  # fmt: skip
CLAUSE = re.compile(
    r"(?<!typical)(?<!typically)(?<!客户)[:：](?=\D)|[;；。！？!?\n()（）、，]|\.(?!\d)"
    r"|,(?!\d| (?:which|who|whose|when)\b)"
    r"|\b(?:but|while|although|where(?:as)?|versus|vs|against|than|out of|far from|and|with|plus|though)\b"
    r"|而(?!且)|但|相比|其中|以及"
)
SENTENCE = re.compile(r"[。！？!?\n]|(?<!\d)\.(?=\s|$)|(?<=\d)\.(?=\s|$)")
DIRECTION = re.compile(
    r"(?<!使)(?<!令)(?<!使流失)(?<!令流失)"
    r"(?:(?<!at )risk|probability|likelihood|chance|score|风险|概率|评分|可能性)(?!金额)"
    r"[^.。;；,，\n]{0,60}?(?:[,，] ?(?:since|自)[^.。;；,，\n]{0,20}?)?(?P<way>"
    r"\b(?:rose|risen|rises?|rising|increas\w*|climb\w*|went up|grew|(?<!adds )(?<!add )up|higher|worsen\w*)\b|"
    r"上升|升高|增加|上涨|恶化|提高|走高|"
    r"(?P<down>\b(?:fell|fallen|fall\w*|drop\w*|declin\w*|decreas\w*|went down|lower|improv\w*|eased|down)\b|"
    r"下降|降低|减少|回落|下跌|好转|走低|降至|降到))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Amount:
    """A number of the text in its unit; ``step`` is what its last digit stands for."""

    value: float
    step: float
    unit: str


@dataclass(frozen=True)
class Day:
    """A date of the text; year and day may be left out."""

    year: int | None
    month: int
    day: int | None

    def fits(self, other: date) -> bool:
        """Return whether a date is the one that was written."""
        return self.month == other.month and self.year in (None, other.year) and self.day in (None, other.day)


@cache
def table() -> Mapping[str, Any]:
    """Return the table of topics, fields and words with its expressions compiled."""
    found = read_shipped(Path(__file__).with_name("topics.yaml").read_text("utf-8"))
    for name in ("topics", "roles"):
        found[name] = {key: _compiled(text) for key, text in found[name].items()}
    for name in ("names", "now", "peers", "past", "past_value", "up", "down", "windows", "scale_top"):
        found[name] = _compiled(found[name])
    found |= {"exclusive": frozenset(found["exclusive"]), "common": frozenset(found["common"].split())}
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
    return count * next((days for sign, days in _DAYS.items() if sign in unit), 1.0)


def amount_of(found: re.Match[str]) -> Amount:
    """Return the number of a match with its unit and the step of its last digit."""
    digits = found.group("digits").replace(",", "")
    scale = _SCALES.get((found.group("scale") or "").lower(), 1.0)
    written = (found.group("currency") or "") + (found.group("unit") or "")
    unit = next((name for name, signs in _UNITS if any(sign in written for sign in signs)), "count")
    if unit == "count" and found.group("scale"):
        unit = "money"
    decimals = len(digits.partition(".")[2])
    factor = scale * (days_of(written, 1.0) if unit == "days" else 1.0)
    # 1,200,000 may be rounded to its zeros; 46 is not.
    zeros = len(digits) - len(digits.rstrip("0")) if not decimals and len(digits) > 3 else 0
    # No figure has more digits than a float; a draft may.
    return Amount(float(digits) * factor, 10.0 ** (max(0, min(zeros, len(digits) - 2, 15)) - decimals) * factor, unit)


def date_of(found: re.Match[str]) -> Day | None:
    """Return the date of a match; None if it is no day of the calendar."""
    get = found.groupdict()
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
