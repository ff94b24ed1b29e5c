"""Scorecards that business people read and edit, scored beside the model."""

from scoring.cards.card import Card
from scoring.cards.reading import card_of, load_card, shipped_names
from scoring.cards.scores import CardScores

__all__ = ["Card", "CardScores", "card_of", "load_card", "shipped_names"]
