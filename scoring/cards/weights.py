"""Propose new weights for a card, from experts' pairwise comparisons or direct points, beside the present ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from rapport.errors import CardError
from rapport.scoring.cards.ahp import Comparison, Judgment, Priorities, priorities
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.config_node import ConfigNode
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text

DIMENSIONS = "dimensions"


@dataclass(frozen=True)
class WeightProposal:
    """A card with new weights beside the present card. Nothing is written."""

    present: Card
    proposed: Card
    groups: tuple[Priorities, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return both sets of weights in points of 100, and each expert's consistency ratio."""
        consistency = {group.group: dict(group.consistency) for group in self.groups}
        weights = weights_in_points(self.present, self.proposed)
        return {"card": self.present.name, "weights": weights, "consistency": consistency}

    def as_text(self) -> str:
        """Return the same as text."""
        lines = [f"{self.present.name}: weights in points of 100", f"{'indicator':<30}{'present':>9}{'proposed':>9}"]
        lines += [f"{name:<30}{old:>9.1f}{new:>9.1f}" for name, (old, new) in self.as_dict()["weights"].items()]
        for group in self.groups:
            each = ", ".join(f"{expert} {ratio:.3f}" for expert, ratio in group.consistency.items())
            lines.append(f"consistency of {group.group}: {each}")
        return "\n".join(lines)


def propose_weights(card: Card, path: Path) -> WeightProposal:
    """Read a file of weights, either direct `points` or `experts` with comparisons, and apply it to a card."""
    return propose_weights_text(card, read_text(path), path.name)


def propose_weights_text(card: Card, text: str, where: str) -> WeightProposal:
    """Do the same with YAML text."""
    node = ConfigNode(where, parse_yaml(text, where))
    node.keys((), ("points", "experts"))
    if node.has("points") == node.has("experts"):
        raise node.error("give either “points” (a number for each indicator) or “experts” (comparisons).")
    if node.has("points"):
        points = {name: each.number() for name, each in node.at("points").items()}
        return WeightProposal(card, with_weights(card, points, where))
    groups = _groups(card, [_expert(line) for line in node.at("experts").lines("expert")], where)
    return WeightProposal(card, with_weights(card, _global_weights(card, groups), where), tuple(groups.values()))


def weights_in_points(present: Card, proposed: Card) -> dict[str, list[float]]:
    """Return the weights of each indicator on both cards, in points of 100."""
    return {name: [100 * card.weights[name] for card in (present, proposed)] for name in present.names}


def with_weights(card: Card, points: Mapping[str, float], where: str) -> Card:
    """Return the next version of the card with other weights."""
    if set(points) != set(card.names):
        odd = sorted(set(points) ^ set(card.names))
        raise CardError(
            f"{where}: {', '.join(odd)}: the points must name each indicator of {card.name} once, and no other."
        )
    if min(points.values()) < 0 or sum(points.values()) <= 0:
        raise CardError(f"{where}: points must be 0 or more, and at least one above 0.")
    weighted = card.with_indicators(lambda line: replace(line, weight=points[line.name]))
    return replace(weighted, version=card.version + 1)


def _expert(node: ConfigNode) -> list[Judgment]:
    node.keys(("name", "groups"))
    expert = node.at("name").text()
    return [
        Judgment(expert, group, tuple(_comparison(line) for line in each.lines("comparison")))
        for group, each in node.at("groups").items()
    ]


def _comparison(node: ConfigNode) -> Comparison:
    node.keys(("more", "than", "times"))
    return Comparison(node.at("more").text(), node.at("than").text(), node.at("times").number())


def _groups(card: Card, judgments: list[list[Judgment]], where: str) -> dict[str, Priorities]:
    """Derive the weights of the dimensions, and of the indicators within each dimension."""
    items = {DIMENSIONS: [part.name for part in card.dimensions]}
    items |= {part.name: [line.name for line in part.indicators] for part in card.dimensions}
    by_group: dict[str, list[Judgment]] = {}
    for judgment in chain.from_iterable(judgments):
        if judgment.group not in items:
            raise CardError(f"{where}: there is no group “{judgment.group}”. Groups: {', '.join(items)}.")
        by_group.setdefault(judgment.group, []).append(judgment)
    if missing := [group for group, names in items.items() if len(names) > 1 and group not in by_group]:
        raise CardError(f"{where}: there is no comparison for {', '.join(missing)}.")
    return {group: priorities(items[group], own) for group, own in by_group.items()}


def _global_weights(card: Card, groups: Mapping[str, Priorities]) -> dict[str, float]:
    points: dict[str, float] = {}
    for part in card.dimensions:
        share = groups[DIMENSIONS].weights[part.name] if DIMENSIONS in groups else 1.0
        inner = groups[part.name].weights if part.name in groups else {part.indicators[0].name: 1.0}
        points |= {name: 100 * share * weight for name, weight in inner.items()}
    return points
