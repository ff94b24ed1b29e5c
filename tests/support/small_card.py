"""A card of two lines that is well formed, from which malformed ones are made."""

import pytest

from rapport.errors import CardError
from rapport.scoring.cards.card_file import parse_card_text

KNOWN = ("spend_sum_365d", "orders_count_90d", "attribute_source")
SMALL = """\
card: small
version: 1
label: {en: Small, zh: 小}
dimensions:
  - name: value
    label: {en: Value, zh: 价值}
    indicators:
      - name: spend
        label: {en: Spend, zh: 消费}
        family: value
        weight: 60
        feature: spend_sum_365d
        bands: {5: {at_least: 1000}, 4: {at_least: 500}}
      - name: source
        label: {en: Source, zh: 来源}
        family: fit
        weight: 40
        feature: attribute_source
        values: {5: [web, fair], 2: [list]}
tiers:
  - {name: good, label: {en: Good, zh: 好}, signal: green, at_least: 3}
  - {name: bad, label: {en: Bad, zh: 差}, signal: red}
"""


def refusal_of(old: str, new: str) -> str:
    """Give the sentence that the card gets when ``new`` stands in it for ``old``."""
    with pytest.raises(CardError) as refused:
        parse_card_text(SMALL.replace(old, new), "small.yaml", KNOWN)
    return str(refused.value)
