"""Sentences made of a feature's own meaning, for what the table has no sentence of its own."""

from rapport.history.contract import Words
from rapport.scoring.wording.table import Family

_OUTCOMES = {
    "churn": Words(en="the risk of leaving", zh="流失风险"),
    "conversion": Words(en="the chance of a first order", zh="成交可能"),
}


def statement(meaning: str, value: str, peers: str, language: str, *, known: bool) -> str:
    """State a feature's value beside the usual one; it says no direction, so it cannot contradict one."""
    if language == "zh":
        meaning = meaning.rstrip("。.")
        beside = "与多数客户相同" if value == peers else f"一般为{peers}"
        return f"{meaning}：{value}（{beside}）。" if known else f"{meaning}：未知。"
    meaning = meaning.rstrip(".")
    beside = "as for most" if value == peers else f"usually {peers}"
    return f"{meaning}: {value} ({beside})." if known else f"{meaning}: not known."


def summary(family: Family, target: str, language: str, *, rises: bool) -> str:
    """Say what a family's facts come to, where no single one of them may speak for all."""
    outcome = _OUTCOMES[target]
    if language == "zh":
        return f"{family.title.zh}方面的各项情况合计{'提高' if rises else '降低'}了{outcome.zh}。"
    return f"{family.title.en}: its facts taken together {'raise' if rises else 'lower'} {outcome.en}."


def family(name: str) -> Family:
    """Give a family that the table does not know the words of its own name."""
    return Family(name, name[:3].upper(), Words(en=name.capitalize(), zh=name), {})
