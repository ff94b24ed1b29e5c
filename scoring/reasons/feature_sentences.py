"""Sentences of single features: the file ``feature_sentences.yaml``, as templates for the columns of one bundle."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated

from pydantic import AfterValidator

from rapport.localized import LocalizedText, localize
from rapport.scoring.cards.config_errors import ConfigError
from rapport.scoring.cards.config_models import ConfigModel, Flag, Text, parse_config
from rapport.scoring.models.columns import OTHER, FeatureColumn
from rapport.scoring.models.spend_model import RETURNED_SHARE
from rapport.scoring.reasons.sentences import (
    BoundKind,
    EvidenceDirection,
    SentenceTemplate,
    ValueBound,
    sentence_catalog,
)
from rapport.shipped_yaml import read_shipped

_VALUE = re.compile(r"\{v(?=[:|}])")
_NEAR_ZERO = 1e-9
_WORTH_SAYING = 0.01
"""Returns of at least this share of the spend are mentioned beside a fact that does not take them off."""
_CONDITION = re.compile(
    r"none|zero|one|returned|(?:below|above) -?\d+(?:\.\d+)?|other|rate churn|rate conversion|any|neutral|neutral zero"
)
_OPPOSITE: Mapping[str, EvidenceDirection] = {"up": "down", "down": "up", "either": "either"}
_BOUNDS: Mapping[str, BoundKind] = {"below": "below", "above": "above"}
_WORD_OF = re.compile(r"(?:of the kind|nteractions? by|The customer's) (.+?)(?: in the last \d+ days)?\.$")


def _known_condition(condition: str) -> str:
    if _CONDITION.fullmatch(condition) is None:
        raise ConfigError("sentence_condition", condition=condition)
    return condition


@dataclass(frozen=True)
class _Variant(ConfigModel):
    """The sentence of one kind of value, as the file holds it."""

    en: Text
    zh: Text
    topic: Text | None = None
    compare: Flag = True
    says: EvidenceDirection = "either"


Variants = Mapping[Annotated[str, AfterValidator(_known_condition)], _Variant]


@cache
def feature_variants() -> Mapping[str, Variants]:
    """Load the variants of each feature name or pattern."""
    text = resources.files("rapport.scoring.reasons").joinpath("feature_sentences.yaml").read_text(encoding="utf-8")
    return parse_feature_sentences(read_shipped(text))


def parse_feature_sentences(written: object) -> Mapping[str, Variants]:
    """Return the variants, by feature, from the content of a YAML file."""
    return parse_config(dict[str, Variants], written, "feature_sentences.yaml")


def feature_templates(columns: Iterable[FeatureColumn], target: str) -> Iterator[SentenceTemplate]:
    """Return the templates of each column that has sentences of its own, in the order in which they are tried."""
    columns = tuple(columns)
    known = {column.name for column in columns}
    for column in columns:
        found = _find(column.name)
        if found is not None:
            variants, days = found
            for condition, written in variants.items():
                if _applies(condition, column, target, known):
                    yield _template(column, condition, written, days, target)


def _applies(condition: str, column: FeatureColumn, target: str, known: Collection[str]) -> bool:
    if condition == "returned":
        return RETURNED_SHARE in known
    if condition == "other":
        return OTHER in column.levels
    return not condition.startswith("rate ") or (condition == f"rate {target}" and bool(column.level_rates))


def _find(name: str) -> tuple[Variants, str] | None:
    written = feature_variants()
    if name in written:
        return written[name], ""
    for pattern, regex in _patterns():
        if match := regex.fullmatch(name):
            return written[pattern], next((group for group in reversed(match.groups()) if group.isdigit()), "")
    return None


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the names with a placeholder as regular expressions; those with a word of the company come last."""
    patterns = sorted((name for name in feature_variants() if "*" in name or "+" in name), key=lambda name: "+" in name)
    return tuple(
        (name, re.compile(re.escape(name).replace(r"\*", r"(\d+)").replace(r"\+", r"(.+)"))) for name in patterns
    )


def _template(column: FeatureColumn, condition: str, written: _Variant, days: str, target: str) -> SentenceTemplate:
    template = LocalizedText(written.en, written.zh)
    if target == "conversion":
        template = of_leads(template)
    text = LocalizedText.of(lambda language: _text(localize(template, language), column, days))
    name, code = column.name, f"{sentence_catalog().code_of(column.family)}-{column.name}"
    states = "{" in text.en + text.zh
    return SentenceTemplate(
        code=code,
        family=column.family,
        lead=(name,),
        target=None,
        # What speaks for churn speaks against a purchase.
        says=written.says if target == "churn" else _OPPOSITE[written.says],
        when=tuple(_bounds(column, condition)),
        text=text,
        advice=None,
        facts={name: name} if states else {},
        peers=name,
        topic=written.topic or code,
        compare=written.compare and condition != "none",
        unknown=(name,) if condition == "none" else (),
        states_rate=condition.startswith("rate "),
        neutral=condition.startswith("neutral"),
    )


def of_leads(text: LocalizedText) -> LocalizedText:
    """Return a sentence about a customer as one about a lead: who has not bought yet is a lead in words, too."""
    return LocalizedText(
        re.sub(r"\b(the|this) customer\b", r"\1 lead", text.en, flags=re.IGNORECASE),
        text.zh.replace("该客户", "该线索").replace("客户主动", "线索主动"),
    )


def _text(text: str, column: FeatureColumn, days: str) -> str:
    word = match[1] if "{word}" in text and (match := _WORD_OF.search(column.en)) else column.name
    return _VALUE.sub("{" + column.name, text.replace("{days}", days).replace("{word}", word))


def _without_neutral(condition: str) -> str:
    return condition.removeprefix("neutral").strip() if condition in ("neutral", "neutral zero") else condition


def _bounds(column: FeatureColumn, condition: str) -> Iterator[ValueBound]:
    name, (kind, _, number) = column.name, _without_neutral(condition).partition(" ")
    if kind == "returned":
        yield ValueBound(RETURNED_SHARE, "at_least", _WORTH_SAYING)
    elif kind in ("zero", "one", "other"):
        centre = column.code(OTHER) if kind == "other" else float(kind == "one")
        yield ValueBound(name, "at_least", centre - _NEAR_ZERO)
        yield ValueBound(name, "at_most", centre + _NEAR_ZERO)
    elif kind in _BOUNDS:
        yield ValueBound(name, _BOUNDS[kind], float(number))
