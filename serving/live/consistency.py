"""The consistency meter: live answers recomputed from the source of the next run, and the share of unequal cells."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from rapport.files import replace_text
from rapport.history.settings import Settings
from rapport.serving.live.customer_features import features_of
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.event_store import EventStore
from rapport.serving.live.overlay import merged_rows
from rapport.serving.snapshots.contract_rows import ContractRows
from rapport.serving.snapshots.live_model import LiveModel

FILE = "consistency.json"
_SAMPLE = 200


@dataclass(frozen=True)
class Consistency:
    """How many cells of live answers differ from the same cells by the new source, and in which features."""

    as_of: str
    customers: int
    cells: int
    unequal: int
    features: dict[str, int]

    @property
    def share(self) -> float:
        """Return the share of unequal cells."""
        return self.unequal / self.cells if self.cells else 0.0


class ConsistencyMeter:
    """Compares, at each new run, what live answers were computed from with what the source says now."""

    def __init__(self, store: EventStore, settings: Settings, databases: DatabasePool) -> None:
        self._store, self._settings, self._databases = store, settings, databases

    def measure(self, model: LiveModel, before: Path, customers: Sequence[str], as_of: datetime) -> Consistency | None:
        """Compare at ``as_of`` the rows of the run before with events, and those of this run; None without either."""
        old = ContractRows(before)
        if not customers or not old.is_complete:
            return None
        ids = sorted(random.Random(0).sample(list(customers), min(_SAMPLE, len(customers))))
        events = self._store.of(ids)
        live, _ = merged_rows(old.of(ids), events)
        now, _ = merged_rows(model.snapshot.contract_rows.of(ids), events)
        tables = [features_of(model, rows, as_of, self._databases, self._settings) for rows in (live, now)]
        return _compared(*tables, as_of=as_of.isoformat())


def write_consistency(folder: Path, found: Consistency) -> None:
    """Keep the last measurement for the metrics."""
    replace_text(folder / FILE, json.dumps({**vars(found), "share": found.share}))


def read_consistency(folder: Path) -> dict[str, Any] | None:
    """Return the last measurement; None before the first."""
    try:
        found: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return None


def consistency(data_dir: Path) -> dict[str, float]:
    """Return the last share of unequal cells of each target that was measured."""
    found = {path.parent.name: read_consistency(path.parent) for path in data_dir.glob(f"scores/*/{FILE}")}
    return {target: float(one["share"]) for target, one in found.items() if one is not None}


def _compared(live: pa.Table, now: pa.Table, *, as_of: str) -> Consistency:
    rows = [{row["customer_id"]: row for row in table.to_pylist()} for table in (live, now)]
    features, cells = Counter[str](), 0
    for customer in sorted(rows[0].keys() | rows[1].keys()):
        left, right = rows[0].get(customer, {}), rows[1].get(customer, {})
        for name in live.column_names[1:]:
            cells += 1
            # Only nan differs from itself; both sides write unknown as null.
            features[name] += left.get(name) != right.get(name)
    unequal = sum(features.values())
    return Consistency(as_of, len(rows[1]), cells, unequal, dict(features.most_common(5)) if unequal else {})
