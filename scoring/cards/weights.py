"""Propose new weights for a card, from experts' pairwise comparisons or direct points, beside the present ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from rapport.errors import CardError
from rapport.scoring.cards.ahp import Comparison, Judgment, Priorities, priorities
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.config_errors import ConfigError
from rapport.scoring.cards.config_models import ConfigModel, NotEmpty, Number, Text, parse_config
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
    form = parse_config(_WeightsForm, parse_yaml(text, where), where)
    if form.points:
        return WeightProposal(card, with_weights(card, form.points, where))
    judgments = [
        Judgment(expert.name, group, comparisons)
        for expert in form.judges or ()
        for group, comparisons in expert.groups.items()
    ]
    groups = _groups(card, judgments, where)
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


@dataclass(frozen=True)
class _ExpertForm(ConfigModel):
    name: Text
    groups: Annotated[dict[str, Annotated[tuple[Comparison, ...], NotEmpty]], NotEmpty]


@dataclass(frozen=True)
class _WeightsForm(ConfigModel):
    points: Annotated[dict[str, Number], NotEmpty] | None = None
    judges: Annotated[tuple[_ExpertForm, ...] | None, NotEmpty, Field(alias="experts")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.points is None) == (self.judges is None):
            raise ConfigError("points_or_experts")
        return self


def _groups(card: Card, judgments: Sequence[Judgment], where: str) -> dict[str, Priorities]:
    """Derive the weights of the dimensions, and of the indicators within each dimension."""
    items = {DIMENSIONS: [part.name for part in card.dimensions]}
    items |= {part.name: [line.name for line in part.indicators] for part in card.dimensions}
    by_group: dict[str, list[Judgment]] = {}
    for judgment in judgments:
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
