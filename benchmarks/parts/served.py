"""What a benchmark serves: an invented company's rows, models of a given shape, and its customers as bodies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import lightgbm as lgb
import numpy as np

from rapport.durations import parse_duration
from rapport.features import Feature, Vocabulary, catalog, training_rows
from rapport.history import History
from rapport.history.contract import FEATURE_TABLES
from rapport.scoring.models.blend import Blend
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.columns import FeatureColumn, feature_columns
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.trees import TreesMember

AS_OF = datetime(2026, 11, 1)  # noqa: DTZ001  # on the company's clock
YEAR = parse_duration("12mo")
SHAPE = {"objective": "binary", "num_leaves": 15, "max_depth": 5, "verbose": -1, "num_threads": 1}


@dataclass(frozen=True)
class Lesson:
    """Rows to learn from, and what a bundle says of where they come from."""

    ids: tuple[str, ...]
    matrix: Matrix
    label: np.ndarray
    columns: tuple[FeatureColumn, ...]
    tables: tuple[str, ...]

    @classmethod
    def of(cls, history: History, cutoffs: Sequence[datetime], features: Sequence[Feature] | None = None) -> "Lesson":
        """Read the rows of some cutoffs; with ``features`` only those columns."""
        every = catalog()
        rows = training_rows(history, "churn", cutoffs, active=YEAR, horizon=YEAR, known_by=AS_OF, features=every)
        columns = feature_columns(every.features if features is None else features, "churn")
        return cls(
            ids=tuple(rows.column("customer_id").to_pylist()),
            matrix=Matrix.of(rows, columns),
            label=rows.column("label").to_numpy(),
            columns=columns,
            tables=tuple(sorted(history.present)),
        )

    def booster(self, trees: int, **shape: float) -> lgb.Booster:
        """Fit trees."""
        names = [column.name for column in self.columns]
        fit = lgb.Dataset(self.matrix.values, self.label, feature_name=names)
        return lgb.train({**SHAPE, **shape}, fit, trees)

    def bundle(self, version: str, booster: lgb.Booster) -> Bundle:
        """Make a bundle whose only expert are these trees."""
        return Bundle(
            target="churn", version=version, horizon="12mo", active_window="12mo", columns=self.columns,
            fingerprint=catalog().fingerprint, tables=self.tables,
            vocabulary={"actions": list(Vocabulary().actions), "channels": [], "attributes": []},
            members=(TreesMember("trees", (booster.model_to_string(),)),), blend=Blend({"trees": 1.0}),
            model_blend=Blend({"trees": 1.0}),
        ).centred_on(self.matrix)  # fmt: skip


def body_of(history: History, customer_id: str) -> dict[str, Any]:
    """Return one customer's whole history as a caller would send it."""
    body: dict[str, Any] = {}
    for table in FEATURE_TABLES:
        found = history.connection.execute(f"SELECT * FROM {table.name} WHERE customer_id = ?", [customer_id])
        names = [column[0] for column in found.description or ()]
        body[table.name] = [
            {name: _plain(value) for name, value in zip(names, row, strict=True) if value is not None}
            for row in found.fetchall()
        ]
    return {"customer": body.pop("customers")[0], **body}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
