"""Train on what was known at a past cutoff, and score the customers of that time."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from rapport.durations import Duration
from rapport.features import snapshot
from rapport.history import History
from rapport.scoring import Scorer
from rapport.training.pipeline import Progress, TrainedModel, no_progress, train


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
    trained = train(
        history, target, as_of=cutoff, horizon=horizon, active=active, settings=history.settings, progress=progress
    )
    return score_as_of(history, trained)


def score_as_of(history: History, trained: TrainedModel) -> pa.Table:
    """Score the customers that are eligible at the moment of training."""
    task = trained.run.task
    customers = snapshot(history, task.as_of, trained.run.catalog, active=task.active, rule=task.rule)
    eligible = customers.filter(pc.equal(customers["state"], task.eligible_state))
    scored = Scorer(trained.bundle).score(eligible, task.as_of).to_table()
    wanted = ("customer_id", "probability", "model_probability", "rule_probability", "rule_score", "tier", "percentile")
    return scored.select([name for name in wanted if name in scored.column_names])
