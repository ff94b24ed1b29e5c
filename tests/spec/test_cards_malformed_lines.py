"""Malformed lines of a card, their weights, bands and values, each with the sentence it gets."""

import pytest
from small_card import SMALL, refusal_of

NO_LINES = SMALL[SMALL.index("\n      - name: spend") : SMALL.index("tiers:")]
BANDS = "bands: {5: {at_least: 1000}, 4: {at_least: 500}}"

MALFORMED = [
    pytest.param(
        "        weight: 60",
        "        wieght: 60",
        "small.yaml, dimension value, indicator spend: “wieght” is not a key here; did you mean “weight”? "
        "Keys: name, label, family, weight, feature, sum, bands, quantiles, good, values, otherwise, unless, "
        "usual, optional.",
        id="an unknown key in a line",
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
        "small.yaml, dimension value, indicator spend, weight: “sixty” is not a number. Write it plainly, such "
        "as 1000000 or 0.25.",
        id="a weight in words",
    ),
    pytest.param(
        "at_least: 1000}",
        'at_least: "1,000"}',
        "small.yaml, dimension value, indicator spend, bands, 5, at_least: “1,000” is not a number. Write it "
        "plainly, such as 1000000 or 0.25.",
        id="a weight with a separator",
    ),
    pytest.param(
        "weight: 60",
        "weight: -60",
        "small.yaml, dimension value, indicator spend, weight: -60 is below 0. Reverse the bands instead.",
        id="a weight below nothing",
    ),
    pytest.param(
        "weight: 60",
        "weight: .nan",
        "small.yaml, dimension value, indicator spend, weight: “nan” is not a finite number.",
        id="a weight that is not a finite number",
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
        "small.yaml, dimension value, indicator spend, bands, 6: “6” is not a band; bands are 1 (worst) to 5 (best).",
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
        "small.yaml, dimension value, indicator spend, bands: band 1 is every value that reaches no "
        "other band; leave it out.",
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
        "weight: 60",
        "weight: 60\n        usual: 0",
        "small.yaml, dimension value, indicator spend, usual: 0 is not a band; the usual band lies between 1 and 5.",
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
def test_a_malformed_line_gets_a_sentence(old, new, sentence):
    assert refusal_of(old, new) == sentence
