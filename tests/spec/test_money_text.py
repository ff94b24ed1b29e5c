"""Amounts of money: the same sign and steps in sentences, tables and reports, for any currency."""

import pytest

from rapport.money_text import money_in_full, short_money
from rapport.serving.console import formats


@pytest.mark.parametrize(
    ("currency", "in_full", "short", "chinese", "short_chinese"),
    [
        ("CNY", "¥182,400", "¥182k", "18.2万元", "¥18.2万"),
        ("USD", "$182,400", "$182k", "18.2万美元", "$18.2万"),
        ("HKD", "HK$182,400", "HK$182k", "18.2万港元", "HK$18.2万"),
        ("KRW", "₩182,400", "₩182k", "18.2万韩元", "₩18.2万"),
        ("CHF", "CHF 182,400", "CHF 182k", "18.2万瑞士法郎", "CHF 18.2万"),
        ("", "182,400", "182k", "18.2万", "18.2万"),
    ],
)
def test_an_amount_has_the_sign_of_its_currency(currency, in_full, short, chinese, short_chinese):
    assert (money_in_full(182_400, currency, "en"), short_money(182_400, currency, "en")) == (in_full, short)
    assert (money_in_full(182_400, currency, "zh"), short_money(182_400, currency, "zh")) == (chinese, short_chinese)


def test_a_negative_amount_has_its_minus_before_the_sign():
    assert formats.full_money(-5400, "USD") == money_in_full(-5400, "USD", "en") == "−$5,400"
    assert short_money(-5400, "CHF", "en") == "−CHF 5.4k"
