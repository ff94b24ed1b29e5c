"""The consistency meter: live answers recomputed from the source of the next run, and the share of unequal cells."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from rapport.features.engine.clock import local_time
from rapport.files import read_json, replace_text
from rapport.history.settings import Settings
from rapport.serving.live.customer_features import features_of
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.event_store import EventStore
from rapport.serving.live.merged_tables import merged_tables
from rapport.serving.live.relatives import Relatives
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
    """Compares, at each new run, the cells that live answers would have at its cutoff with those that it computed."""

    def __init__(self, store: EventStore, settings: Settings, databases: DatabasePool) -> None:
        self._store, self._settings, self._databases = store, settings, databases

    def measure(self, model: LiveModel, before: Path, customers: Sequence[str]) -> Consistency | None:
        """Compare the features from the rows of the run before and the events with those of this run.

        ``customers`` have events; of them, those count whose events the source has by now. None where there are none.
        """
        old, features = ContractRows(before), model.snapshot.run.cached_table("features")
        if not old.is_complete or features is None:
            return None
        drawn = random.Random(0).sample(sorted(customers), min(_SAMPLE, len(customers)))
        relatives = Relatives.of(model)
        relatives.update(self._store, self._store.newest())
        near = {one: (one, *relatives.near(one)) for one in drawn}
        everyone = sorted({each for some in near.values() for each in some})
        events = self._store.of(everyone)
        _, waiting = merged_tables(model.snapshot.contract_rows.cells(everyone), events)
        ids = sorted(one for one, some in near.items() if not any(waiting.get(each) for each in some))
        places = {one: row for one in ids if (row := model.snapshot.ids.row_of(one)) is not None}
        if not places:
            return None
        tables, _ = merged_tables(old.cells(everyone), events)
        as_of = local_time(model.snapshot.as_of, self._settings.timezone)
        live = features_of(model, tables, as_of, self._databases, self._settings)
        now = features.take(pa.array(places.values(), pa.int64()))
        return _compared(live, now, as_of=as_of.isoformat())


def write_consistency(folder: Path, found: Consistency) -> None:
    """Keep the last measurement for the metrics."""
    replace_text(folder / FILE, json.dumps({**vars(found), "share": found.share}))


def consistency(data_dir: Path) -> dict[str, float]:
    """Return the last share of unequal cells of each target that was measured."""
    found = {path.parent.name: read_json(path) for path in data_dir.glob(f"scores/*/{FILE}")}
    return {target: float(one["share"]) for target, one in found.items() if one is not None}


def _compared(live: pa.Table, now: pa.Table, *, as_of: str) -> Consistency:
    known = {row["customer_id"]: row for row in live.to_pylist()}
    names = [name for name in now.column_names if name != "customer_id" and name in live.column_names]
    features, rows = Counter[str](), now.to_pylist()
    for row in rows:
        own = known.get(row["customer_id"], {})
        # Only nan differs from itself; both sides write unknown as null.
        features.update(name for name in names if own.get(name) != row[name])
    return Consistency(as_of, len(rows), len(rows) * len(names), features.total(), dict(features.most_common(5)))
