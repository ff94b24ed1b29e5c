"""Queries on scorecards: the whole card, and its bands for one customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from rapport.errors import CardError
from rapport.localized import localize
from rapport.scoring.cards import Card
from rapport.scoring.cards.bands import BOUND_SIGNS
from rapport.scoring.cards.card_file import parse_card_text
from rapport.scoring.cards.card_scores import score_card
from rapport.scoring.cards.card_set import FrozenCard
from rapport.scoring.cards.indicator import BEST, WORST, CategoryBands, Indicator, QuantileBands
from rapport.serving.errors import RequestError, message
from rapport.serving.snapshots.live_model import LiveModel


@dataclass(frozen=True)
class LiveCard:
    """A scorecard in use, and the live model whose customers it scores."""

    card: Card
    model: LiveModel

    @property
    def audit(self) -> object:
        """Return how the card did on past customers; None for one that is not part of the model."""
        own = self.model.bundle.card
        return self.model.bundle.evaluation.get("card") if own and own.card.name == self.card.name else None


def live_cards(models: Sequence[tuple[LiveModel, Sequence[FrozenCard]]]) -> list[LiveCard]:
    """Return every scorecard in use, each name once: a model's own first, then those of its scoring run."""
    found: dict[str, LiveCard] = {}
    for model, frozen in models:
        member = model.bundle.card
        for card in (*([member.card] if member else ()), *(each.card for each in frozen)):
            found.setdefault(card.name, LiveCard(card, model))
    return list(found.values())


def describe_card(live: LiveCard, language: str) -> dict[str, object]:
    """Return a card: dimensions, indicators, bands, tiers and its YAML."""
    card, model = live.card, live.model
    return {
        "name": card.name,
        "version": str(card.version),
        "hash": card.hash,
        "title": localize(card.label, language),
        "target": model.target,
        "source": None,
        "lowest": WORST,
        "highest": BEST,
        "notes": [localize(note, language) for note in card.notes],
        "dimensions": [
            {
                "name": part.name,
                "title": localize(part.label, language),
                "weight": sum(indicator.weight for indicator in part.indicators),
                "indicators": [_indicator(model, indicator, language) for indicator in part.indicators],
            }
            for part in card.dimensions
        ],
        "tiers": [
            {"name": tier.name, "title": localize(tier.label, language), "from": tier.floor, "strategy": tier.signal}
            for tier in card.tiers
        ],
        "audit": live.audit,
        "yaml": yaml.safe_dump(card.to_dict(), allow_unicode=True, sort_keys=False),
    }


def try_card(cards: Sequence[LiveCard], name: str, customer_id: str, language: str) -> dict[str, object]:
    """Return a card's bands, score and tier for one customer, indicator by indicator."""
    live = next((one for one in cards if one.card.name == name), None)
    if live is None:
        raise RequestError(404, f"No live model uses a card called {name!r}.", where="card")
    model, card = live.model, live.card
    row = model.snapshot.ids.row_of(customer_id)
    if row is None:
        raise RequestError(404, message("unknown_customer"), where="customer_id")
    rows = model.snapshot.scored.rows.take(np.array([row]))
    columns = rows.by_name(card.features)
    scores = score_card(card, columns)
    tier = scores.tier[0]
    return {
        "score": None if np.isnan(scores.score[0]) else float(scores.score[0]),
        "tier": tier,
        "tier_title": localize(card.tier_of(tier).label, language) if tier else None,
        "rows": [
            {
                "indicator": indicator.name,
                "title": localize(indicator.label, language),
                "value": _measured(indicator, columns),
                "band": None if scores.band_codes[0, position] == 0 else int(scores.band_codes[0, position]),
                "points": float(scores.parts[0, position]),
                "unknown": bool(scores.band_codes[0, position] == 0),
            }
            for position, indicator in enumerate(card)
        ],
    }


def check_card(yaml_text: str, language: str) -> str | None:
    """Return what is wrong with the text of a card; None when nothing is."""
    try:
        parse_card_text(yaml_text, "proposal")
    except CardError as error:
        return error.sentence(language)
    return None


def _indicator(model: LiveModel, indicator: Indicator, language: str) -> dict[str, object]:
    feature = (
        indicator.measure[0][0] if len(indicator.measure) == 1 else " + ".join(name for name, _ in indicator.measure)
    )
    column = model.bundle.by_name.get(indicator.measure[0][0])
    return {
        "name": indicator.name,
        "title": localize(indicator.label, language),
        "feature": feature,
        "unit": column.unit if column else "score",
        "weight": indicator.weight,
        "bands": _bands(indicator),
    }


def _bands(indicator: Indicator) -> list[dict[str, object]]:
    """Return the condition of each band, best first; a band without a condition takes the rest."""
    if isinstance(indicator.bands, CategoryBands):
        texts = {band: ", ".join(values) for band, values in indicator.bands.bands}
    elif isinstance(indicator.bands, QuantileBands):
        texts = {band: f"q{share:g}" for band, share in indicator.bands.shares}
    else:
        texts = {one.band: f"{BOUND_SIGNS[one.bound]} {one.value:,.10g}" for one in indicator.bands.thresholds}
    return [{"band": band, "text": texts.get(band, "")} for band in range(BEST, WORST - 1, -1)]


def _measured(indicator: Indicator, columns: Any) -> float | str | None:
    # A card may use an attribute that this company does not have; its value is unknown, as in the card's scores.
    parts: list[Any] = [columns[name][0] if name in columns else None for name, _ in indicator.measure]
    if isinstance(parts[0], str):
        return parts[0]
    if None in parts:
        return None
    total = sum(factor * float(part) for part, (_, factor) in zip(parts, indicator.measure, strict=True))
    return None if np.isnan(total) else total
