"""Malformed cards, each with the sentence it gets: what is wrong, where, and what to do."""

import pytest
from small_card import KNOWN, SMALL, refusal_of

from rapport.errors import CardError
from rapport.scoring.cards.card_file import load_card, parse_card_text

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
        "card: small",
        "card: my card",
        "small.yaml, card: “my card” is not a name. Use small letters, digits and _, such as spend_12m.",
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
        "small.yaml: tier good starts at 80, outside the scores 1 to 5, so it or the tier below it can "
        "never be reached.",
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
]


@pytest.mark.parametrize(("old", "new", "sentence"), MALFORMED)
def test_a_malformed_card_gets_a_sentence(old, new, sentence):
    assert refusal_of(old, new) == sentence


def test_the_unmodified_card_is_valid():
    assert parse_card_text(SMALL, "small.yaml", KNOWN).names == ("spend", "source")


def test_an_unknown_card_suggests_the_nearest_name():
    with pytest.raises(CardError, match=r"There is no card “relationships”; did you mean “relationship”\?"):
        load_card("relationships")


def test_a_missing_or_non_utf8_file_is_refused(tmp_path):
    with pytest.raises(CardError, match="there is no such file"):
        load_card(tmp_path / "mine.yaml")
    (tmp_path / "mine.yaml").write_bytes("card: 客户".encode("gb18030"))
    with pytest.raises(CardError, match="not UTF-8 text"):
        load_card(tmp_path / "mine.yaml")
