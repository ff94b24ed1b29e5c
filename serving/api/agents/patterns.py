"""Patterns of claims in English and Chinese text: numbers with units, dates, names, directions of the score."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_MONTH = "|".join((*_MONTHS, *(name[:3] for name in _MONTHS), "sept"))
DATE = re.compile(
    rf"(?P<iso>\b\d{{4}}-\d{{1,2}}-\d{{1,2}}\b)"
    rf"|(?P<zh>(?:(?P<zy>\d{{4}})\s*年\s*)?(?P<zm>\d{{1,2}})\s*月(?:\s*(?P<zd>\d{{1,2}})\s*[日号])?)(?!个)"
    rf"|(?P<dmy>\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<m1>{_MONTH})\b\.?(?:,?\s+(?P<y1>\d{{4}}))?)"
    rf"|(?P<mdy>\b(?P<m2>{_MONTH})\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<y2>\d{{4}}))?)"
    rf"|(?P<my>\b(?P<m3>{_MONTH})\.?\s+(?P<y3>\d{{4}})\b)",
    re.IGNORECASE,
)
_SIGN = r"(?:CNY|RMB|USD|EUR|GBP|[¥￥$€£])"
NUMBER = re.compile(
    rf"(?P<currency>{_SIGN}\s*)?(?<![\w.])(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"\s*(?P<scale>万|亿|千|k\b|K\b|thousand\b|million\b|m\b|M\b)?"
    rf"\s*(?P<unit>%|％|percent\b|percentage points?\b|points?\b|pts?\b|个百分点|分\b|days?\b|天|日\b|{_SIGN}|元|"
    rf"yuan\b|"
    rf"months?\b|个月|weeks?\b|周|years?\b|年|hours?\b|小时|orders?\b|单|笔|tickets?\b|次|个|contacts?\b|位|人)?",
)
_SCALES = {"万": 1e4, "亿": 1e8, "千": 1e3, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
NAME_EN = re.compile(r"(?P<name>\b[A-Z][a-z]+(?:[ -][A-Z][a-z]+)+\b)")
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚"
    "卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严"
)
NAME_ZH = re.compile(
    rf"(?P<name>[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}(?=总|经理|先生|女士|主任|主管|老师|小姐|部长|科长|工程师)"
    r"|[\u4e00-\u9fff]{2,10}(?:有限公司|集团))"
)
_UP = r"rose|risen|rise[sn]?|rising|increas\w*|climb\w*|went up|grew|up|higher|worsen\w*|上升|升高|增加|上涨|恶化|提高"
_DOWN = (
    r"fell|fallen|fall\w*|drop\w*|declin\w*|decreas\w*|went down|lower|improv\w*|eased|down|下降|降低|减少|回落|下跌|"
    r"好转"
)
_SUBJECT = r"risk|probability|likelihood|chance|score|风险|概率|评分|可能性"
DIRECTION = re.compile(
    rf"(?:{_SUBJECT})[^.。;；,，\n]{{0,40}}?(?P<way>\b(?:{_UP}|{_DOWN})\b|{_UP}|{_DOWN})", re.IGNORECASE
)


@dataclass(frozen=True)
class Amount:
    """A number of the text in its unit: percent, days, money or count; ``step`` is what its last digit stands for."""

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


_UNITS = (
    ("percent", ("%", "％", "percent", "point", "pt", "百分点")),
    ("days", ("day", "天", "日", "week", "周", "month", "个月", "year", "年", "hour", "小时")),
    ("money", ("元", "yuan", "CNY", "RMB", "USD", "EUR", "GBP", "¥", "￥", "$", "€", "£")),
)  # fmt: skip
_DAYS = {
    "week": 7.0,
    "周": 7.0,
    "month": 30.4,
    "个月": 30.4,
    "year": 365.0,
    "年": 365.0,
    "hour": 1 / 24,
    "小时": 1 / 24,
}


def amount_of(found: re.Match[str]) -> Amount:
    """Return the number of a match with its unit and the step of its last digit."""
    digits = found.group("digits").replace(",", "")
    scale = _SCALES.get((found.group("scale") or "").lower(), 1.0)
    if (found.group("scale") or "") in _SCALES:
        scale = _SCALES[found.group("scale")]
    written = (found.group("currency") or "") + (found.group("unit") or "")
    unit = next((name for name, signs in _UNITS if any(sign in written for sign in signs)), "count")
    if unit == "count" and found.group("scale"):
        unit = "money"
    decimals = len(digits.partition(".")[2])
    factor = scale * next((days for sign, days in _DAYS.items() if unit == "days" and sign in written), 1.0)
    # 1,200,000 may be rounded to its zeros; 46 is not.
    zeros = len(digits) - len(digits.rstrip("0")) if not decimals and len(digits) > 3 else 0
    return Amount(float(digits) * factor, 10.0 ** (min(zeros, len(digits) - 2) - decimals) * factor, unit)


def date_of(found: re.Match[str]) -> Day | None:
    """Return the date of a match; None if it is no day of the calendar."""
    get = found.groupdict()
    if get["iso"]:
        year, month, day = (int(part) for part in get["iso"].split("-"))
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
