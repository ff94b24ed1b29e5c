"""Load a card file into a `Card`; an invalid file is refused with one sentence: what, where and what to do."""

from collections.abc import Collection
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from rapport.errors import CardError
from rapport.features.catalog.feature import FAMILIES
from rapport.history.contract import by_name
from rapport.scoring.cards.bands import BOUNDS, check_falling, read_bands, read_threshold
from rapport.scoring.cards.card import Card, Dimension, Tier
from rapport.scoring.cards.config_node import ConfigNode, did_you_mean
from rapport.scoring.cards.indicator import USUAL, Indicator, Override
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text

SUBJECTS = ("customers", "leads", "opportunities")
LEAD_SCORES = ("behaviour_score", "fit_score", "model_percentile")
"""What a card of leads may read besides features: the scores of its components."""
SIGNALS = ("green", "amber", "red")
_BAND_KEYS = ("bands", "quantiles", "good", "values", "otherwise")


def shipped_names() -> tuple[str, ...]:
    """Return the names of the cards that come with Rapport."""
    files = resources.files("rapport.scoring.cards").joinpath("shipped").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def load_card(name: str | Path, known: Collection[str] | None = None) -> Card:
    """Load a shipped card by its name, or a company's own card by the path of its file.

    `known` are the features that exist; a card that reads any other is refused.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return parse_card_text(read_text(path), path.name, known)
    # Where every name is known, it is the same card for everyone.
    return (
        _shipped_card(str(name)) if known is None else parse_card_text(shipped_text(str(name)), f"{name}.yaml", known)
    )


@cache
def _shipped_card(name: str) -> Card:
    # Reading YAML takes 10 ms, and a list of deals needs the card for each of them.
    return parse_card_text(shipped_text(name), f"{name}.yaml")


def shipped_text(name: str) -> str:
    """Return the text of a shipped card file, comments included."""
    if name not in shipped_names():
        raise CardError(
            f"There is no card “{name}”{did_you_mean(name, shipped_names())} Shipped: {', '.join(shipped_names())}."
            " For your own, give the path of its .yaml file."
        )
    return resources.files("rapport.scoring.cards").joinpath("shipped", f"{name}.yaml").read_text(encoding="utf-8")


def parse_card_text(text: str, where: str, known: Collection[str] | None = None) -> Card:
    """Read a card from YAML text; errors call it `where`."""
    return parse_card(parse_yaml(text, where), where, known)


def parse_card(written: object, where: str, known: Collection[str] | None = None) -> Card:
    """Read a card from a mapping, as in a YAML file or a bundle."""
    node = ConfigNode(where, written)
    node.keys(("card", "version", "label", "dimensions", "tiers"), ("of", "scale"))
    card = Card(
        name=node.at("card").name(),
        version=node.at("version").whole(1),
        label=node.at("label").localized(),
        dimensions=tuple(_dimension(line) for line in node.at("dimensions").lines("dimension")),
        tiers=_tiers(node.at("tiers")),
        subject=node.at("of").one_of(SUBJECTS) if node.has("of") else SUBJECTS[0],
        scale=_scale(node.at("scale")) if node.has("scale") else (1.0, 5.0),
    )
    _check_card(card, node)
    if known is not None:
        _check_known(card, node, _features_of_subject(card.subject, known))
    return card


def _dimension(node: ConfigNode) -> Dimension:
    node.keys(("name", "label", "indicators"))
    indicators = tuple(_indicator(line) for line in node.at("indicators").lines("indicator"))
    return Dimension(node.at("name").name(), node.at("label").localized(), indicators)


def _indicator(node: ConfigNode) -> Indicator:
    node.keys(("name", "label", "family", "weight"), ("feature", "sum", *_BAND_KEYS, "unless", "usual", "optional"))
    weight = node.at("weight").number()
    if weight < 0:
        raise node.at("weight").error(f"{weight:g} is below 0. Reverse the bands instead.")
    return Indicator(
        name=node.at("name").name(),
        label=node.at("label").localized(),
        family=node.at("family").one_of(FAMILIES),
        weight=weight,
        measure=_measure(node),
        bands=read_bands(node),
        override=_override(node.at("unless")) if node.has("unless") else None,
        usual=_usual(node.at("usual")) if node.has("usual") else USUAL,
        optional=node.at("optional").flag() if node.has("optional") else False,
    )


def _measure(node: ConfigNode) -> tuple[tuple[str, float], ...]:
    if node.has("feature") == node.has("sum"):
        raise node.error("give either “feature” (one) or “sum” (several, each with a factor).")
    if node.has("feature"):
        return ((node.at("feature").name(), 1.0),)
    if node.has("values"):
        raise node.error("“values” reads one category; give it with “feature”, not “sum”.")
    return tuple((ConfigNode(each.where, name).name(), each.number()) for name, each in node.at("sum").items())


def _override(node: ConfigNode) -> Override:
    node.keys(("band", "feature"), BOUNDS)
    bound = {key: value for key, value in node.value.items() if key not in ("band", "feature")}
    return Override(node.at("feature").name(), read_threshold(node.at("band"), ConfigNode(node.where, bound)))


def _usual(node: ConfigNode) -> float:
    usual = node.number()
    if not 1 <= usual <= 5:
        raise node.error(f"{usual:g} is not a band; the usual band lies between 1 and 5.")
    return usual


def _scale(node: ConfigNode) -> tuple[float, float]:
    ends = [line.number() for line in node.lines("end")]
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise node.error("give two numbers, the score at band 1 and the higher one at band 5, such as [0, 100].")
    return ends[0], ends[1]


def _tiers(node: ConfigNode) -> tuple[Tier, ...]:
    lines = node.lines("tier")
    tiers = tuple(_tier(line, lowest=line is lines[-1]) for line in lines)
    floors = [tier.floor for tier in tiers if tier.floor is not None]
    check_falling(floors, lines, "tier")
    node.unique((tier.name for tier in tiers), "tier")
    return tiers


def _tier(node: ConfigNode, *, lowest: bool) -> Tier:
    node.keys(("name", "label", "signal"), ("at_least",))
    if lowest and node.has("at_least"):
        raise node.error("the lowest tier may have no at_least, or scores below it would have no tier.")
    if not lowest and not node.has("at_least"):
        raise node.error("at_least is missing; only the lowest tier goes without.")
    floor = None if lowest else node.at("at_least").number()
    signal: Any = node.at("signal").one_of(SIGNALS)
    return Tier(node.at("name").name(), node.at("label").localized(), signal, floor)


def _check_card(card: Card, node: ConfigNode) -> None:
    node.unique(card.names, "indicator")
    node.unique((dimension.name for dimension in card.dimensions), "dimension")
    if sum(indicator.weight for indicator in card) <= 0:
        raise node.error("every weight is 0. Give at least one indicator a weight.")
    low, high = card.scale
    for tier in card.tiers:
        if tier.floor is not None and not low < tier.floor <= high:
            raise node.error(
                f"tier {tier.name} starts at {tier.floor:g}, outside the scores {low:g} to {high:g}, so it or"
                " the tier below it can never be reached."
            )


def _features_of_subject(subject: str, known: Collection[str]) -> Collection[str]:
    if subject == "opportunities":
        return [column.name for column in by_name("opportunities").columns]
    return [*known, *LEAD_SCORES] if subject == "leads" else known


def _check_known(card: Card, node: ConfigNode, known: Collection[str]) -> None:
    for indicator in card:
        for name in indicator.features:
            if name not in known and not indicator.optional:
                raise node.error(
                    f"indicator {indicator.name}: there is no feature “{name}”{did_you_mean(name, known)}"
                    " docs/features.md lists all."
                )
