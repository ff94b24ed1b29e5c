"""Alert rules as a company writes them: the condition, the priority and the cooldown."""

import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from types import MappingProxyType
from typing import Annotated, Any, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidateAs,
    create_model,
    model_validator,
)

from rapport.features.engine.clock import local_time
from rapport.history.content import KINDS as SIGNALS
from rapport.history.contract import TABLES, columns_of
from rapport.localized import LocalizedText
from rapport.scoring.cards import config_models as config
from rapport.scoring.cards.config_errors import ConfigError, unknown_choice
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


def _check_where(where: Mapping[str, str]) -> Mapping[str, str]:
    known = {column.name for table in TABLES for column in columns_of(table) if column.kind == "text"}
    if odd := sorted(set(where) - known):
        raise ConfigError("not_a_text_column", name=odd[0], columns=", ".join(sorted(known)))
    return where


_PARAMETERS: Mapping[str, object] = {
    **{name: Annotated[str, config.one_of(choices)] for name, choices in CHOICES.items()},
    **dict.fromkeys(SHARES, Annotated[config.Number, config.in_range(0, 1, "not_a_share")]),
    **dict.fromkeys(("value", "low", "high", "score"), config.Number),
    "days": config.Count,
    "feature": config.Name,
    "where": Annotated[dict[str, config.Text], config.NotEmpty, AfterValidator(_check_where)],
}
"""The type of each parameter."""


@cache
def _parameters_of(kind: str) -> type[BaseModel]:
    fields: dict[str, Any] = {name: (_PARAMETERS[name], ...) for name in KINDS[kind]}
    return create_model(kind, **fields)


def _parse_condition(written: object) -> Mapping[str, object]:
    if not isinstance(written, dict) or "kind" not in written:
        raise ConfigError("kind_missing", kinds=", ".join(KINDS))
    kind = written["kind"]
    if kind not in tuple(KINDS):
        raise unknown_choice(kind, tuple(KINDS), at=("kind",))
    config.check_keys(written, ("kind", *KINDS[kind]))
    return MappingProxyType({"kind": kind, **_parameters_of(kind).model_validate(written).model_dump()})


def _check_text(words: LocalizedText) -> LocalizedText:
    for text in words.as_written().values():
        try:
            named = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
        except ValueError as error:
            raise ConfigError("open_brace", error=error) from error
        if odd := [field for field in named if field not in FACTS]:
            raise ConfigError("unknown_placeholder", name=f"{{{odd[0]}}}", facts=", ".join(FACTS))
    return words


@dataclass(frozen=True)
class AlertRule(config.ConfigModel):
    """One alert rule. `condition` holds its kind and the parameters of the kind; only one rule reports each `cause`.

    `opens_task`: the alert opens a task for the account owner. `escalate_days`: after so many days in which nobody
    acted, the alert is raised once more, with an owner of its own (0: never).
    """

    name: config.Name
    cause: config.Name
    priority: Annotated[config.Count, config.in_range(MOST_URGENT, LEAST_URGENT, "not_a_priority")]
    cooldown_days: config.Whole
    condition: Annotated[
        Mapping[str, object], PlainValidator(_parse_condition), PlainSerializer(dict), Field(alias="when")
    ]
    text: Annotated[config.Localized, AfterValidator(_check_text)]
    opens_task: Annotated[config.Flag, Field(alias="task")] = False
    escalate_days: config.Whole = 0

    @property
    def kind(self) -> str:
        """Return the kind of the condition."""
        return str(self.condition["kind"])

    @cached_property
    def when(self) -> Mapping[str, Any]:
        """Return the parameters of the condition."""
        return MappingProxyType({key: self.condition[key] for key in KINDS[self.kind]})

    @property
    def target(self) -> str:
        """Return the target whose scores the rule reads."""
        return "conversion" if self.kind == "lead_grade" else "churn"


@dataclass(frozen=True)
class _QuietHoursForm(config.ConfigModel):
    begin: Annotated[config.Whole, Field(alias="from")]
    end: Annotated[config.Whole, Field(alias="to")]

    def hours(self) -> tuple[int, int]:
        if max(self.begin, self.end) >= 24 or self.begin == self.end:
            raise ConfigError("quiet_hours", begin=self.begin, end=self.end)
        return self.begin, self.end


_QuietHours = Annotated[
    tuple[int, int],
    ValidateAs(_QuietHoursForm, _QuietHoursForm.hours),
    PlainSerializer(lambda hours: dict(zip(("from", "to"), hours, strict=True))),
]


@dataclass(frozen=True)
class AlertRules(config.ConfigModel):
    """All rules, and the number of customers that the team can handle in a week.

    In the `quiet_hours` (from, to; local hours of the day) nothing is delivered.
    """

    capacity_per_week: config.Count
    rules: Annotated[tuple[AlertRule, ...], config.NotEmpty]
    quiet_hours: _QuietHours | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        config.check_unique(self.rules, "rule")
        return self

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
    return config.parse_config(AlertRules, parse_yaml(text, where), where)


def rules_text(rules: AlertRules) -> str:
    """Return the YAML text that ``parse_rules`` reads back to the same rules."""
    return str(yaml.safe_dump(rules.to_dict(), allow_unicode=True, sort_keys=False, width=110))
