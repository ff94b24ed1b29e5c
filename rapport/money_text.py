"""Amounts of money as text: in full for sentences, short for tables. Babel knows the signs and names of currencies."""

from functools import cache

from babel.numbers import get_currency_name, get_currency_symbol

from rapport.languages import grammar

MINUS = "−"
# Babel writes CN¥ in English and 人民币 in Chinese to tell currencies apart; the amounts of a company have one.
_OWN_SIGNS = {"CNY": "¥", "JPY": "¥", "USD": "$"}
_OWN_NAMES = {"CNY": "元", "HKD": "港元"}
# Chinese counts money in ten thousands (万) and hundred millions (亿).
_CHINESE_STEPS = ((1e8, "亿"), (1e4, "万"))
_NEARLY = 0.9995
"""From this share of a step on, an amount rounds to the step."""


@cache
def currency_sign(currency: str) -> str:
    """Return what stands before an amount: a sign, or the code and a space for a currency without one."""
    sign = _OWN_SIGNS.get(currency) or (get_currency_symbol(currency, "en") if currency else "")
    return f"{sign} " if sign.isalpha() else sign


@cache
def currency_name(currency: str) -> str:
    """Return the Chinese name of a currency, which stands behind an amount."""
    return _OWN_NAMES.get(currency) or (get_currency_name(currency, locale="zh") if currency else "")


@cache
def _steps(language: str) -> tuple[tuple[float, str], ...]:
    own = grammar(language)
    return _CHINESE_STEPS if own.is_chinese else ((1e9, own.billion), (1e6, own.million), (1e3, own.thousand))


def money_in_full(amount: float, currency: str, language: str) -> str:
    """Return an amount for a sentence: ¥182,400, 18.2万元."""
    minus, size = (MINUS if amount < 0 else ""), abs(amount)
    if not grammar(language).is_chinese:
        return f"{minus}{currency_sign(currency)}{size:,.0f}"
    for step, word in _CHINESE_STEPS:
        if size >= step:
            digits = f"{size / step:,.1f}".removesuffix(".0")
            return f"{minus}{digits}{word}{currency_name(currency)}"
    return f"{minus}{size:,.0f}{currency_name(currency)}"


def short_money(amount: float, currency: str, language: str) -> str:
    """Return an amount short enough for a table: ¥182k, ¥18.2万."""
    sign, size = (MINUS if amount < 0 else "") + currency_sign(currency), abs(amount)
    for step, suffix in _steps(language):
        if size >= step * _NEARLY:
            scaled = size / step
            return f"{sign}{scaled:,.{0 if scaled >= 99.95 else 1}f}{suffix}"
    return f"{sign}{size:,.0f}"
