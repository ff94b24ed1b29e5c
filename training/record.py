"""The record of a run: what another run needs to make the same model, and to know that it did."""

import hashlib
import platform
from dataclasses import asdict, fields
from importlib.metadata import version
from typing import Any

from rapport.features import Catalog
from rapport.history import History
from rapport.training.committee import Making
from rapport.training.rows import Question, Rows

LIBRARIES = ("duckdb", "ibis-framework", "lightgbm", "numpy", "pyarrow", "scipy")


def record_of(history: History, question: Question, features: Catalog, rows: Rows) -> dict[str, Any]:
    """Return fingerprints, settings, seeds and versions."""
    return {
        "target": question.target,
        "horizon": str(question.horizon),
        "active": str(question.active),
        "as_of": question.as_of.isoformat(),
        "cutoffs": [cutoff.isoformat() for cutoff in rows.cutoffs],
        "data_fingerprint": fingerprint(rows),
        "catalog_fingerprint": features.fingerprint,
        "tables": {name: int(count) for name, count in sorted(history.rows.items())},
        "settings": {
            setting.name: _plain(getattr(history.settings, setting.name)) for setting in fields(history.settings)
        },
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
    }


def made_by(making: Making) -> dict[str, Any]:
    """Return how the parts were made: shapes of the trees with their seeds, and the tries of a search."""
    tries = int(making.searched["tries"]) if making.searched else 0
    return {"search": tries, "shapes": {"newest": asdict(making.newest), "many": asdict(making.many)}}


def fingerprint(rows: Rows) -> str:
    """Return a SHA-256 over every number that was learnt from, in order."""
    digest = hashlib.sha256()
    digest.update("\n".join(map(str, rows.ids)).encode())
    for part in (rows.moment, rows.label, rows.matrix.values):
        digest.update(part.tobytes())
    if rows.whole:
        digest.update(rows.whole.digest.encode())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return {key: _plain(each) for key, each in value.items()} if hasattr(value, "items") else value
