"""Outcomes of stored scoring runs: what was predicted on each archived day, beside what has happened since.

Only scores that a run really published are judged; a run that never happened is never computed after the fact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from rapport.durations import parse_duration
from rapport.errors import TrainingError
from rapport.features import Catalog
from rapport.history import History
from rapport.metrics import compute_metrics
from rapport.scoring import Bundle
from rapport.scoring.models.matrix import Floats
from rapport.training.data.dataset import labelled_dataset
from rapport.training.data.task_spec import TaskSpec
from rapport.training.evaluation.diagnostics import calibration_table

MAX_RUNS = 12


@dataclass(frozen=True)
class StoredRun:
    """An archived scoring run: its cutoff, the version that scored it, and where its scores are."""

    as_of: datetime
    version: str
    path: Path

    def probabilities(self) -> dict[str, float]:
        """Return the published probability of each customer that had one."""
        table = pq.read_table(self.path, columns=["customer_id", "probability"], partitioning=None)
        pairs = zip(table["customer_id"].to_pylist(), table["probability"].to_pylist(), strict=True)
        return {name: value for name, value in pairs if value is not None and not np.isnan(value)}


@dataclass(frozen=True)
class MaturedRun:
    """A stored run with the outcomes of the customers it scored."""

    run: StoredRun
    label: Floats
    predicted: Floats

    @property
    def measures(self) -> dict[str, float]:
        """Return the measures of the run."""
        observed = float(self.label.mean())
        found = compute_metrics(self.label, self.predicted)
        found |= {"predicted": float(self.predicted.mean()), "observed": observed}
        return found | {"std_error": float(np.sqrt(observed * (1 - observed) / len(self.label)))}

    @property
    def bands(self) -> list[dict[str, Any]]:
        """Return predicted and observed rates by score band, lowest first."""
        day = f"{self.run.as_of:%Y-%m-%d}"
        return [
            {"as_of": day, "version": self.run.version, "band": number} | each
            for number, each in enumerate(calibration_table(self.label, self.predicted), 1)
        ]


def stored_runs(data_dir: Path, target: str) -> list[StoredRun]:
    """Return the archived scoring runs of a target, newest first."""
    folder = data_dir / "scores" / target / "history"
    paths = (path for path in folder.glob("*.parquet") if not path.name.startswith("."))
    return sorted((_stored_run(path) for path in paths), key=lambda run: run.as_of, reverse=True)


def matured_runs(
    history: History, runs: Sequence[StoredRun], bundle: Bundle, features: Catalog, as_of: datetime
) -> list[MaturedRun]:
    """Return the runs whose outcomes are known at ``as_of``, newest first, at most ``MAX_RUNS``, one a month."""
    last = bundle.rule.outcome_span(bundle.target, parse_duration(bundle.horizon)).before(as_of)
    by_month: dict[str, StoredRun] = {}
    for run in runs:
        if run.as_of <= last:
            by_month.setdefault(f"{run.as_of:%Y-%m}", run)
    chosen = list(by_month.values())[:MAX_RUNS]
    horizon, active = parse_duration(bundle.horizon), parse_duration(bundle.active_window)
    task = TaskSpec(bundle.target, as_of, horizon, active, bundle.rule)
    found = []
    for run in chosen:
        try:
            outcomes = labelled_dataset(history, task, [run.as_of], features)
        except TrainingError:
            # Every customer had the same outcome, or none is known any more: nothing to judge.
            continue
        published = run.probabilities()
        rows = [row for row, name in enumerate(outcomes.customer_ids) if name in published]
        if len(set(outcomes.label[rows])) > 1:
            predicted = np.array([published[str(outcomes.customer_ids[row])] for row in rows])
            found.append(MaturedRun(run, outcomes.label[rows], predicted))
    return found


def _stored_run(path: Path) -> StoredRun:
    manifest: Mapping[str, Any] = json.loads(pq.read_schema(path).metadata[b"manifest"])
    return StoredRun(datetime.fromisoformat(manifest["as_of"]), str(manifest["version"]), path)
