"""The live overlay: customers with events since the last run, remade from their published rows and the events.

A live score depends only on the run and the events, so every worker finds the same one, without talking to another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.features.engine.clock import EPOCH, local_time
from rapport.history.settings import Settings
from rapport.scoring.models.matrix import numbers_of
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.live.batcher import Batcher
from rapport.serving.live.customer_features import features_of
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.event_store import EventStore, Mark
from rapport.serving.live.live_portfolio import live_portfolio
from rapport.serving.live.live_score import LiveScore, LiveScoreCache, Version
from rapport.serving.live.merged_tables import merged_tables
from rapport.serving.live.relatives import Relatives
from rapport.serving.snapshots.contract_rows import Cells, rows_of
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.portfolio_table import PortfolioTables

_CACHED = 5_000
_TOGETHER = 32
_SETTLED_SECONDS = 30.0
# A customer alone takes seven times the processor time of one among sixteen.
_REST, _LONGEST_REST_SECONDS = 8.0, 0.2
_STEP = timedelta(seconds=10)


@dataclass(frozen=True)
class _Wanted:
    """The customers whose scores a request needs, and their newest events."""

    model: LiveModel
    marks: Mapping[str, Mark]


class LiveOverlay:
    """The live scores of one data folder, in one worker; thread-safe."""

    def __init__(
        self, store: EventStore, settings: Settings, databases: DatabasePool, portfolios: PortfolioTables
    ) -> None:
        self.store, self._settings, self._databases, self._portfolios = store, settings, databases, portfolios
        self._marks: dict[str, Mark] = {}
        self._seen = 0
        self._lock = threading.Lock()
        self._scores = LiveScoreCache(_CACHED)
        self._compute: Batcher[_Wanted, Mapping[str, LiveScore | None]] = Batcher(
            self._computed_together, rest=_REST, longest=_LONGEST_REST_SECONDS
        )
        self._relatives: dict[str, tuple[str, Relatives, int]] = {}
        self._settled: dict[str, tuple[str, float, Mapping[str, int]]] = {}

    def refresh(self) -> None:
        """Learn which customers have new events; a few microseconds when there are none."""
        # The number is the same for every connection of every thread and process, unlike SQLite's own counters.
        if self.store.exists and self.store.newest() != self._seen:
            with self._lock:
                self._read_marks()

    def note(self) -> None:
        """Learn of events that this process stored itself."""
        with self._lock:
            self._read_marks()

    def _read_marks(self) -> None:
        marks, seen = self.store.marks(self._seen)
        # In this order: whoever sees that nothing is new reads the marks without the lock.
        self._marks |= marks
        self._seen = seen

    def scores(self, model: LiveModel, customer_ids: Collection[str]) -> dict[str, LiveScore]:
        """Return the live scores of those customers whose answer is newer than the run's."""
        wanted = self._wanted(model, customer_ids)
        if not wanted:
            return {}
        found = self._scores.get(self._version(model), wanted)
        missing = [one for one in wanted if one not in found]
        for first in range(0, len(missing), _TOGETHER):
            some = {one: wanted[one] for one in missing[first : first + _TOGETHER]}
            found |= self._compute(_Wanted(model, some))
        return {one: live for one, live in found.items() if live is not None}

    def has_work(self, model: LiveModel, customer_ids: Sequence[str]) -> bool:
        """Whether scores of some customers must be computed first."""
        wanted = self._wanted(model, customer_ids)
        return bool(wanted) and len(self._scores.get(self._version(model), wanted)) < len(wanted)

    def _wanted(self, model: LiveModel, customer_ids: Collection[str]) -> dict[str, Mark]:
        """Return those of some customers that events have changed since the run, but for forgotten ones."""
        if not customer_ids:
            return {}
        self.refresh()
        if not self._marks or not model.snapshot.contract_rows.is_complete:
            return {}
        marks = {one: mark for one in customer_ids if (mark := self._mark(model, one)) is not None}
        for one in self.store.suppressed.of(list(marks)):
            del marks[one]
        return marks

    def _version(self, model: LiveModel) -> Version:
        return model.target, _name(model), self._portfolios.policy(model)

    def _computed_together(self, jobs: Sequence[_Wanted]) -> list[Mapping[str, LiveScore | None]]:
        """Compute what requests of several threads want; what one of them computed before is not computed again."""
        models = {id(job.model): job.model for job in jobs}
        found: dict[int, dict[str, LiveScore | None]] = {}
        for key, model in models.items():
            # Of one customer, a request may know a newer event than another that joined after it.
            every = [pair for job in jobs if job.model is model for pair in job.marks.items()]
            marks = dict(sorted(every, key=lambda pair: pair[1].seq))
            found[key] = self._scores.get(self._version(model), marks)
            new = self._computed(model, {one: mark for one, mark in marks.items() if one not in found[key]})
            self._scores.put(self._version(model), {one: (marks[one], live) for one, live in new.items()})
            found[key] |= new
        return [{one: found[id(job.model)][one] for one in job.marks} for job in jobs]

    def touched(self, model: LiveModel, customer_ids: Iterable[str]) -> list[str]:
        """Return customers in their order, and after each the relatives whose features it changes."""
        relatives = self._relatives_of(model)
        return list(dict.fromkeys(each for one in customer_ids for each in (one, *relatives.near(one))))

    def customers(self) -> list[str]:
        """Return every customer with an event, in the order of their newest events."""
        self.refresh()
        with self._lock:
            return sorted(self._marks, key=lambda one: self._marks[one].seq)

    def tables(self, model: LiveModel, customer_ids: Sequence[str]) -> tuple[dict[str, Cells], dict[str, list[int]]]:
        """Return the rows of customers with their events, and by customer the events that the source does not have."""
        events = self.store.of([one for one in customer_ids if one in self._marks])
        return merged_tables(model.snapshot.contract_rows.cells(customer_ids), events)

    def _mark(self, model: LiveModel, customer_id: str) -> Mark | None:
        """Return the newest event of a customer and its relatives."""
        near, settled = self._relatives_of(model).near(customer_id), self._settled_by(model)
        found = [(one, mark) for one in (customer_id, *near) if (mark := self._marks.get(one))]
        marks = [mark for one, mark in found if mark.seq > settled.get(one, 0)]
        return Mark(max(mark.seq for mark in marks), max(mark.received_at for mark in marks)) if marks else None

    def _settled_by(self, model: LiveModel) -> Mapping[str, int]:
        """Return the customers whose events up to a number the run holds, as the live loop has found out."""
        name, now = _name(model), time.monotonic()
        kept, until, found = self._settled.get(model.target, ("", 0.0, {}))
        if kept != name or now > until:
            found = self.store.settled(model.target, model.snapshot.as_of.isoformat())
            self._settled[model.target] = (name, now + _SETTLED_SECONDS, found)
        return found

    def _computed(self, model: LiveModel, marks: Mapping[str, Mark]) -> dict[str, LiveScore | None]:
        """Compute live scores; customers with the same cutoff are computed together."""
        timezone = self._settings.timezone
        run_as_of = local_time(model.snapshot.as_of, timezone)
        groups: dict[datetime, list[str]] = {}
        for one, mark in marks.items():
            groups.setdefault(max(run_as_of, _cutoff_after(local_time(mark.received_at, timezone))), []).append(one)
        found: dict[str, LiveScore | None] = {}
        for as_of, ids in groups.items():
            for first in range(0, len(ids), _TOGETHER):
                some = {one: marks[one] for one in ids[first : first + _TOGETHER]}
                found |= self._scored(model, some, as_of)
        return found

    def _scored(self, model: LiveModel, marks: Mapping[str, Mark], as_of: datetime) -> dict[str, LiveScore | None]:
        near = {one: self._relatives_of(model).near(one) for one in marks}
        tables, waiting = self.tables(
            model, list(dict.fromkeys([*marks, *(x for each in near.values() for x in each)]))
        )
        missing = {one: tuple(seq for each in (one, *near[one]) for seq in waiting.get(each, ())) for one in marks}
        # A run that was made after the receipt and holds every event answers by itself.
        is_newer = as_of > local_time(model.snapshot.as_of, self._settings.timezone)
        features = features_of(model, tables, as_of, self._databases, self._settings)
        positions = {one: row for row, one in enumerate(features.column("customer_id").to_pylist())}
        chosen = sorted(one for one in marks if one in positions and (is_newer or missing[one]))
        found: dict[str, LiveScore | None] = dict.fromkeys(marks)
        if not chosen:
            return found
        if list(positions) != chosen:
            features = features.take([positions[one] for one in chosen])
        batch = _with_run_percentiles(model, model.scorer.score(features, as_of))
        attributes = {row["customer_id"]: row for row in rows_of(tables.get("customers", {}))}
        portfolio = live_portfolio(model, batch, features, attributes, self._portfolios)
        names, values = _numbers(features)
        for at, (one, row) in enumerate(zip(chosen, portfolio, strict=True)):
            owner, received = attributes.get(one, {}).get("owner"), marks[one].received_at
            found[one] = LiveScore(batch.take([at]), row, names, values[at].copy(), received, owner, missing[one])
        return found

    def _relatives_of(self, model: LiveModel) -> Relatives:
        name = _name(model)
        kept, found, seen = self._relatives.get(model.target, ("", None, 0))
        if found is None or kept != name or seen < self._seen:
            with self._lock:
                found = found if found is not None and kept == name else Relatives.of(model)
                found.update(self.store, self._seen)
                self._relatives[model.target] = (name, found, self._seen)
        return found


def _name(model: LiveModel) -> str:
    return f"{model.target} {model.bundle.version} {model.snapshot.run.folder.name}"


def _cutoff_after(received: datetime) -> datetime:
    """Return the end of the ten seconds of the receipt: customers with the same cutoff are computed together."""
    return EPOCH + ((received - EPOCH) // _STEP + 1) * _STEP


def _numbers(features: pa.Table) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return the names of the numeric features, and their values by row, nan where unknown."""
    names = [field.name for field in features.schema if pa.types.is_floating(field.type)]
    return names, numbers_of(features.select(names))


def _with_run_percentiles(model: LiveModel, batch: ScoreBatch) -> ScoreBatch:
    """Keep the percentiles of the run, so that the order of lists holds until the next one."""
    percentile, scored = batch.percentile.copy(), model.snapshot.scored
    for at, one in enumerate(batch.customer_id):
        row = model.snapshot.ids.row_of(str(one))
        if row is not None and scored.eligible[row] and batch.eligible[at]:
            percentile[at] = scored.percentile[row]
    return replace(batch, percentile=percentile)
