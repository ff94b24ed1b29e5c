"""The live loop: follows new runs and new events, and records what changed; one process of a data folder at a time."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from rapport.features.engine.clock import local_time
from rapport.history.settings import Settings
from rapport.scoring.actions.playbook import playbook_of
from rapport.serving.live.change_store import ChangeStore, CustomerState, state_of, states_of
from rapport.serving.live.consistency import ConsistencyMeter, write_consistency
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.event_store import EventStore, StoredEvent
from rapport.serving.live.live_score import LiveScore
from rapport.serving.live.overlay import LiveOverlay
from rapport.serving.snapshots.live_model import TARGETS, LiveModel
from rapport.serving.snapshots.portfolio_table import PortfolioTables

_EVENTS_DONE = "events"
_AT_ONCE, _BETWEEN = 200, 50
LiveRows = Mapping[str, Mapping[str, Any]]
OnEvents = Callable[[LiveModel, LiveRows, Sequence[StoredEvent], datetime], int]
logger = logging.getLogger("rapport.live")


@dataclass(frozen=True)
class Tick:
    """What one round did."""

    runs: int = 0
    customers: int = 0
    changes: int = 0
    alerts: int = 0


class LiveLoop:
    """Follows the runs and events of one data folder, and writes its change feed."""

    def __init__(
        self,
        data_dir: Path,
        settings: Settings,
        models: Callable[[str], LiveModel | None],
        *,
        overlay: LiveOverlay | None = None,
        on_events: OnEvents | None = None,
    ) -> None:
        self._data_dir, self._settings, self._models, self._on_events = data_dir, settings, models, on_events
        self._databases = DatabasePool(settings)
        self.events = EventStore(data_dir)
        self.changes = ChangeStore(data_dir, settings.change_points)
        self._portfolios = PortfolioTables(settings, playbook_of(settings))
        self.overlay = overlay or LiveOverlay(self.events, settings, self._databases, self._portfolios)
        self._meter = ConsistencyMeter(self.events, settings, self._databases)
        self._lock: IO[str] | None = None
        self._pruned = datetime.min.replace(tzinfo=UTC)

    def tick(self, now: datetime) -> Tick | None:
        """Do one round; None while another process does it."""
        if not self._leads():
            return None
        done = Tick()
        for target in TARGETS:
            model = self._models(target)
            if model is not None and model.latest_snapshot is not None:
                done = _sum(done, self._follow_run(model, now))
        done = _sum(done, self._follow_events(now))
        if (now - self._pruned).days >= 1:
            self._pruned = now
            self.changes.prune(now)
        return done

    def lag(self, now: datetime) -> dict[str, object]:
        """Return how far the change feed is behind the events, for /readyz and the metrics."""
        last, done = self.events.last(), int(self.changes.progress(_EVENTS_DONE) or 0)
        behind = 0 if last is None else last.seq - done
        seconds = (now - last.received_at).total_seconds() if last is not None and behind else 0.0
        return {
            "last_event_at": last.received_at.isoformat() if last else None,
            "events_behind": behind,
            "lag_seconds": round(max(0.0, seconds), 3),
        }

    def _leads(self) -> bool:
        """Whether this process holds the lock; it is released when the process ends, for whatever reason."""
        if self._lock is None:
            path = self._data_dir / "locks" / "live"
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.open("a+", encoding="utf-8")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return False
            self._lock = lock
        return True

    def _follow_run(self, model: LiveModel, now: datetime) -> Tick:
        name, run = f"run {model.target}", model.snapshot.run.folder.name
        key = f"{run} {model.bundle.version}"
        before = self.changes.progress(name)
        if before == key:
            return Tick()
        touched = self.overlay.touched(model, self.overlay.customers())
        done = Tick(runs=1, customers=len(model.snapshot.scored), changes=self._record_run(model, touched, now))
        for first in range(0, len(touched), _BETWEEN):
            done = _sum(done, Tick(changes=self._record_touched(model, touched[first : first + _BETWEEN], now)))
            # New events do not wait for the customers of earlier ones.
            done = _sum(done, self._follow_events(now))
        self._absorb(model, now)
        if before:
            self._measure(model, before.split(" ", maxsplit=1)[0])
        self.changes.set_progress(name, key)
        return done

    def _record_run(self, model: LiveModel, touched: Sequence[str], now: datetime) -> int:
        """Record the states of a run, but for the customers that events have touched."""
        portfolio, as_of = self._portfolios.of(model), model.snapshot.as_of.isoformat()
        apart = pa.array(touched, pa.string())
        rest = portfolio.filter(pc.invert(pc.is_in(portfolio.column("customer_id"), value_set=apart)))
        count, target = 0, model.target
        for states in states_of(rest, as_of):
            count += self.changes.record(target, states, cause="run", now=now)
        known = pa.array([*portfolio.column("customer_id").to_pylist(), *touched], pa.string())
        before = pa.array(self.changes.customers(target), pa.string())
        gone = before.filter(pc.invert(pc.is_in(before, value_set=known))).to_pylist()
        return count + self.changes.record(
            target, [CustomerState(one, as_of, None) for one in gone], cause="run", now=now
        )

    def _record_touched(self, model: LiveModel, customers: Sequence[str], now: datetime) -> int:
        """Record the live state of customers, of the run where it answers by itself, of nobody where neither does."""
        live = self.overlay.scores(model, customers)
        rest = {one: model.snapshot.ids.row_of(one) for one in customers if one not in live}
        rows = pa.array([row for row in rest.values() if row is not None], pa.int64())
        as_of = model.snapshot.as_of.isoformat()
        states = [CustomerState(one, as_of, None) for one, row in rest.items() if row is None]
        states += [one for some in states_of(self._portfolios.of(model).take(rows), as_of) for one in some]
        count = self.changes.record(model.target, states, cause="run", now=now)
        return count + self._record_live(model, _rows(live), cause="run", now=now)

    def _follow_events(self, now: datetime) -> Tick:
        done = int(self.changes.progress(_EVENTS_DONE) or 0)
        marks, newest = self.events.marks(done)
        if newest == done:
            return Tick()
        customers = sorted(marks, key=lambda one: marks[one].seq)
        self.overlay.note()
        counts = [0, 0]
        for target in TARGETS:
            model = self._models(target)
            if model is None or model.latest_snapshot is None:
                continue
            touched = self.overlay.touched(model, customers)
            for first in range(0, len(touched), _AT_ONCE):
                some = touched[first : first + _AT_ONCE]
                rows = _rows(self.overlay.scores(model, some))
                counts[0] += self._record_live(model, rows, cause="event", now=now)
                counts[1] += self._alert(model, rows, some, (done, newest), now)
        self.changes.set_progress(_EVENTS_DONE, str(newest))
        return Tick(customers=len(customers), changes=counts[0], alerts=counts[1])

    def _alert(
        self, model: LiveModel, rows: LiveRows, customers: Sequence[str], between: tuple[int, int], now: datetime
    ) -> int:
        if self._on_events is None or not rows:
            return 0
        events = [
            event
            for each in self.events.of(customers).values()
            for event in each
            if between[0] < event.seq <= between[1]
        ]
        return self._on_events(model, rows, events, now)

    def _record_live(self, model: LiveModel, rows: LiveRows, *, cause: str, now: datetime) -> int:
        states = [state_of(row, row["as_of"]) for row in rows.values()]
        return self.changes.record(model.target, states, cause=cause, now=now)

    def _absorb(self, model: LiveModel, now: datetime) -> None:
        """Settle the events that the source of this run has, so that their customers are answered by the run."""
        as_of = model.snapshot.as_of
        customers = self.events.waiting(model.target, as_of.isoformat())
        for first in range(0, len(customers), _AT_ONCE):
            some = customers[first : first + _AT_ONCE]
            _, waiting = self.overlay.tables(model, some)
            settled = [
                event.seq
                for one, events in self.events.of(some).items()
                for event in events
                if event.seq not in waiting.get(one, ())
                and local_time(event.received_at, self._settings.timezone) < local_time(as_of, self._settings.timezone)
            ]
            if settled:
                self.events.absorb(model.target, as_of.isoformat(), settled)
            self._follow_events(now)

    def _measure(self, model: LiveModel, run_before: str) -> None:
        customers, before = self.overlay.customers(), model.snapshot.run.folder.parent / run_before
        found = self._meter.measure(model, before, customers) if customers and before.is_dir() else None
        if found is not None:
            write_consistency(self._data_dir / "scores" / model.target, found)
            if found.unequal:
                logger.warning("live answers differed from the source: %s", found)


def _rows(live: Mapping[str, LiveScore]) -> dict[str, dict[str, Any]]:
    """Return the portfolio rows of live scores with their cutoffs and features."""
    return {
        one: {**score.portfolio_row, "as_of": score.as_of.isoformat(), "features": score.features}
        for one, score in live.items()
    }


def _sum(left: Tick, right: Tick) -> Tick:
    return Tick(**{name: value + getattr(right, name) for name, value in vars(left).items()})
