"""The prediction task: target, cutoff, horizon, active window and churn rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from rapport.durations import Duration
from rapport.errors import TrainingError
from rapport.features import BY_ORDERS, Catalog, ChurnRule, snapshot
from rapport.features.targets.dataset_spec import DatasetSpec
from rapport.history import History
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Matrix


@dataclass(frozen=True)
class TaskSpec:
    """The target, the moment of training, the horizon, who is active, and the rule that defines churn."""

    target: str
    as_of: datetime
    horizon: Duration
    active: Duration
    rule: ChurnRule = BY_ORDERS

    @property
    def outcome_window(self) -> Duration:
        """Return how long after a cutoff its outcome is final: contracts may be renewed late."""
        return self.rule.outcome_span(self.target, self.horizon)

    @property
    def by_contract(self) -> bool:
        """Return whether contracts decide the outcome."""
        return self.target == "churn" and self.rule.is_by_contract

    @property
    def horizon_days(self) -> float:
        """Return the horizon from ``as_of`` in days."""
        return (self.horizon.after(self.as_of) - self.as_of).total_seconds() / 86400

    @property
    def eligible_state(self) -> str:
        """Return the state of the customers that are scored."""
        return "active" if self.target == "churn" else "new"


def customer_snapshot(history: History, task: TaskSpec, catalog: Catalog) -> pa.Table:
    """Return the features of all customers at ``task.as_of``."""
    return snapshot(history, task.as_of, catalog, active=task.active, rule=task.rule)


def eligible_matrix(people: pa.Table, task: TaskSpec, columns: tuple[FeatureColumn, ...]) -> Matrix:
    """Return the rows of a snapshot that can be scored."""
    chosen = people.filter(pc.equal(people["state"], task.eligible_state))
    if chosen.num_rows == 0:
        raise TrainingError(
            f"On {task.as_of:%Y-%m-%d} nobody can be scored for {task.target}: no customer is "
            f"'{task.eligible_state}'. See the states with `rapport check`, or choose another date or active window."
        )
    return Matrix.of(chosen, columns)


def dataset_spec(task: TaskSpec, cutoffs: Sequence[datetime]) -> DatasetSpec:
    """Return the task as the feature engine reads it."""
    return DatasetSpec(task.target, tuple(cutoffs), task.active, task.horizon, task.as_of, task.rule)
