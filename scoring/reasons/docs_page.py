"""The page ``docs/reasons.md``, generated from the catalog of sentences."""

from rapport.scoring.reasons.sentences import FACT, SentenceCatalog, SentenceTemplate, ValueBound, sentence_catalog

_INTRODUCTION = """# Reasons

Every answer is a sum: `base + Σ evidence = logit(probability)`. A reason is the evidence of one family of features as a
sentence; its *points* are its share of the distance between the probability and the base rate.
[scoring.md](scoring.md) describes how the sum is computed.

The family's *leading feature* selects the sentence: the feature with the largest contribution among those whose sign
agrees with the family's evidence and whose declared direction does not contradict it. Of its sentences below, the first
one is used whose conditions hold, whose facts are known, and which agrees with the evidence (▲ raises the probability,
▼ lowers it, ● states a fact). Where none fits, the reason states the feature's meaning with its value and the typical
value, under the family's code and the feature's name, such as `SER-tickets_count_90d`. Where no feature may lead, the
reason summarises the family, under `-00`. So a reason never contradicts a declared direction, and never claims that our
own outreach lowers a risk.

*Peers* is the typical value of the sentence's first feature in the reference population of the model. Advice is shown
only where a reason is bad news and the company can act on it.
"""
_DIRECTIONS = {"up": "▲", "down": "▼", "either": "●"}
_SIGNS = {"above": ">", "at_least": "≥", "below": "<", "at_most": "≤"}


def reasons_page() -> str:
    """Return the page as Markdown."""
    catalog = sentence_catalog()
    return "\n".join([_INTRODUCTION, *(_family(catalog, name) for name in catalog.families)])


def _family(catalog: SentenceCatalog, name: str) -> str:
    family = catalog.families[name]
    lines = [f"## {family.code} · {family.title.en} · {family.title.zh}", ""]
    for target, advice in family.advice.items():
        lines += [f"*Advice ({target}):* {advice.en} {advice.zh}", ""]
    own = [sentence for sentence in catalog.sentences if sentence.family == name]
    if own:
        lines += [
            "| code | | sentence | 中文 | leading features | condition |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        lines += [_row(sentence) for sentence in own]
    else:
        lines += ["No sentences of its own: reasons state the meaning of its features."]
    return "\n".join([*lines, ""])


def _row(sentence: SentenceTemplate) -> str:
    leads = ", ".join(f"`{name}`" for name in sentence.lead) or "no feature"
    when = ", ".join(_bound(bound) for bound in sentence.when)
    target = f" ({sentence.target})" if sentence.target else ""
    cells = [
        sentence.code + target,
        _DIRECTIONS[sentence.says],
        _placeholders(sentence.text.en),
        _placeholders(sentence.text.zh),
        leads,
        when,
    ]
    return f"| {' | '.join(cells)} |"


def _bound(bound: ValueBound) -> str:
    return f"`{bound.feature}` {_SIGNS[bound.kind]} {bound.value:g}"


def _placeholders(text: str) -> str:
    return FACT.sub(lambda match: f"*{match[1]}*", text)
