"""The company's scorecard as an ensemble member: a straight line from its score to log-odds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rapport.scoring.cards import Card, CardScores, parse_card
from rapport.scoring.cards.card_scores import score_card
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.member import Contributions

KIND = "card"


@dataclass(frozen=True)
class CardMember:
    """``logit = intercept + slope x score``, split exactly over the card's indicators.

    Parameters
    ----------
    centre : the mean part of each indicator, by its name, on the reference population.
    own_fifths : the indicators whose bands come from the company's own fifths; None if training did not decide that.
    """

    card: Card
    intercept: float
    slope: float
    centre: Mapping[str, float] = field(default_factory=dict)
    name: str = KIND
    own_fifths: tuple[str, ...] | None = None

    is_card = True

    def scores(self, rows: Matrix) -> CardScores:
        """Return the card's own scores of each row."""
        return score_card(self.card, rows.by_name(self.card.features))

    def logit(self, scores: CardScores) -> Floats:
        """Return the card's own log-odds; nan where none of its indicators is known."""
        return np.asarray(self.intercept + self.slope * scores.score)

    def contributions(self, rows: Matrix) -> Contributions:
        """Return the log-odds of each row, split by indicator."""
        return self.contributions_of(rows, self.scores(rows))

    def contributions_of(self, rows: Matrix, scores: CardScores) -> Contributions:
        """Return the same for given scores; a customer whose indicators are all unknown gets the mean."""
        by_feature = np.zeros((len(rows), len(rows.columns)))
        by_family: dict[str, Floats] = {}
        mean = self.intercept + self.slope * scores.base
        for position, indicator in enumerate(self.card):
            centre = self.centre.get(indicator.name, 0.0)
            mean += self.slope * centre
            part = self.slope * np.where(scores.known > 0, scores.parts[:, position] - centre, 0.0)
            columns = [rows.positions[name] for name in indicator.features if name in rows.positions]
            # An indicator of several features is one fact; its part is split evenly, as only the family's sum is shown.
            for column in columns:
                by_feature[:, column] += part / len(columns)
            if not columns:
                by_family[indicator.family] = by_family.get(indicator.family, 0.0) + part
        return Contributions(float(mean), by_feature, by_family)

    def centred_on(self, rows: Matrix) -> "CardMember":
        """Return the same member with its contributions centred on ``rows``."""
        scores = self.scores(rows)
        known = scores.parts[scores.known > 0]
        means = known.mean(axis=0) if len(known) else np.zeros(len(self.card.names))
        return replace(self, centre=dict(zip(self.card.names, means.tolist(), strict=True)))

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON, the card included."""
        numbers: dict[str, object] = {"intercept": self.intercept, "slope": self.slope, "centre": dict(self.centre)}
        if self.own_fifths is not None:
            numbers["own_fifths"] = list(self.own_fifths)
        return {"kind": KIND, "name": self.name, "card": self.card.to_dict()} | numbers

    def files(self) -> dict[str, str]:
        """Return no file: the card is part of the JSON."""
        return {}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "CardMember":
        """Load what ``to_dict`` returned."""
        card = parse_card(stored["card"], "the bundle's card")
        own = stored.get("own_fifths")
        fifths = None if own is None else tuple(own)
        return cls(card, stored["intercept"], stored["slope"], stored["centre"], stored["name"], fifths)
