"""Sentences built from a feature's meaning, for features without a template."""

from rapport.localized import LocalizedText
from rapport.scoring.reasons.sentences import FamilyText

_OUTCOMES = {
    "churn": LocalizedText(en="the churn risk", zh="流失概率"),
    "conversion": LocalizedText(en="the conversion probability", zh="成交概率"),
}


def feature_statement(meaning: str, value: str, peers: str, language: str, *, known: bool) -> str:
    """State a feature's value beside the typical one; it states no direction, so it cannot contradict one."""
    if language == "zh":
        meaning = meaning.rstrip("。.")
        beside = "与多数客户相同" if value == peers else f"客户中位值{peers}"
        return f"{meaning}：{value}（{beside}）。" if known else f"{meaning}：未知。"
    meaning = meaning.rstrip(".")
    beside = "as for most" if value == peers else f"typical customer: {peers}"
    return f"{meaning}: {value} ({beside})." if known else f"{meaning}: not known."


def family_summary(family: FamilyText, target: str, language: str, *, rises: bool) -> str:
    """Summarise a family's facts, where no single feature may lead."""
    outcome = _OUTCOMES[target]
    if language == "zh":
        return f"{family.title.zh}方面的各项情况合计{'提高' if rises else '降低'}了{outcome.zh}。"
    return f"{family.title.en}: its facts taken together {'raise' if rises else 'lower'} {outcome.en}."


def generic_family(name: str) -> FamilyText:
    """Return the text of a family that the catalog of sentences does not have, made from its name."""
    return FamilyText(name, name[:3].upper(), LocalizedText(en=name.capitalize(), zh=name), {})
