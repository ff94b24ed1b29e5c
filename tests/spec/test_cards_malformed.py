"""Malformed cards, each with the sentence it gets: what is wrong, where, and what to do."""

import pytest

from history.errors import CardError
from scoring.cards.reading import card_of_text, load_card

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
NO_LINES = SMALL[SMALL.index("\n      - name: spend") : SMALL.index("tiers:")]
BANDS = "bands: {5: {at_least: 1000}, 4: {at_least: 500}}"

MALFORMED = [
    pytest.param(
        SMALL,
        "",
        "small.yaml: expected “key: value” lines, found nothing.",
        id="an empty file",
    ),
    pytest.param(
        SMALL,
        "- card\n- version\n",
        "small.yaml: expected “key: value” lines, found a list.",
        id="a list instead of keys",
    ),
    pytest.param(
        "{en: Small, zh: 小}",
        "{en: Small, zh: 小",
        "small.yaml, line 4: this is not YAML (expected ',' or '}', but got ':'). Check indents, colons and quotes.",
        id="a lost bracket",
    ),
    pytest.param(
        "    indicators:",
        "\tindicators:",
        "small.yaml, line 7: this is not YAML (found character '\\t' that cannot start any token). Check "
        "indents, colons and quotes.",
        id="a tab",
    ),
    pytest.param(
        "version: 1",
        "version: 1\nversion: 2",
        "small.yaml, line 3: “version” is given twice; keep one of them.",
        id="a key given twice",
    ),
    pytest.param(
        "version: 1\n",
        "",
        "small.yaml: “version” is missing.",
        id="a lost key",
    ),
    pytest.param(
        "tiers:",
        "teirs:",
        "small.yaml: “teirs” is not a key here; did you mean “tiers”? Keys: card, version, label, "
        "dimensions, tiers, of, scale.",
        id="a mistyped key",
    ),
    pytest.param(
        "        weight: 60",
        "        wieght: 60",
        "small.yaml, dimension value, indicator spend: “wieght” is not a key here; did you mean “weight”? "
        "Keys: name, label, family, weight, feature, sum, bands, quantiles, good, values, otherwise, unless, "
        "usual, optional.",
        id="an unknown key in a line",
    ),
    pytest.param(
        "card: small",
        "card: my card",
        "small.yaml, card: “my card” is no name. Use small letters, digits and _, such as spend_12m.",
        id="a name with a blank",
    ),
    pytest.param(
        "version: 1",
        "version: 1.5",
        "small.yaml, version: “1.5” is not a whole number of at least 1.",
        id="a version that is no whole number",
    ),
    pytest.param(
        "version: 1",
        "version: 0",
        "small.yaml, version: “0” is not a whole number of at least 1.",
        id="a version below one",
    ),
    pytest.param(
        "{en: Spend, zh: 消费}",
        "{en: Spend}",
        "small.yaml, dimension value, indicator spend, label: “zh” is missing.",
        id="a label in one language",
    ),
    pytest.param(
        "{en: Spend, zh: 消费}",
        "Spend",
        "small.yaml, dimension value, indicator spend, label: expected “key: value” lines, found “Spend”.",
        id="a label that is plain text",
    ),
    pytest.param(
        "weight: 60",
        "weight: sixty",
        "small.yaml, dimension value, indicator spend, weight: “sixty” is no number. Write it plainly, such "
        "as 1000000 or 0.25.",
        id="a weight in words",
    ),
    pytest.param(
        "at_least: 1000}",
        'at_least: "1,000"}',
        "small.yaml, dimension value, indicator spend, bands, 5, at_least: “1,000” is no number. Write it "
        "plainly, such as 1000000 or 0.25.",
        id="a weight with a separator",
    ),
    pytest.param(
        "weight: 60",
        "weight: -60",
        "small.yaml, dimension value, indicator spend, weight: -60 is below 0. Turn the bands round instead.",
        id="a weight below nothing",
    ),
    pytest.param(
        "weight: 60",
        "weight: .nan",
        "small.yaml, dimension value, indicator spend, weight: nan is no finite number.",
        id="a weight that is no finite number",
    ),
    pytest.param(
        "weight: ",
        "weight: 0  # ",
        "small.yaml: every weight is 0. Give at least one indicator a weight.",
        id="only weights of nothing",
    ),
    pytest.param(
        "family: value",
        "family: valeu",
        "small.yaml, dimension value, indicator spend, family: “valeu” is not known; did you mean “value”? "
        "Choose one of: recency, rhythm, frequency, value, trend, engagement, relationship, service, "
        "satisfaction, payment, risk, marketing, opportunity, contract, fit, sentiment, tenure.",
        id="a family that does not exist",
    ),
    pytest.param(
        "spend_sum_365d",
        "spend_sum_366d",
        "small.yaml: indicator spend: there is no feature “spend_sum_366d”; did you mean “spend_sum_365d”? "
        "docs/features.md lists all.",
        id="a feature that does not exist",
    ),
    pytest.param(
        "        feature: spend_sum_365d\n",
        "",
        "small.yaml, dimension value, indicator spend: give either “feature” (one) or “sum” (several, each "
        "with a factor).",
        id="neither feature nor sum",
    ),
    pytest.param(
        "        feature: spend_sum_365d",
        "        feature: spend_sum_365d\n        sum: {orders_count_90d: 2}",
        "small.yaml, dimension value, indicator spend: give either “feature” (one) or “sum” (several, each "
        "with a factor).",
        id="both feature and sum",
    ),
    pytest.param(
        "        bands: {5: {at_least: 1000}, 4: {at_least: 500}}\n",
        "",
        "small.yaml, dimension value, indicator spend: give one of “bands” (thresholds), “quantiles” or "
        "“values” (categories).",
        id="no bands at all",
    ),
    pytest.param(
        "        feature: spend_sum_365d",
        "        feature: spend_sum_365d\n        quantiles: {5: 0.8}",
        "small.yaml, dimension value, indicator spend: give one of “bands” (thresholds), “quantiles” or "
        "“values” (categories).",
        id="bands and quantiles",
    ),
    pytest.param(
        "5: {at_least: 1000}",
        "6: {at_least: 1000}",
        "small.yaml, dimension value, indicator spend, bands, 6: “6” is no band; bands are 1 (worst) to 5 (best).",
        id="a band six",
    ),
    pytest.param(
        "5: {at_least: 1000}",
        "5: {at_least: 1000, at_most: 2000}",
        "small.yaml, dimension value, indicator spend, bands, 5: give exactly one of at_least, above, at_most, below.",
        id="a band with two bounds",
    ),
    pytest.param(
        "5: {at_least: 1000}",
        "5: 1000",
        "small.yaml, dimension value, indicator spend, bands, 5: expected “key: value” lines, found “1000”.",
        id="a band that is a number",
    ),
    pytest.param(
        "5: {at_least: 1000}",
        "5: {atleast: 1000}",
        "small.yaml, dimension value, indicator spend, bands, 5: “atleast” is not a key here; did you mean "
        "“at_least”? Keys: at_least, above, at_most, below.",
        id="a bound that does not exist",
    ),
    pytest.param(
        "4: {at_least: 500}",
        "4: {at_least: 2000}",
        "small.yaml, dimension value, indicator spend, bands: band 4 (at_least 2000) can never be reached "
        "beside band 5 (at_least 1000). Thresholds have to fall from band 5 to band 2.",
        id="a band that can never be reached",
    ),
    pytest.param(
        "4: {at_least: 500}",
        "4: {at_most: 500}",
        "small.yaml, dimension value, indicator spend, bands: bounds from below and from above are mixed. "
        "Use at_least/above or at_most/below.",
        id="bounds in two directions",
    ),
    pytest.param(
        "4: {at_least: 500}",
        "1: {at_least: 500}",
        "small.yaml, dimension value, indicator spend, bands: band 1 is all that reaches no other band; leave it out.",
        id="a bound for band one",
    ),
    pytest.param(
        "2: [list]",
        "2: [list, web]",
        "small.yaml, dimension value, indicator source, values: “web” is in two bands. Keep it in one.",
        id="a category in two bands",
    ),
    pytest.param(
        BANDS,
        "quantiles: {5: 0.8, 4: 0.6}",
        "small.yaml, dimension value, indicator spend: quantiles need “good: high” or “good: low”.",
        id="quantiles without a direction",
    ),
    pytest.param(
        BANDS,
        "quantiles: {5: 80}\n        good: high",
        "small.yaml, dimension value, indicator spend, quantiles: a quantile is a share between 0 and 1, "
        "such as 0.8 for the best fifth.",
        id="a quantile of eighty",
    ),
    pytest.param(
        BANDS,
        "quantiles: {5: 0.6, 4: 0.8}\n        good: high",
        "small.yaml, dimension value, indicator spend, quantiles: quantiles have to fall from band 5 to band "
        "2, such as {5: 0.8, 4: 0.6, 3: 0.4, 2: 0.2}.",
        id="quantiles that rise",
    ),
    pytest.param(
        "name: source",
        "name: spend",
        "small.yaml: indicator “spend” is there twice. Give each its own name.",
        id="two lines of one name",
    ),
    pytest.param(
        NO_LINES,
        " []\n",
        "small.yaml, dimension value, indicators: expected a list of at least one indicator, found nothing.",
        id="no lines in a dimension",
    ),
    pytest.param(
        "signal: red}",
        "signal: red, at_least: 1}",
        "small.yaml, tier bad: the lowest tier may have no at_least, or scores below it would have no tier.",
        id="a lowest tier with a floor",
    ),
    pytest.param(
        ", at_least: 3}",
        "}",
        "small.yaml, tier good: at_least is missing; only the lowest tier goes without.",
        id="a higher tier without a floor",
    ),
    pytest.param(
        "signal: green, at_least: 3}",
        "signal: green, at_least: 3}\n  - {name: best, label: {en: Best, zh: 优}, signal: green, at_least: 4}",
        "small.yaml, tier best: at_least 4 is not below 3 of the tier above it. Write the best first.",
        id="tiers from worst to best",
    ),
    pytest.param(
        "at_least: 3}",
        "at_least: 80}",
        "small.yaml: tier good starts at 80, outside the scores 1 to 5, so that it or the tier below it is "
        "never reached.",
        id="a tier that no score reaches",
    ),
    pytest.param(
        "signal: red",
        "signal: orange",
        "small.yaml, tier bad, signal: “orange” is not known. Choose one of: green, amber, red.",
        id="a signal of another colour",
    ),
    pytest.param(
        "version: 1",
        "version: 1\nscale: [100, 0]",
        "small.yaml, scale: give two numbers, the score at band 1 and the higher one at band 5, such as [0, 100].",
        id="a scale upside down",
    ),
    pytest.param(
        "weight: 60",
        "weight: 60\n        usual: 0",
        "small.yaml, dimension value, indicator spend, usual: 0 is no band; the usual band lies between 1 and 5.",
        id="a usual band of nought",
    ),
    pytest.param(
        "weight: 60",
        "weight: 60\n        unless: {band: 1, at_least: 1}",
        "small.yaml, dimension value, indicator spend, unless: “feature” is missing.",
        id="an exception without a feature",
    ),
]


@pytest.mark.parametrize(("old", "new", "sentence"), MALFORMED)
def test_a_malformed_card_gets_a_sentence(old, new, sentence):
    with pytest.raises(CardError) as refused:
        card_of_text(SMALL.replace(old, new), "small.yaml", KNOWN)
    assert str(refused.value) == sentence


def test_the_card_they_are_made_from_is_well_formed():
    assert card_of_text(SMALL, "small.yaml", KNOWN).names == ("spend", "source")


def test_a_card_that_is_not_there_gets_the_nearest_name():
    with pytest.raises(CardError, match=r"There is no card “relationships”; did you mean “relationship”\?"):
        load_card("relationships")


def test_a_file_that_is_not_there_or_not_utf8_is_said(tmp_path):
    with pytest.raises(CardError, match="there is no such file"):
        load_card(tmp_path / "mine.yaml")
    (tmp_path / "mine.yaml").write_bytes("card: 客户".encode("gb18030"))
    with pytest.raises(CardError, match="not UTF-8 text"):
        load_card(tmp_path / "mine.yaml")
