"""The page ``docs/reasons.md``, generated from the catalog of sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rapport.features import Feature
from rapport.features import catalog as feature_catalog
from rapport.scoring.cards.bands import BOUND_SIGNS
from rapport.scoring.models.columns import OTHER, FeatureColumn, feature_columns
from rapport.scoring.reasons.feature_sentences import feature_templates
from rapport.scoring.reasons.sentences import FACT, SentenceCatalog, SentenceTemplate, ValueBound, sentence_catalog

_INTRODUCTION = """# Reasons

Every answer is a sum: `base + Σ evidence = logit(probability)`. A reason is the evidence of one family of features as a
sentence; its *points* are its share of the distance between the probability and the base rate.
[scoring.md](scoring.md) describes how the sum is computed.

The family's *leading feature* selects the sentence: the feature with the largest contribution among those whose sign
agrees with the family's evidence and whose declared direction does not contradict it. Of the sentences that state more
than one fact, the first one is used whose conditions hold, whose facts are known, and which agrees with the evidence
(▲ raises the probability, ▼ lowers it, ● states a fact). Otherwise the feature's own sentence is used, under the
family's code and the feature's name, such as `SER-tickets_count_90d`; every feature has one for each kind of value.
Where no feature may lead, the evidence counts among the rest. So a reason never contradicts a declared
direction, and never claims that our own outreach lowers a risk.

An answer has at most five reasons up and five down (the request may ask for fewer). `sign` is the direction of a
reason, `contrary` marks those against the answer as a whole, `unit` and `window` describe the number. One answer states
a fact once: where two families rest on the same fact, one reason carries the evidence of both (`families`).

*Peers* is what is typical of comparable customers: the same segment, and the same third by size and by length of the
relationship, in the reference population of the model. Advice is shown only where a reason is bad news and the company
can act on it.
"""
_RATES = {"rate": "outcome rate of the value", "overall": "of all"}
_DIRECTIONS = {"up": "▲", "down": "▼", "either": "●"}


def reasons_page() -> str:
    """Return the page as Markdown."""
    catalog = sentence_catalog()
    return "\n".join([_INTRODUCTION, *(_family(catalog, name) for name in catalog.families)])


def _family(catalog: SentenceCatalog, name: str) -> str:
    family = catalog.families[name]
    lines = [f"## {family.code} · {family.title.en} · {family.title.zh}", ""]
    for target, advice in family.advice.items():
        lines += [f"*Advice ({target}):* {advice.en} {advice.zh}", ""]
    features = [feature for feature in feature_catalog().features if feature.family == name]
    own = [sentence for sentence in catalog.sentences if sentence.family == name]
    if own:
        lines += [
            "| code | | sentence | 中文 | leading features | condition |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        lines += [_row(sentence) for sentence in own]
    lines += ["", "| feature | value | sentence | 中文 |", "| --- | --- | --- | --- |"]
    for column in _example_columns(features):
        for sentence in _own_sentences(column):
            texts = f"{_placeholders(sentence.text.en)} | {_placeholders(sentence.text.zh)}"
            lines += [f"| `{column.name}` | {_case(sentence, column)} | {texts} |"]
    return "\n".join([*lines, ""])


def _example_columns(features: Sequence[Feature]) -> Iterator[FeatureColumn]:
    """Return the columns; a category has a rate, so that the sentences that state it are shown."""
    for column in feature_columns(features, "churn", levels=dict.fromkeys((each.name for each in features), (OTHER,))):
        yield replace(column, level_rates=(0.5,), overall_rate=0.5) if column.is_category else column


def _own_sentences(column: FeatureColumn) -> list[SentenceTemplate]:
    by_target = [feature_templates([column], target) for target in ("conversion", "churn")]
    return list({sentence.text: sentence for templates in by_target for sentence in templates}.values())


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


def _case(sentence: SentenceTemplate, column: FeatureColumn) -> str:
    """Return the values for which a feature's own sentence is used."""
    if sentence.unknown:
        return "unknown" if column.is_category else "never"
    if column.is_category:
        return "any, rate known" if sentence.states_rate else "less frequent" if sentence.when else "any"
    bounds = [f"{BOUND_SIGNS[bound.kind]} {bound.value:g}" for bound in sentence.when]
    case = {"≥ -1e-09": "0", "≥ 1": "1"}.get(bounds[0], bounds[0]) if bounds else "any"
    return f"{case}, evidence against the words above" if sentence.neutral else case


def _bound(bound: ValueBound) -> str:
    return f"`{bound.feature}` {BOUND_SIGNS[bound.kind]} {bound.value:g}"


def _placeholders(text: str) -> str:
    return FACT.sub(lambda match: f"*{_RATES.get(match[2], match[1])}*", text)
