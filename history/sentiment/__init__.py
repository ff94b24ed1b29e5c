"""Sentiment of interactions that have a text but no number, from -1 to 1.

A text is scored by its own words alone, so the same text always has the same sentiment.
"""

from rapport.history.sentiment.scoring import create_sentiment_table, text_sentiment

__all__ = ["create_sentiment_table", "text_sentiment"]
