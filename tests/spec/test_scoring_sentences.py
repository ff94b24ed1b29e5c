"""The table of sentences: what it may hold, and that it speaks of the catalog as it is."""

import re

import pytest
from rapport.features import FAMILIES, catalog
from rapport.scoring.wording.table import table, table_of

from rapport.errors import CardError

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


def test_every_sentence_speaks_of_features_that_are_measured():
    names = set(catalog().names)
    spoken = {name for each in table().sentences for name in (*each.lead, *each.features)}
    assert spoken - names == set()


def test_every_family_has_words_and_every_lead_is_of_its_family():
    assert set(table().families) == set(FAMILIES)
    family = {feature.name: feature.family for feature in catalog().features}
    strangers = {each.code: name for each in table().sentences for name in each.lead if family[name] != each.family}
    assert strangers == {}


def test_each_language_is_written_in_its_own_script():
    advised = [advice for family in table().families.values() for advice in family.advice.values()]
    advised += [each.advice for each in table().sentences if each.advice]
    for words in [*advised, *(each.text for each in table().sentences)]:
        assert not CHINESE.search(words.en)
        assert CHINESE.search(words.zh)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"code": "REC-01"}, "must begin with the code of its family"),
        ({"text": {"en": "Open.", "zh": "未结：{n}。"}}, "must name exactly the facts n"),
        ({"because": "x"}, "because is not understood"),
        ({"when": {"tickets_open": {"over": 1}}}, "choose one of above, at_least, below, at_most"),
    ],
)
def test_a_sentence_that_does_not_hold_together_is_refused(changed, refusal):
    with pytest.raises(CardError, match=refusal):
        table_of(sentence(**changed))
