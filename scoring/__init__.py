"""From one row of features to an answer with reasons that add up."""

from rapport.scoring.answer import Answer, Reason
from rapport.scoring.bundle import Bundle
from rapport.scoring.scored import Scored
from rapport.scoring.scorer import Scorer

__all__ = ["Answer", "Bundle", "Reason", "Scored", "Scorer"]
