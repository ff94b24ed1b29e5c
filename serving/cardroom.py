"""The scorecards as people read them: what stands on them, and what they say of one customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import yaml
from rapport.scoring.cards import Card
from rapport.scoring.cards.indicator import BEST, WORST, Choices, Indicator, Quantiles, said
from rapport.scoring.cards.reading import card_of_text
from rapport.serving.current import Current
from rapport.serving.problem import UNKNOWN_CUSTOMER, RequestError

from rapport.errors import CardError

_SIGNS = {"at_least": "≥", "above": ">", "at_most": "≤", "below": "<"}


def card_page(current: Current, language: str) -> dict[str, Any]:
    """Return the card that has a voice in what is current."""
    card = _card(current)
    return {
        "name": card.name,
        "version": str(card.version),
        "hash": card.hash,
        "title": said(card.label, language),
        "target": current.target,
        "source": None,
        "lowest": WORST,
        "highest": BEST,
        "notes": [said(note, language) for note in card.notes],
        "dimensions": [
            {
                "name": part.name,
                "title": said(part.label, language),
                "weight": sum(line.weight for line in part.indicators),
                "indicators": [_line(current, line, language) for line in part.indicators],
            }
            for part in card.dimensions
        ],
        "tiers": [
            {"name": tier.name, "title": said(tier.label, language), "from": tier.floor, "strategy": tier.signal}
            for tier in card.tiers
        ],
        "audit": current.bundle.evaluation.get("card"),
        "yaml": yaml.safe_dump(card.to_dict(), allow_unicode=True, sort_keys=False),
    }


def try_card(currents: Sequence[Current], name: str, customer_id: str, language: str) -> dict[str, Any]:
    """Return a card's bands, score and tier of one customer, line by line."""
    current = next((one for one in currents if _card(one).name == name), None)
    if current is None:
        raise RequestError(404, f"No card called {name!r} has a voice now.", where="card")
    row = current.night.ids.find(customer_id)
    if row is None:
        raise RequestError(404, UNKNOWN_CUSTOMER, where="customer_id")
    card = _card(current)
    rows = current.night.scored.rows.take(np.array([row]))
    columns = rows.by_name(card.features)
    scores = card.score(columns)
    tier = scores.tier[0]
    return {
        "score": None if np.isnan(scores.score[0]) else float(scores.score[0]),
        "tier": tier,
        "tier_title": said(card.tier_of(tier).label, language) if tier else None,
        "rows": [
            {
                "indicator": line.name,
                "title": said(line.label, language),
                "value": _measured(line, columns),
                "band": None if scores.marks[0, place] == 0 else int(scores.marks[0, place]),
                "points": float(scores.parts[0, place]),
                "unknown": bool(scores.marks[0, place] == 0),
            }
            for place, line in enumerate(card)
        ],
    }


def check_card(yaml_text: str) -> str | None:
    """Return what is wrong with a card's text; None when nothing is."""
    try:
        card_of_text(yaml_text, "proposal")
    except CardError as error:
        return str(error)
    return None


def _card(current: Current) -> Card:
    if current.bundle.card is None:
        raise RequestError(404, f"The {current.target} model has no card.", where="card")
    return current.bundle.card.card


def _line(current: Current, line: Indicator, language: str) -> dict[str, Any]:
    feature = line.measure[0][0] if len(line.measure) == 1 else " + ".join(name for name, _ in line.measure)
    column = current.bundle.by_name.get(line.measure[0][0])
    return {
        "name": line.name,
        "title": said(line.label, language),
        "feature": feature,
        "unit": column.unit if column else "score",
        "weight": line.weight,
        "bands": _bands(line),
    }


def _bands(line: Indicator) -> list[dict[str, Any]]:
    """Return what it takes to reach each band, best first; a band that nothing is said of takes the rest."""
    if isinstance(line.bands, Choices):
        texts = {band: ", ".join(values) for band, values in line.bands.bands}
    elif isinstance(line.bands, Quantiles):
        texts = {band: f"q{share:g}" for band, share in line.bands.shares}
    else:
        texts = {rung.band: f"{_SIGNS[rung.bound]} {rung.value:,.10g}" for rung in line.bands.rungs}
    return [{"band": band, "text": texts.get(band, "")} for band in range(BEST, WORST - 1, -1)]


def _measured(line: Indicator, columns: Any) -> float | str | None:
    # A card may speak of an attribute that this company does not have: unknown, as the card's marks say.
    parts: list[Any] = [columns[name][0] if name in columns else None for name, _ in line.measure]
    if isinstance(parts[0], str):
        return parts[0]
    if None in parts:
        return None
    total = sum(factor * float(part) for part, (_, factor) in zip(parts, line.measure, strict=True))
    return None if np.isnan(total) else total
