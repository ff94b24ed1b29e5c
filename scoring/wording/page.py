"""The page ``docs/reasons.md``, made from the table of sentences."""

from rapport.scoring.wording.table import FACT, Bound, Sentence, Table, table

_INTRODUCTION = """# Reasons

Every answer is a sum: `base + Σ evidence = logit(probability)`. A reason is the evidence of one family of features, put
in words; its *points* are its share of the distance between the probability and the base rate.
[scoring.md](scoring.md) says how the sum is made.

The family's *leading feature* chooses the sentence: the feature whose own share is largest among those that point where
the family points, and whose declared direction does not say the opposite. Of the sentences below that it leads, the
first is said whose bounds hold, whose facts are known, and which says what the evidence says (▲ raises the probability,
▼ lowers it, ● states a fact). Where none fits, the feature's own meaning is stated with its value and the usual one,
under the family's code and the feature's name, such as `SER-tickets_count_90d`; where no feature may lead, the family
speaks as a whole, under `-00`. So a printed reason never contradicts a declared direction, and our own outreach is
never said to lower a risk.

*Peers* is the usual value of the sentence's first feature among the customers that the model was centred on. Advice is
given only where a reason is bad news and the company can act on it.
"""
_SAYS = {"up": "▲", "down": "▼", "either": "●"}
_SIGNS = {"above": ">", "at_least": "≥", "below": "<", "at_most": "≤"}


def reasons_page() -> str:
    """Return the page as Markdown."""
    words = table()
    return "\n".join([_INTRODUCTION, *(_family(words, name) for name in words.families)])


def _family(words: Table, name: str) -> str:
    family = words.families[name]
    lines = [f"## {family.code} · {family.title.en} · {family.title.zh}", ""]
    for target, advice in family.advice.items():
        lines += [f"*Advice ({target}):* {advice.en} {advice.zh}", ""]
    own = [sentence for sentence in words.sentences if sentence.family == name]
    if own:
        lines += ["| code | | says | 中文 | leads | when |", "| --- | --- | --- | --- | --- | --- |"]
        lines += [_row(sentence) for sentence in own]
    else:
        lines += ["Told by the meaning of its features."]
    return "\n".join([*lines, ""])


def _row(sentence: Sentence) -> str:
    leads = ", ".join(f"`{name}`" for name in sentence.lead) or "no feature"
    when = ", ".join(_bound(bound) for bound in sentence.when)
    target = f" ({sentence.target})" if sentence.target else ""
    cells = [
        sentence.code + target,
        _SAYS[sentence.says],
        _open(sentence.text.en),
        _open(sentence.text.zh),
        leads,
        when,
    ]
    return f"| {' | '.join(cells)} |"


def _bound(bound: Bound) -> str:
    return f"`{bound.feature}` {_SIGNS[bound.kind]} {bound.value:g}"


def _open(text: str) -> str:
    return FACT.sub(lambda match: f"*{match[1]}*", text)
