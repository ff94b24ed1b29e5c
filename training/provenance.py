"""The provenance of a run: what is needed to reproduce the model, and to verify that it is the same."""

import hashlib
import platform
from dataclasses import asdict, fields
from importlib.metadata import version
from typing import Any

import numpy as np

from rapport.features import Catalog
from rapport.history import History
from rapport.history.checks.gates.feeds import feed_ends
from rapport.scoring.models.evaluation_record import ProvenanceRecord
from rapport.training.data.dataset import Dataset
from rapport.training.data.task_spec import TaskSpec
from rapport.training.stacking.ensemble import FitConfig

LIBRARIES = ("duckdb", "lightgbm", "numpy", "pyarrow", "scipy")


def provenance_of(history: History, task: TaskSpec, features: Catalog, dataset: Dataset) -> ProvenanceRecord:
    """Return fingerprints, settings, seeds and versions."""
    return {
        "target": task.target,
        "horizon": str(task.horizon),
        "active": str(task.active),
        "as_of": task.as_of.isoformat(),
        "cutoffs": [cutoff.isoformat() for cutoff in dataset.cutoffs],
        "data_fingerprint": data_fingerprint(dataset),
        "catalog_fingerprint": features.fingerprint,
        "tables": table_counts(history),
        "table_ends": feed_ends(history, task.as_of),
        "settings": {
            setting.name: _plain(getattr(history.settings, setting.name)) for setting in fields(history.settings)
        },
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
    }


def table_counts(history: History) -> dict[str, int]:
    """Return the number of rows of each table."""
    return {name: int(count) for name, count in sorted(history.rows.items())}


def fit_settings(config: FitConfig) -> ProvenanceRecord:
    """Return how the trees were fitted: parameters with seeds, and the number of tries of a search."""
    tries = int(config.search_result["tries"]) if config.search_result else 0
    params = {"recent": asdict(config.recent_params), "historical": asdict(config.historical_params)}
    return {"search": tries, "gbm_params": params}


def data_fingerprint(dataset: Dataset) -> str:
    """Return the SHA-256 of every number that the model learned from, in order."""
    digest = hashlib.sha256()
    digest.update("\n".join(map(str, dataset.customer_ids)).encode())
    for part in (dataset.cutoff_index, dataset.label, dataset.matrix.values):
        # A flat view: the bytes of a matrix of 600,000 rows are a gigabyte.
        digest.update(np.ascontiguousarray(part).reshape(-1).data)
    if dataset.binned:
        digest.update(dataset.binned.digest.encode())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return {key: _plain(each) for key, each in value.items()} if hasattr(value, "items") else value
