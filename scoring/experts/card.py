"""The company's card as a part of the committee: a straight line from its score to log-odds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from rapport.scoring.cards import Card, CardScores, card_of
from rapport.scoring.experts import Reading
from rapport.scoring.matrix import Floats, Matrix

KIND = "card"


@dataclass(frozen=True)
class CardExpert:
    """``logit = intercept + slope x score``, split exactly over the card's lines.

    Parameters
    ----------
    centre : the mean part of each line, by its name, on the reference population.
    """

    card: Card
    intercept: float
    slope: float
    centre: Mapping[str, float] = field(default_factory=dict)
    name: str = KIND

    is_card = True

    def scores(self, rows: Matrix) -> CardScores:
        """Give the card's own marks of each row."""
        return self.card.score(rows.by_name(self.card.features))

    def line(self, scores: CardScores) -> Floats:
        """Give the card's own log-odds; nan where none of its lines is known."""
        return np.asarray(self.intercept + self.slope * scores.score)

    def read(self, rows: Matrix) -> Reading:
        """Say the line's log-odds and each indicator's part."""
        return self.reading(rows, self.scores(rows))

    def reading(self, rows: Matrix, scores: CardScores) -> Reading:
        """Say the same of scores already made; a customer of whom the card knows nothing is taken as usual."""
        by_feature = np.zeros((len(rows), len(rows.columns)))
        by_family: dict[str, Floats] = {}
        mean = self.intercept + self.slope * scores.base
        for place, indicator in enumerate(self.card):
            middle = self.centre.get(indicator.name, 0.0)
            mean += self.slope * middle
            part = self.slope * np.where(scores.known > 0, scores.parts[:, place] - middle, 0.0)
            heard = [rows.place[name] for name in indicator.features if name in rows.place]
            # A line over several features is one fact; its part is shared evenly, for only the family's sum is shown.
            for column in heard:
                by_feature[:, column] += part / len(heard)
            if not heard:
                by_family[indicator.family] = by_family.get(indicator.family, 0.0) + part
        return Reading(float(mean), by_feature, by_family)

    def centred_on(self, rows: Matrix) -> "CardExpert":
        """Give the same expert with its evidence centred on ``rows``."""
        scores = self.scores(rows)
        known = scores.parts[scores.known > 0]
        middles = known.mean(axis=0) if len(known) else np.zeros(len(self.card.names))
        return replace(self, centre=dict(zip(self.card.names, middles.tolist(), strict=True)))

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold of it, the card with it."""
        numbers = {"intercept": self.intercept, "slope": self.slope, "centre": dict(self.centre)}
        return {"kind": KIND, "name": self.name, "card": self.card.to_dict()} | numbers

    def files(self) -> dict[str, str]:
        """Give no file: the card stands in the JSON."""
        return {}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "CardExpert":
        """Read what ``to_dict`` wrote."""
        card = card_of(stored["card"], "the bundle's card")
        return cls(card, stored["intercept"], stored["slope"], stored["centre"], stored["name"])
