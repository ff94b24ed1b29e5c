"""Train on what was known at past cutoffs, score the customers of that time, and evaluate known outcomes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa

from rapport.durations import Duration
from rapport.history import History
from rapport.progress import Progress, no_progress
from rapport.training.backtests.compared_file import read_compared
from rapport.training.backtests.cutoff_evaluation import compare, evaluate_cutoff, predictions_of, score_batch_as_of
from rapport.training.backtests.report import BacktestReport
from rapport.training.pipeline import TrainedModel, default_cutoff, train


def backtest(
    history: History,
    target: str,
    *,
    cutoff: datetime,
    horizon: Duration,
    active: Duration,
    progress: Progress = no_progress,
) -> pa.Table:
    """Return customer_id and the probabilities of everyone who could be scored at ``cutoff``."""
    return score_as_of(history, _train(history, target, cutoff, horizon, active, progress))


def run_backtests(  # noqa: PLR0913 - each is a part of the task
    history: History,
    target: str,
    *,
    cutoffs: Sequence[datetime],
    horizon: Duration,
    active: Duration,
    compared: Path | None = None,
    progress: Progress = no_progress,
) -> BacktestReport:
    """Backtest at each cutoff; ``compared`` is a file of other predictions for the same customers."""
    cutoffs = tuple(dict.fromkeys(cutoffs))
    # A bad file is refused before the long work.
    theirs = read_compared(compared, cutoffs) if compared else None
    newest, found = default_cutoff(history), []
    for position, cutoff in enumerate(cutoffs):
        own = partial(_part_of, progress, position, len(cutoffs))
        evaluated = evaluate_cutoff(history, _train(history, target, cutoff, horizon, active, own), newest)
        if theirs and len(evaluated.label):
            evaluated = replace(evaluated, compared=compare(evaluated, theirs.name, theirs.at(cutoff)))
        found.append(evaluated)
    return BacktestReport(target, str(horizon), tuple(found))


def score_as_of(history: History, trained: TrainedModel) -> pa.Table:
    """Score the customers that are eligible at the moment of training."""
    return predictions_of(score_batch_as_of(history, trained))


def _train(
    history: History, target: str, cutoff: datetime, horizon: Duration, active: Duration, progress: Progress
) -> TrainedModel:
    return train(
        history, target, as_of=cutoff, horizon=horizon, active=active, settings=history.settings, progress=progress
    )


def _part_of(progress: Progress, position: int, count: int, message: str, share: float) -> None:
    progress(f"cutoff {position + 1} of {count}: {message}" if count > 1 else message, (position + share) / count)
