"""Train on what was known at a past cutoff, and predict from there."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from rapport.features import snapshot
from rapport.history import History
from rapport.scoring import Scorer
from rapport.training.recipe import Progress, Trained, silent, train

from rapport.durations import Span


def backtest(
    history: History, target: str, *, cutoff: datetime, horizon: Span, active: Span, progress: Progress = silent
) -> pa.Table:
    """Return customer_id and the probabilities of everyone who could be scored at ``cutoff``."""
    trained = train(
        history, target, as_of=cutoff, horizon=horizon, active=active, settings=history.settings, progress=progress
    )
    return predicted(history, trained)


def predicted(history: History, trained: Trained) -> pa.Table:
    """Score those who can be scored at the moment that the model was trained for."""
    question = trained.made.question
    people = snapshot(history, question.as_of, trained.made.features, active=question.active, rule=question.rule)
    chosen = people.filter(pc.equal(people["state"], question.eligible))
    scored = Scorer(trained.bundle).score(chosen, question.as_of).to_table()
    wanted = ("customer_id", "probability", "model_probability", "rule_probability", "rule_score", "tier", "percentile")
    return scored.select([name for name in wanted if name in scored.column_names])
