"""A simulated company: fourteen tables of synthetic data, and the ground truth about every customer."""

from rapport.history.simulate.company import simulate
from rapport.history.simulate.truth_evaluation import TruthEvaluation, evaluate_against_truth, read_truth

__all__ = ["TruthEvaluation", "evaluate_against_truth", "read_truth", "simulate"]
