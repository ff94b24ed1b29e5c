"""From one row of features to an answer with reasons that add up."""

from scoring.answer import Answer, Reason
from scoring.bundle import Bundle
from scoring.scored import Scored
from scoring.scorer import Scorer

__all__ = ["Answer", "Bundle", "Reason", "Scored", "Scorer"]
