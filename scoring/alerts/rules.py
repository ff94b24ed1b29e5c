"""Alert rules as a company writes them: the condition, the priority and the cooldown."""

import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import yaml

from rapport.features.engine.clock import local_time
from rapport.history.content import KINDS as SIGNALS
from rapport.history.contract import TABLES, columns_of
from rapport.localized import LocalizedText
from rapport.scoring.cards.config_node import ConfigNode
from rapport.scoring.cards.strict_yaml import parse_yaml

CHOICES: Mapping[str, tuple[str, ...]] = {
    "to": ("red", "amber"),
    "signal": SIGNALS,
    "grade": ("A", "B", "C", "D"),
    "table": tuple(table.name for table in TABLES),
}
"""The values of the parameters that have a choice of few."""
SHARES = ("probability", "points", "least")
"""The parameters from 0 to 1."""
MOST_URGENT, LEAST_URGENT = 1, 5
_LAST_HOUR = 23
FACTS = ("name", "probability", "before", "days", "tier", "tier_before", "value", "detail")
"""The placeholders that a text may use."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "score_above": ("probability",),
    "score_rise": ("points", "days", "least"),
    "tier_fall": ("to", "least"),
    "feature_above": ("feature", "value", "least"),
    "feature_below": ("feature", "value", "least"),
    "feature_between": ("feature", "low", "high", "least"),
    "health_below": ("score", "least"),
    "lead_grade": ("grade",),
    "lapsed_with": ("feature", "value"),
    "event": ("table", "where"),
    "signal": ("signal",),
}
"""The kinds of rules, with the parameters of each."""


@dataclass(frozen=True)
class AlertRule:
    """One alert rule. `when` holds the parameters of its kind; only one rule reports each `cause`.

    `opens_task`: the alert opens a task for the account owner. `escalate_days`: after so many days in which nobody
    acted, the alert is raised once more, with an owner of its own (0: never).
    """

    name: str
    cause: str
    priority: int
    cooldown_days: int
    kind: str
    when: Mapping[str, Any]
    text: LocalizedText
    opens_task: bool = False
    escalate_days: int = 0

    @property
    def target(self) -> str:
        """Return the target whose scores the rule reads."""
        return "conversion" if self.kind == "lead_grade" else "churn"


@dataclass(frozen=True)
class AlertRules:
    """All rules, and the number of customers that the team can handle in a week.

    In the `quiet_hours` (from, to; local hours of the day) nothing is delivered.
    """

    rules: tuple[AlertRule, ...]
    capacity_per_week: int
    quiet_hours: tuple[int, int] | None = None

    def for_target(self, target: str) -> "AlertRules":
        """Return the rules that read the scores of one target."""
        return replace(self, rules=tuple(rule for rule in self.rules if rule.target == target))

    def deliverable(self, now: datetime, timezone: str) -> datetime:
        """Return the end of the quiet hours that `now` is in, else `now`."""
        if self.quiet_hours is None:
            return now
        local, (begin, end) = local_time(now, timezone), self.quiet_hours
        is_quiet = begin <= local.hour < end if begin < end else local.hour >= begin or local.hour < end
        if not is_quiet:
            return now
        morning = local.replace(hour=end, minute=0, second=0, microsecond=0)
        return now + (morning - local) % timedelta(days=1)

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
    node.keys(("capacity_per_week", "rules"), ("quiet_hours",))
    rules = tuple(_rule(line) for line in node.at("rules").lines("rule"))
    node.unique((rule.name for rule in rules), "rule")
    quiet = _quiet_hours(node.at("quiet_hours")) if node.has("quiet_hours") else None
    return AlertRules(rules, node.at("capacity_per_week").whole(1), quiet)


def rules_text(rules: AlertRules) -> str:
    """Return the YAML text that ``parse_rules`` reads back to the same rules."""
    document: dict[str, object] = {"capacity_per_week": rules.capacity_per_week}
    if rules.quiet_hours is not None:
        document["quiet_hours"] = dict(zip(("from", "to"), rules.quiet_hours, strict=True))
    document["rules"] = [_document(rule) for rule in rules.rules]
    return str(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110))


def _document(rule: AlertRule) -> dict[str, object]:
    return {
        "name": rule.name, "cause": rule.cause, "priority": rule.priority, "cooldown_days": rule.cooldown_days,
        "when": {"kind": rule.kind, **rule.when}, "text": rule.text.to_dict(), "task": rule.opens_task,
        "escalate_days": rule.escalate_days,
    }  # fmt: skip


def _quiet_hours(node: ConfigNode) -> tuple[int, int]:
    node.keys(("from", "to"))
    begin, end = node.at("from").whole(0), node.at("to").whole(0)
    if max(begin, end) > _LAST_HOUR or begin == end:
        raise node.error(
            f"from {begin} to {end} is no part of a day; write hours from 0 to 23.",
            f"{begin} 至 {end} 不是一天中的时段；请写 0 到 23 的小时。",
        )
    return begin, end


def _rule(node: ConfigNode) -> AlertRule:
    node.keys(("name", "cause", "priority", "cooldown_days", "when", "text"), ("task", "escalate_days"))
    priority = node.at("priority").whole(MOST_URGENT)
    if priority > LEAST_URGENT:
        raise node.at("priority").error(
            f"{priority} is not a priority; 1 is the most urgent, 5 the least.",
            f"{priority} 不是优先级；1 最紧急，5 最低。",
        )
    when = node.at("when")
    if not when.has("kind") if isinstance(when.value, dict) else True:
        raise when.error(f"“kind” is missing. Kinds: {', '.join(KINDS)}.", f"缺少“kind”。可选：{', '.join(KINDS)}。")
    kind = when.at("kind").one_of(tuple(KINDS))
    when.keys(("kind", *KINDS[kind]))
    return AlertRule(
        name=node.at("name").name(),
        cause=node.at("cause").name(),
        priority=priority,
        cooldown_days=node.at("cooldown_days").whole(0),
        kind=kind,
        when=MappingProxyType({key: _parameter(key, when.at(key)) for key in KINDS[kind]}),
        text=_text(node.at("text")),
        opens_task=node.at("task").flag() if node.has("task") else False,
        escalate_days=node.at("escalate_days").whole(0) if node.has("escalate_days") else 0,
    )


def _parameter(key: str, node: ConfigNode) -> object:
    if key in SHARES:
        share = node.number()
        if not 0 <= share <= 1:
            raise node.error(f"{share:g} is not a share; write 0.3 for 30 %.", f"{share:g} 不是比例；30% 请写 0.3。")
        return share
    if key == "days":
        return node.whole(1)
    if key in CHOICES:
        return node.one_of(CHOICES[key])
    if key == "where":
        return _where(node)
    return node.number() if key in ("value", "low", "high", "score") else node.name()


def _where(node: ConfigNode) -> dict[str, str]:
    known = {column.name for table in TABLES for column in columns_of(table) if column.kind == "text"}
    where = {str(name): each.text() for name, each in node.items()}
    if odd := sorted(set(where) - known):
        columns = ", ".join(sorted(known))
        raise node.error(
            f"“{odd[0]}” is not a text column. Columns: {columns}.", f"“{odd[0]}”不是文本列。可用的列：{columns}。"
        )
    return where


def _text(node: ConfigNode) -> LocalizedText:
    words = node.localized()
    for text in (words.en, words.zh):
        try:
            named = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
        except ValueError as error:
            raise node.error(f"a brace is not closed ({error}).", f"花括号未闭合（{error}）。") from error
        if odd := [field for field in named if field not in FACTS]:
            listed = ", ".join(FACTS)
            raise node.error(
                f"“{{{odd[0]}}}” is not known. Placeholders: {listed}.", f"未知占位符“{{{odd[0]}}}”。可用：{listed}。"
            )
    return words
