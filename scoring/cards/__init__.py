"""Scorecards that business users read and edit, scored beside the model."""

from rapport.scoring.cards.card import Card
from rapport.scoring.cards.card_file import load_card, parse_card, shipped_names
from rapport.scoring.cards.card_scores import CardScores

__all__ = ["Card", "CardScores", "load_card", "parse_card", "shipped_names"]
