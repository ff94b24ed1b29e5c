"""Checks of phone numbers, e-mail addresses and tax numbers, where the table of customers has such columns."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from rapport.history.checks.finding import EXAMPLES, Finding, message
from rapport.history.reading.history import History
from rapport.history.sql import quoted

_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;.]+(\.[^@\s,;.]+)+")
_CHINESE_MOBILE = re.compile(r"(?:86)?1[3-9]\d{9}")
_CHINESE_LANDLINE = re.compile(r"(?:86)?0?(?:10|2\d|[3-9]\d{2})[2-8]\d{6,7}")
_VAT = re.compile(r"[A-Z]{2}[0-9A-Z]{8,12}|\d{2}-?\d{7}")
_CREDIT_CODE, _CREDIT_CODE_LENGTH = "0123456789ABCDEFGHJKLMNPQRTUWXY", 18
_AREAS = {
    "010": "北京", "020": "广州", "021": "上海", "022": "天津", "023": "重庆", "025": "南京", "027": "武汉",
    "028": "成都", "029": "西安", "0512": "苏州", "0532": "青岛", "0571": "杭州", "0574": "宁波", "0592": "厦门",
    "0755": "深圳",
}  # fmt: skip


def is_email(text: str) -> bool:
    """Tell whether a text has the form of an e-mail address."""
    return _EMAIL.fullmatch(text.strip()) is not None


def is_phone(text: str) -> bool:
    """Tell whether a text can be a phone number: a Chinese one in full, else 7 to 15 digits."""
    digits = re.sub(r"[\s().+/-]", "", text.strip())
    if text.strip().startswith(("+86", "0086")):
        digits = digits.removeprefix("00")
        return any(form.fullmatch(digits) for form in (_CHINESE_MOBILE, _CHINESE_LANDLINE))
    if len(digits) == 11 and digits.startswith("1") and digits.isdigit():
        return text.strip().startswith("+") or _CHINESE_MOBILE.fullmatch(digits) is not None
    return digits.isdigit() and 7 <= len(digits) <= 15


def is_tax_id(text: str) -> bool:
    """Tell whether a text can be a tax number: a credit code with its check sign, a VAT number or an EIN."""
    code = re.sub(r"[\s.]", "", text.strip().upper())
    if len(code) == _CREDIT_CODE_LENGTH:
        if any(sign not in _CREDIT_CODE for sign in code):
            return False
        total = sum(_CREDIT_CODE.index(sign) * pow(3, place, 31) for place, sign in enumerate(code[:17]))
        return _CREDIT_CODE.index(code[17]) == (31 - total % 31) % 31
    return _VAT.fullmatch(code) is not None or (len(code) == 15 and code.isdigit())


_FIELDS: tuple[tuple[str, frozenset[str], Callable[[str], bool]], ...] = (
    ("field.email", frozenset({"email", "e_mail", "mail", "邮箱"}), is_email),
    ("field.phone", frozenset({"phone", "mobile", "telephone", "tel", "电话", "手机", "联系电话"}), is_phone),
    ("field.tax", frozenset({"tax_id", "vat_id", "vat_number", "credit_code", "税号", "统一社会信用代码"}), is_tax_id),
)


def field_formats(history: History, _: datetime) -> Iterable[Finding]:
    """Find columns of customers with values that cannot be an e-mail address, a phone number or a tax number."""
    if "customers" not in history.loaded:
        return
    columns = [str(row[0]) for row in history.connection.execute("DESCRIBE customers").fetchall()]
    for column in columns:
        for meaning, names, fits in _FIELDS:
            if column.lower() in names:
                yield from _misfits(history, column, meaning, fits)
        if column.lower() in _FIELDS[1][1] and "region" in history.present.get("customers", ()):
            yield from _foreign_areas(history, column)


def _misfits(history: History, column: str, meaning: str, fits: Callable[[str], bool]) -> Iterable[Finding]:
    rows = _values(history, column)
    # Customers are named instead of values, which are personal.
    wrong = [customer for customer, value, _ in rows if not fits(value)]
    if wrong:
        facts = {"column": column, "values": len(wrong), "examples": wrong[:EXAMPLES]}
        listed = ", ".join(wrong[:EXAMPLES])
        yield Finding.of(
            "note", "field_format", "customers", facts, total=len(rows), meaning=message(meaning), listed=listed
        )


def _foreign_areas(history: History, column: str) -> Iterable[Finding]:
    """Find landlines whose area code is that of another city than the customer's region."""
    wrong = [
        customer
        for customer, value, region in _values(history, column)
        if (city := _city(value)) and any(other in region for other in _AREAS.values()) and city not in region
    ]
    if wrong:
        facts = {"column": column, "values": len(wrong), "examples": wrong[:EXAMPLES]}
        yield Finding.of("note", "phone_region", "customers", facts, listed=", ".join(wrong[:EXAMPLES]))


def _city(phone: str) -> str | None:
    digits = re.sub(r"[\s()/-]", "", phone.strip())
    digits = f"0{rest.lstrip('0')}" if (rest := digits.removeprefix("+86")) != digits else digits
    return _AREAS.get(digits[:3]) or _AREAS.get(digits[:4])


def _values(history: History, column: str) -> list[tuple[str, str, str]]:
    region = "region" if "region" in history.present.get("customers", ()) else "NULL"
    return history.connection.execute(
        f"SELECT customer_id, {quoted(column)}::VARCHAR, coalesce({region}::VARCHAR, '') FROM customers "
        f"WHERE trim({quoted(column)}::VARCHAR) <> '' ORDER BY customer_id"
    ).fetchall()
