"""Reads a card file into a `Card`, or says in one sentence what is wrong, where, and what to do."""

from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Any

from rapport.features.feature import FAMILIES
from rapport.history.contract import by_name
from rapport.scoring.cards.bands import read_bands, read_rung
from rapport.scoring.cards.card import Card, Dimension, Tier
from rapport.scoring.cards.indicator import USUAL, Indicator, Override
from rapport.scoring.cards.place import Place, hint
from rapport.scoring.cards.yaml_text import parse_yaml, read_text

from rapport.errors import CardError

SUBJECTS = ("customers", "leads", "opportunities")
LEAD_SIDES = ("behaviour_score", "fit_score", "model_percentile")
"""What a card of leads may read besides features: the scores of its sides."""
SIGNALS = ("green", "amber", "red")
_BAND_KEYS = ("bands", "quantiles", "good", "values", "otherwise")


def shipped_names() -> tuple[str, ...]:
    """Name the cards that come with Rapport."""
    files = resources.files("rapport.scoring.cards").joinpath("shipped").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def load_card(name: str | Path, known: Collection[str] | None = None) -> Card:
    """Load a shipped card by name, or a company's own by the path of its file.

    `known` are the features that exist; a card that names another one is refused.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return card_of_text(read_text(path), path.name, known)
    return card_of_text(shipped_text(str(name)), f"{name}.yaml", known)


def shipped_text(name: str) -> str:
    """Give the file of a shipped card as it stands, comments included."""
    if name not in shipped_names():
        raise CardError(
            f"There is no card “{name}”{hint(name, shipped_names())} Shipped: {', '.join(shipped_names())}."
            " For your own, give the path of its .yaml file."
        )
    return resources.files("rapport.scoring.cards").joinpath("shipped", f"{name}.yaml").read_text(encoding="utf-8")


def card_of_text(text: str, where: str, known: Collection[str] | None = None) -> Card:
    """Read a card from YAML text; `where` is its name in the sentences."""
    return card_of(parse_yaml(text, where), where, known)


def card_of(written: Any, where: str, known: Collection[str] | None = None) -> Card:
    """Read a card from its mapping, as in a YAML file or a bundle."""
    place = Place(where, written)
    place.keys(("card", "version", "label", "dimensions", "tiers"), ("of", "scale"))
    card = Card(
        name=place.at("card").name(),
        version=place.at("version").whole(1),
        label=place.at("label").words(),
        dimensions=tuple(_dimension(line) for line in place.at("dimensions").lines("dimension")),
        tiers=_tiers(place.at("tiers")),
        subject=place.at("of").one_of(SUBJECTS) if place.has("of") else SUBJECTS[0],
        scale=_scale(place.at("scale")) if place.has("scale") else (1.0, 5.0),
    )
    _check_whole(card, place)
    if known is not None:
        _check_known(card, place, _known_to(card.subject, known))
    return card


def _dimension(place: Place) -> Dimension:
    place.keys(("name", "label", "indicators"))
    indicators = tuple(_indicator(line) for line in place.at("indicators").lines("indicator"))
    return Dimension(place.at("name").name(), place.at("label").words(), indicators)


def _indicator(place: Place) -> Indicator:
    place.keys(("name", "label", "family", "weight"), ("feature", "sum", *_BAND_KEYS, "unless", "usual", "optional"))
    weight = place.at("weight").number()
    if weight < 0:
        raise place.at("weight").wrong(f"{weight:g} is below 0. Turn the bands round instead.")
    return Indicator(
        name=place.at("name").name(),
        label=place.at("label").words(),
        family=place.at("family").one_of(FAMILIES),
        weight=weight,
        measure=_measure(place),
        bands=read_bands(place),
        override=_override(place.at("unless")) if place.has("unless") else None,
        usual=_usual(place.at("usual")) if place.has("usual") else USUAL,
        optional=place.at("optional").flag() if place.has("optional") else False,
    )


def _measure(place: Place) -> tuple[tuple[str, float], ...]:
    if place.has("feature") == place.has("sum"):
        raise place.wrong("give either “feature” (one) or “sum” (several, each with a factor).")
    if place.has("feature"):
        return ((place.at("feature").name(), 1.0),)
    if place.has("values"):
        raise place.wrong("“values” reads one category; give it with “feature”, not “sum”.")
    return tuple((Place(each.where, name).name(), each.number()) for name, each in place.at("sum").items())


def _override(place: Place) -> Override:
    place.keys(("band", "feature"), ("at_least", "above", "at_most", "below"))
    bound = {key: value for key, value in place.value.items() if key not in ("band", "feature")}
    return Override(place.at("feature").name(), read_rung(place.at("band"), Place(place.where, bound)))


def _usual(place: Place) -> float:
    usual = place.number()
    if not 1 <= usual <= 5:
        raise place.wrong(f"{usual:g} is no band; the usual band lies between 1 and 5.")
    return usual


def _scale(place: Place) -> tuple[float, float]:
    ends = [line.number() for line in place.lines("end")]
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise place.wrong("give two numbers, the score at band 1 and the higher one at band 5, such as [0, 100].")
    return ends[0], ends[1]


def _tiers(place: Place) -> tuple[Tier, ...]:
    lines = place.lines("tier")
    tiers = tuple(_tier(line, lowest=line is lines[-1]) for line in lines)
    floors = [tier.floor for tier in tiers if tier.floor is not None]
    for higher, lower, line in zip(floors, floors[1:], lines[1:], strict=False):
        if lower >= higher:
            raise line.wrong(f"at_least {lower:g} is not below {higher:g} of the tier above it. Write the best first.")
    _unique([tier.name for tier in tiers], place, "tier")
    return tiers


def _tier(place: Place, *, lowest: bool) -> Tier:
    place.keys(("name", "label", "signal"), ("at_least",))
    if lowest and place.has("at_least"):
        raise place.wrong("the lowest tier may have no at_least, or scores below it would have no tier.")
    if not lowest and not place.has("at_least"):
        raise place.wrong("at_least is missing; only the lowest tier goes without.")
    floor = None if lowest else place.at("at_least").number()
    signal: Any = place.at("signal").one_of(SIGNALS)
    return Tier(place.at("name").name(), place.at("label").words(), signal, floor)


def _check_whole(card: Card, place: Place) -> None:
    _unique(list(card.names), place, "indicator")
    _unique([dimension.name for dimension in card.dimensions], place, "dimension")
    if sum(line.weight for line in card) <= 0:
        raise place.wrong("every weight is 0. Give at least one indicator a weight.")
    low, high = card.scale
    for tier in card.tiers:
        if tier.floor is not None and not low < tier.floor <= high:
            raise place.wrong(
                f"tier {tier.name} starts at {tier.floor:g}, outside the scores {low:g} to {high:g}, so that"
                " it or the tier below it is never reached."
            )


def _known_to(subject: str, known: Collection[str]) -> Collection[str]:
    if subject == "opportunities":
        return [column.name for column in by_name("opportunities").columns]
    return [*known, *LEAD_SIDES] if subject == "leads" else known


def _check_known(card: Card, place: Place, known: Collection[str]) -> None:
    for line in card:
        for name in line.features:
            if name not in known and not line.optional:
                raise place.wrong(
                    f"indicator {line.name}: there is no feature “{name}”{hint(name, known)}"
                    " docs/features.md lists all."
                )


def _unique(names: list[str], place: Place, what: str) -> None:
    if twice := {name for name in names if names.count(name) > 1}:
        raise place.wrong(f"{what} “{sorted(twice)[0]}” is there twice. Give each its own name.")
