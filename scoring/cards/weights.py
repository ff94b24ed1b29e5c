"""New weights for a card: from experts' comparisons or direct points, as a proposal beside the present ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rapport.scoring.cards.ahp import Comparison, Judgment, Priorities, priorities
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.place import Place
from rapport.scoring.cards.yaml_text import parse_yaml, read_text

from rapport.errors import CardError

DIMENSIONS = "dimensions"


@dataclass(frozen=True)
class Weighing:
    """The card with new weights, beside the present one. Nothing is written."""

    present: Card
    proposed: Card
    groups: tuple[Priorities, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give both sets of weights in points of 100, and how consistent each expert was."""
        pairs = {
            name: [100 * self.present.weights[name], 100 * self.proposed.weights[name]] for name in self.present.names
        }
        consistency = {group.group: dict(group.consistency) for group in self.groups}
        return {"card": self.present.name, "weights": pairs, "consistency": consistency}

    def as_text(self) -> str:
        """Give the same for reading."""
        lines = [f"{self.present.name}: weights in points of 100", f"{'indicator':<30}{'present':>9}{'proposed':>9}"]
        lines += [f"{name:<30}{old:>9.1f}{new:>9.1f}" for name, (old, new) in self.as_dict()["weights"].items()]
        for group in self.groups:
            each = ", ".join(f"{expert} {ratio:.3f}" for expert, ratio in group.consistency.items())
            lines.append(f"consistency of {group.group}: {each}")
        return "\n".join(lines)


def weigh(card: Card, path: Path) -> Weighing:
    """Read a file of weights, either direct `points` or `experts` with comparisons, and put it on a card."""
    return weigh_text(card, read_text(path), path.name)


def weigh_text(card: Card, text: str, where: str) -> Weighing:
    """Do the same from YAML text."""
    place = Place(where, parse_yaml(text, where))
    place.keys((), ("points", "experts"))
    if place.has("points") == place.has("experts"):
        raise place.wrong("give either “points” (a number for each indicator) or “experts” (comparisons).")
    if place.has("points"):
        points = {name: each.number() for name, each in place.at("points").items()}
        return Weighing(card, with_weights(card, points, where))
    groups = _groups(card, [_expert(line) for line in place.at("experts").lines("expert")], where)
    return Weighing(card, with_weights(card, _global_weights(card, groups), where), tuple(groups.values()))


def with_weights(card: Card, points: Mapping[str, float], where: str) -> Card:
    """Give the card of the next version with other weights."""
    if set(points) != set(card.names):
        odd = sorted(set(points) ^ set(card.names))
        raise CardError(
            f"{where}: {', '.join(odd)}: the points must name each indicator of {card.name} once, no other."
        )
    if min(points.values()) < 0 or sum(points.values()) <= 0:
        raise CardError(f"{where}: points are 0 or more, and at least one is above 0.")
    dimensions = tuple(
        replace(part, indicators=tuple(replace(line, weight=points[line.name]) for line in part.indicators))
        for part in card.dimensions
    )
    return replace(card, version=card.version + 1, dimensions=dimensions)


def _expert(place: Place) -> list[Judgment]:
    place.keys(("name", "groups"))
    expert = place.at("name").text()
    return [
        Judgment(expert, group, tuple(_comparison(line) for line in each.lines("comparison")))
        for group, each in place.at("groups").items()
    ]


def _comparison(place: Place) -> Comparison:
    place.keys(("more", "than", "times"))
    return Comparison(place.at("more").text(), place.at("than").text(), place.at("times").number())


def _groups(card: Card, experts: list[list[Judgment]], where: str) -> dict[str, Priorities]:
    """Weigh the dimensions against each other, and the indicators within each dimension."""
    items = {DIMENSIONS: [part.name for part in card.dimensions]}
    items |= {part.name: [line.name for line in part.indicators] for part in card.dimensions}
    judged: dict[str, list[Judgment]] = {}
    for judgment in (each for expert in experts for each in expert):
        if judgment.group not in items:
            raise CardError(f"{where}: there is no group “{judgment.group}”. Groups: {', '.join(items)}.")
        judged.setdefault(judgment.group, []).append(judgment)
    if lost := [group for group, names in items.items() if len(names) > 1 and group not in judged]:
        raise CardError(f"{where}: nobody compared {', '.join(lost)}.")
    return {group: priorities(items[group], judgments) for group, judgments in judged.items()}


def _global_weights(card: Card, groups: Mapping[str, Priorities]) -> dict[str, float]:
    points: dict[str, float] = {}
    for part in card.dimensions:
        share = groups[DIMENSIONS].weights[part.name] if DIMENSIONS in groups else 1.0
        inner = groups[part.name].weights if part.name in groups else {part.indicators[0].name: 1.0}
        points |= {name: 100 * share * weight for name, weight in inner.items()}
    return points
