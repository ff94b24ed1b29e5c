"""Alert rules as a company writes them: what is watched, how urgent it is, and how long it then keeps quiet."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rapport.history.contract import TABLES, Words, columns_of
from rapport.scoring.cards.place import Place
from rapport.scoring.cards.yaml_text import parse_yaml

MOST_URGENT, LEAST_URGENT = 1, 5
FACTS = ("name", "probability", "before", "days", "tier", "tier_before", "value", "detail")
"""What a text may name in braces."""

_KINDS: Mapping[str, tuple[str, ...]] = {
    "score_above": ("probability",),
    "score_rise": ("points", "days", "least"),
    "tier_fall": ("to", "least"),
    "feature_above": ("feature", "value", "least"),
    "feature_below": ("feature", "value", "least"),
    "event": ("table", "where"),
}


@dataclass(frozen=True)
class Rule:
    """One thing that is watched. `when` holds the figures of its kind; a `cause` is told by one rule only."""

    name: str
    cause: str
    priority: int
    cooldown_days: int
    kind: str
    when: Mapping[str, Any]
    text: Words


@dataclass(frozen=True)
class Rules:
    """All rules, and how many alerts the team can handle in a week."""

    rules: tuple[Rule, ...]
    capacity_per_week: int

    @property
    def features(self) -> tuple[str, ...]:
        """Name the features that the rules watch; the table of scores has to bring them."""
        return tuple(dict.fromkeys(rule.when["feature"] for rule in self.rules if "feature" in rule.when))

    @property
    def events(self) -> tuple[Rule, ...]:
        """Give the rules that watch events."""
        return tuple(rule for rule in self.rules if rule.kind == "event")

    @property
    def rise_days(self) -> int:
        """Say how far back a movement looks."""
        return max((int(rule.when["days"]) for rule in self.rules if rule.kind == "score_rise"), default=30)


def rules_of_text(text: str, where: str) -> Rules:
    """Read rules from YAML text."""
    place = Place(where, parse_yaml(text, where))
    place.keys(("capacity_per_week", "rules"))
    rules = tuple(_rule(line) for line in place.at("rules").lines("rule"))
    names = [rule.name for rule in rules]
    if twice := {name for name in names if names.count(name) > 1}:
        raise place.wrong(f"rule “{sorted(twice)[0]}” is there twice. Give each its own name.")
    return Rules(rules, place.at("capacity_per_week").whole(1))


def _rule(place: Place) -> Rule:
    place.keys(("name", "cause", "priority", "cooldown_days", "when", "text"))
    priority = place.at("priority").whole(MOST_URGENT)
    if priority > LEAST_URGENT:
        raise place.at("priority").wrong(f"{priority} is no priority; 1 is the most urgent, 5 the least.")
    when = place.at("when")
    if not when.has("kind") if isinstance(when.value, dict) else True:
        raise when.wrong(f"“kind” is missing. Kinds: {', '.join(_KINDS)}.")
    kind = when.at("kind").one_of(tuple(_KINDS))
    when.keys(("kind", *_KINDS[kind]))
    return Rule(
        name=place.at("name").name(),
        cause=place.at("cause").name(),
        priority=priority,
        cooldown_days=place.at("cooldown_days").whole(0),
        kind=kind,
        when={key: _figure(key, when.at(key)) for key in _KINDS[kind]},
        text=_text(place.at("text")),
    )


def _figure(key: str, place: Place) -> Any:
    if key in ("probability", "points", "least"):
        share = place.number()
        if not 0 <= share <= 1:
            raise place.wrong(f"{share:g} is no share; write 0.3 for 30 %.")
        return share
    if key == "days":
        return place.whole(1)
    if key == "to":
        return place.one_of(("red", "amber"))
    if key == "table":
        return place.one_of(tuple(table.name for table in TABLES))
    if key == "where":
        return _where(place)
    return place.number() if key == "value" else place.name()


def _where(place: Place) -> dict[str, str]:
    known = {column.name for table in TABLES for column in columns_of(table) if column.kind == "text"}
    where = {str(name): each.text() for name, each in place.items()}
    if odd := sorted(set(where) - known):
        raise place.wrong(f"“{odd[0]}” is no column of words. Columns: {', '.join(sorted(known))}.")
    return where


def _text(place: Place) -> Words:
    words = place.words()
    for text in (words.en, words.zh):
        try:
            named = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
        except ValueError as error:
            raise place.wrong(f"a brace is not closed ({error}).") from error
        if odd := [field for field in named if field not in FACTS]:
            raise place.wrong(f"“{{{odd[0]}}}” is not known. Facts: {', '.join(FACTS)}.")
    return words
