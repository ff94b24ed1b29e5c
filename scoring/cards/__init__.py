"""Scorecards that business people read and edit, scored beside the model."""

from rapport.scoring.cards.card import Card
from rapport.scoring.cards.reading import card_of, load_card, shipped_names
from rapport.scoring.cards.scores import CardScores

__all__ = ["Card", "CardScores", "card_of", "load_card", "shipped_names"]
