"""From one row of features to an answer with reasons that add up."""

from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.scorer import Scorer
from rapport.scoring.reasons.answer import Answer, Reason
from rapport.scoring.reasons.answers import build_answers

__all__ = ["Answer", "Bundle", "Reason", "ScoreBatch", "Scorer", "build_answers"]
