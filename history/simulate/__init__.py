"""An invented company: twelve tables to try everything on, and beside them the truth nobody else has."""

from rapport.history.simulate.company import simulate
from rapport.history.simulate.judge import Judgement, judge, read_truth

__all__ = ["Judgement", "judge", "read_truth", "simulate"]
