"""Alert rules as a company writes them: the condition, the priority and the cooldown."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rapport.history.content import KINDS as SIGNALS
from rapport.history.contract import TABLES, columns_of
from rapport.localized import LocalizedText
from rapport.scoring.cards.config_node import ConfigNode
from rapport.scoring.cards.strict_yaml import parse_yaml

MOST_URGENT, LEAST_URGENT = 1, 5
FACTS = ("name", "probability", "before", "days", "tier", "tier_before", "value", "detail")
"""The placeholders that a text may use."""

_KINDS: Mapping[str, tuple[str, ...]] = {
    "score_above": ("probability",),
    "score_rise": ("points", "days", "least"),
    "tier_fall": ("to", "least"),
    "feature_above": ("feature", "value", "least"),
    "feature_below": ("feature", "value", "least"),
    "event": ("table", "where"),
    "signal": ("signal",),
}


@dataclass(frozen=True)
class AlertRule:
    """One alert rule. `when` holds the parameters of its kind; only one rule reports each `cause`."""

    name: str
    cause: str
    priority: int
    cooldown_days: int
    kind: str
    when: Mapping[str, Any]
    text: LocalizedText


@dataclass(frozen=True)
class AlertRules:
    """All rules, and the number of customers that the team can handle in a week."""

    rules: tuple[AlertRule, ...]
    capacity_per_week: int

    @property
    def features(self) -> tuple[str, ...]:
        """Return the features that the rules read; the table of scores must have them."""
        return tuple(dict.fromkeys(rule.when["feature"] for rule in self.rules if "feature" in rule.when))

    @property
    def events(self) -> tuple[AlertRule, ...]:
        """Return the rules on events."""
        return tuple(rule for rule in self.rules if rule.kind == "event")

    @property
    def signals(self) -> tuple[AlertRule, ...]:
        """Return the rules on what customers write."""
        return tuple(rule for rule in self.rules if rule.kind == "signal")

    @property
    def rise_days(self) -> int:
        """Return the number of days over which a rise is measured."""
        return max((int(rule.when["days"]) for rule in self.rules if rule.kind == "score_rise"), default=30)


def parse_rules(text: str, where: str) -> AlertRules:
    """Read rules from YAML text."""
    node = ConfigNode(where, parse_yaml(text, where))
    node.keys(("capacity_per_week", "rules"))
    rules = tuple(_rule(line) for line in node.at("rules").lines("rule"))
    names = [rule.name for rule in rules]
    if twice := {name for name in names if names.count(name) > 1}:
        raise node.error(f"rule “{sorted(twice)[0]}” is there twice. Give each its own name.")
    return AlertRules(rules, node.at("capacity_per_week").whole(1))


def _rule(node: ConfigNode) -> AlertRule:
    node.keys(("name", "cause", "priority", "cooldown_days", "when", "text"))
    priority = node.at("priority").whole(MOST_URGENT)
    if priority > LEAST_URGENT:
        raise node.at("priority").error(f"{priority} is not a priority; 1 is the most urgent, 5 the least.")
    when = node.at("when")
    if not when.has("kind") if isinstance(when.value, dict) else True:
        raise when.error(f"“kind” is missing. Kinds: {', '.join(_KINDS)}.")
    kind = when.at("kind").one_of(tuple(_KINDS))
    when.keys(("kind", *_KINDS[kind]))
    return AlertRule(
        name=node.at("name").name(),
        cause=node.at("cause").name(),
        priority=priority,
        cooldown_days=node.at("cooldown_days").whole(0),
        kind=kind,
        when={key: _parameter(key, when.at(key)) for key in _KINDS[kind]},
        text=_text(node.at("text")),
    )


def _parameter(key: str, node: ConfigNode) -> Any:
    if key in ("probability", "points", "least"):
        share = node.number()
        if not 0 <= share <= 1:
            raise node.error(f"{share:g} is not a share; write 0.3 for 30 %.")
        return share
    if key == "days":
        return node.whole(1)
    if key == "to":
        return node.one_of(("red", "amber"))
    if key == "signal":
        return node.one_of(SIGNALS)
    if key == "table":
        return node.one_of(tuple(table.name for table in TABLES))
    if key == "where":
        return _where(node)
    return node.number() if key == "value" else node.name()


def _where(node: ConfigNode) -> dict[str, str]:
    known = {column.name for table in TABLES for column in columns_of(table) if column.kind == "text"}
    where = {str(name): each.text() for name, each in node.items()}
    if odd := sorted(set(where) - known):
        raise node.error(f"“{odd[0]}” is not a text column. Columns: {', '.join(sorted(known))}.")
    return where


def _text(node: ConfigNode) -> LocalizedText:
    words = node.localized()
    for text in (words.en, words.zh):
        try:
            named = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
        except ValueError as error:
            raise node.error(f"a brace is not closed ({error}).") from error
        if odd := [field for field in named if field not in FACTS]:
            raise node.error(f"“{{{odd[0]}}}” is not known. Placeholders: {', '.join(FACTS)}.")
    return words
