"""Laws of hand-written files: whatever is wrong, the answer is one sentence in both languages that names the file."""

import copy
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from small_card import SMALL

from rapport.errors import CardError
from rapport.scoring.actions.cadence import Cadence
from rapport.scoring.actions.playbook import read_playbook
from rapport.scoring.alerts.rules import AlertRules
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.config_errors import MESSAGES
from rapport.scoring.cards.config_models import parse_config
from rapport.scoring.health.rules import HealthRules

FILES = [
    (Card, yaml.safe_load(SMALL)),
    (HealthRules, read_playbook().health.to_dict()),
    (AlertRules, read_playbook().rules.to_dict() | {"quiet_hours": {"from": 20, "to": 8}}),
]
ODD = ["", "x y", -1, 0, 1.5, 99, True, float("nan"), [], {}, ["a"], {"q": 1}]
CHINESE = re.compile("[\u4e00-\u9fff]")


def positions(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield (*at, key)
        yield from positions(value, (*at, key))


def plain(node: Any) -> Any:
    """Return the content as YAML and JSON hold it."""
    return yaml.safe_load(yaml.safe_dump(node, allow_unicode=True))


SLOTS = [(model, plain(content), at) for model, content in FILES for at in positions(plain(content))]


def refusal(model: type, written: object) -> CardError | None:
    try:
        parse_config(model, written, "own.yaml")
    except CardError as error:
        return error
    return None


@given(slot=st.sampled_from(SLOTS), odd=st.sampled_from(ODD))
def test_an_odd_value_anywhere_is_accepted_or_refused_with_a_sentence(slot, odd):
    model, content, at = slot
    written = copy.deepcopy(content)
    holder = written
    for key in at[:-1]:
        holder = holder[key]
    holder[at[-1]] = odd
    error = refusal(model, written)
    sentences = ("own.yaml: 好.",) * 2 if error is None else (error.sentence("en"), error.sentence("zh"))
    assert [sentence.startswith("own.yaml") for sentence in sentences] == [True, True]
    assert CHINESE.search(sentences[1])
    assert sentences[0].endswith(".")


@pytest.mark.parametrize(("model", "content"), FILES, ids=lambda part: getattr(part, "__name__", ""))
def test_what_is_read_is_written_back_equal(model, content):
    found = parse_config(model, plain(content), "own.yaml")
    assert parse_config(model, plain(found.to_dict()), "own.yaml") == found


def test_every_sentence_is_there_in_both_languages():
    assert [key for key, text in MESSAGES.texts.items() if CHINESE.search(text.en) or not CHINESE.search(text.zh)] == []


def test_a_key_without_a_value_counts_as_absent():
    written = yaml.safe_load(SMALL) | {"scale": None}
    assert parse_config(Card, written, "own.yaml").scale == (1.0, 5.0)
    assert str(refusal(Card, written | {"label": None})) == "own.yaml: “label” is missing."


def test_a_list_of_another_kind_is_named_by_what_it_lists():
    assert [
        str(refusal(Card, yaml.safe_load(SMALL.replace(old, new))))
        for old, new in (("2: [list]", "2: list"), ("2: [list]", "2: [7]"), ("version: 1", "version: 1\nscale: 7"))
    ] == [
        "own.yaml, dimension value, indicator source, values, 2: expected a list of at least one item, found “list”.",
        "own.yaml, dimension value, indicator source, values, 2, item 1: expected a text, found “7”.",
        "own.yaml, scale: expected a list of at least one item, found “7”.",
    ]


def test_several_missing_keys_are_named_together():
    written = {key: value for key, value in yaml.safe_load(SMALL).items() if key not in ("label", "tiers")}
    error = refusal(Card, written)
    assert (error.sentence("en"), error.sentence("zh")) == (
        "own.yaml: “label” and “tiers” is missing.",
        "own.yaml：缺少 “label”、“tiers”。",
    )


def test_a_margin_outside_its_range_is_refused_where_it_stands(tmp_path):
    (tmp_path / "cadence.yaml").write_text("cadence: {rfm_days: 14}\ntiers: {margin: 3}\n", "utf-8")
    with pytest.raises(CardError) as refused:
        read_playbook(tmp_path)
    assert str(refused.value) == "cadence.yaml, tiers, margin: 3 is not a share of the scale from 0 to 0.5."


def test_a_cadence_that_is_left_out_stays_as_it_ships():
    assert parse_config(Cadence, {"rfm_days": 14}, "own.yaml") == Cadence(rfm_days=14)


def test_the_shipped_playbook_in_a_folder_of_the_company_is_the_same_playbook(tmp_path):
    for file in resources.files("rapport.scoring.actions").joinpath("shipped").iterdir():
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    assert read_playbook(tmp_path) == read_playbook()
