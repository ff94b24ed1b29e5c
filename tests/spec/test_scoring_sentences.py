"""The catalog of sentences: its format, and its consistency with the feature catalog."""

import re

import pytest

from rapport.errors import CardError
from rapport.features import FAMILIES, catalog
from rapport.scoring.models.columns import feature_columns
from rapport.scoring.reasons.feature_sentences import feature_templates, parse_feature_sentences
from rapport.scoring.reasons.numbers import comparable_formatter
from rapport.scoring.reasons.sentences import parse_catalog, sentence_catalog

FAMILY = {"service": {"code": "SER", "title": {"en": "Service", "zh": "服务"}}}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def sentence(**changed: object) -> dict[str, object]:
    plain = {
        "family": "service",
        "lead": ["tickets_open"],
        "says": "up",
        "text": {"en": "Open: {n}.", "zh": "未结：{n}。"},
        "facts": {"n": "tickets_open"},
    }
    return {"families": FAMILY, "sentences": {changed.pop("code", "SER-01"): plain | changed}}


def test_every_sentence_reads_only_catalog_features():
    names = set(catalog().names)
    spoken = {name for each in sentence_catalog().sentences for name in (*each.lead, *each.features)}
    assert spoken - names == set()


def test_every_family_has_texts_and_every_leading_feature_is_of_its_family():
    assert set(sentence_catalog().families) == set(FAMILIES)
    family = {feature.name: feature.family for feature in catalog().features}
    strangers = {
        each.code: name for each in sentence_catalog().sentences for name in each.lead if family[name] != each.family
    }
    assert strangers == {}


def test_each_language_is_written_in_its_own_script():
    advised = [advice for family in sentence_catalog().families.values() for advice in family.advice.values()]
    advised += [each.advice for each in sentence_catalog().sentences if each.advice]
    for words in [*advised, *(each.text for each in sentence_catalog().sentences)]:
        assert not CHINESE.search(words.en)
        assert CHINESE.search(words.zh)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"code": "REC-01"}, "must start with the code of its family"),
        ({"text": {"en": "Open.", "zh": "未结：{n}。"}}, "must name exactly the facts n"),
        ({"because": "x"}, "^sentences.yaml, sentences, SER-01: “because” is not a key here"),
        ({"when": {"tickets_open": {"over": 1}}}, "Choose one of: above, at_least, below, at_most"),
        ({"when": {"tickets_open": {"above": "1"}}}, "when, tickets_open, above: “1” is not a number"),
        ({"says": "upp"}, "says: “upp” is not known; did you mean “up”"),
        ({"lead": []}, "SER-01: give “peers”"),
    ],
)
def test_an_inconsistent_sentence_is_refused(changed, refusal):
    with pytest.raises(CardError, match=refusal):
        parse_catalog(sentence(**changed))


@pytest.mark.parametrize(
    ("condition", "changed", "refusal"),
    [
        ("any", {"because": "x"}, "^feature_sentences.yaml, tickets_open, any: “because” is not a key here"),
        ("any", {"zh": None}, "tickets_open, any: “zh” is missing"),
        ("any", {"compare": "no"}, "compare: “no” is neither true nor false"),
        ("beneath 3", {}, "“beneath 3” is not one of none, zero, one"),
        ("below three", {}, "“below three” is not one of none, zero, one"),
    ],
)
def test_an_inconsistent_sentence_of_a_feature_is_refused(condition, changed, refusal):
    with pytest.raises(CardError, match=refusal):
        parse_feature_sentences({"tickets_open": {condition: {"en": "Open: {v}.", "zh": "未结：{v}。"} | changed}})


@pytest.mark.parametrize(
    ("value", "typical", "unit", "en", "zh"),
    [
        (760, 552, "days", "1.5 years", "1.5 年"),
        (600, 1100, "days", "1,100 days", "1,100 天"),
        (760, 1100, "days", "3 years", "3 年"),
        (5, 96, "hours", "96 hours", "96 小时"),
        (96, 12, "hours", "0.5 days", "0.5 天"),
        (3, 7, "count", "7", "7"),
    ],
)
def test_what_is_typical_is_written_in_the_unit_of_the_fact(value, typical, unit, en, zh):
    assert comparable_formatter(unit, "en", "")(value, typical) == en
    assert comparable_formatter(unit, "zh", "")(value, typical) == zh


def test_a_lead_is_no_customer_in_the_sentences_of_a_conversion_model():
    columns = feature_columns(catalog().features, "conversion")
    texts = {target: [each.text for each in feature_templates(columns, target)] for target in ("churn", "conversion")}
    wrong = re.compile("(?i)\\b(the|this) customer|该客户|客户主动")
    spoken = {target: sum(bool(wrong.search(each.en + each.zh)) for each in found) for target, found in texts.items()}
    assert spoken["conversion"] == 0
    assert spoken["churn"] > 20
