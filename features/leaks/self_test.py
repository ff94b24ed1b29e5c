"""The leak self-test: inject rows and facts from after a cutoff, and count the feature cells that change.

At seeded random cutoffs (one of them the exact instant of an order) the snapshot is built three times: from the history
as it is, with injected rows and facts, and from the history truncated at the cutoff. All three must be equal.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from rapport.durations import Duration
from rapport.errors import TableError
from rapport.features.catalog.catalog import Catalog, catalog
from rapport.features.catalog.vocabulary import vocabulary_of
from rapport.features.feature_table.snapshot import snapshot
from rapport.features.leaks.leak_injection import INJECTIONS, Injection, open_facts_sql, truncated_sql
from rapport.features.leaks.version_injection import TITLE, later_versions
from rapport.features.streams import STREAM_BY_NAME, measurable
from rapport.history import History
from rapport.history.contract import FEATURE_TABLES
from rapport.progress import Progress, no_progress


@dataclass(frozen=True)
class Change:
    """A feature that changed at a cutoff: the injection that changed it, how many customers, and one example."""

    cutoff: str
    planted: str
    feature: str
    tables: tuple[str, ...]
    customers: int
    customer_id: str
    before: str
    after: str

    def as_text(self) -> str:
        """Return the change as a sentence."""
        return (
            f"{self.feature} (from {', '.join(self.tables) or 'no table'}) at {self.cutoff}, by {self.planted}: "
            f"{self.customers} customers, such as {self.customer_id}: {self.before} became {self.after}."
        )


@dataclass(frozen=True)
class LeakReport:
    """The result of the self-test; the field names are those of its JSON output."""

    cutoffs: tuple[str, ...]
    planted: dict[str, int]
    cells: int
    changed: int
    changes: tuple[Change, ...]

    @property
    def clean(self) -> bool:
        """Return whether no cell changed."""
        return self.changed == 0

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {**asdict(self), "clean": self.clean}

    def as_text(self) -> str:
        """Return the report as text."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.planted.items())
        lines = [
            f"Leak self-test at {len(self.cutoffs)} cutoffs: {', '.join(self.cutoffs)}.",
            f"Injected: {kinds}. Then removed everything from each cutoff on.",
            f"Cells compared: {self.cells:,}. Changed: {self.changed:,}.",
        ]
        return "\n".join([*lines, *(change.as_text() for change in self.changes)])


def check_leaks(
    history: History,
    *,
    active: Duration,
    features: Catalog | None = None,
    cutoffs: int = 4,
    seed: int = 7,
    progress: Progress = no_progress,
) -> LeakReport:
    """Inject future rows, back-dated rows and later facts at random cutoffs; report every cell that changes."""
    chosen = random_cutoffs(history, cutoffs, random.Random(seed))
    features = features or catalog(vocabulary_of(history, chosen[-1]))
    counts = dict.fromkeys((injection.title for injection in INJECTIONS), 0)
    tables = frozenset(history.present)
    measured = [each for each in features.features if each.measure and measurable(each.measure, tables)]
    cells, changes = 0, []
    for number, cutoff in enumerate(chosen):
        progress(f"cutoff {cutoff:%Y-%m-%d %H:%M:%S}", number / len(chosen))
        before = snapshot(history, cutoff, features, active=active)
        cells += 2 * len(measured) * len(before)
        with injected(history, cutoff, INJECTIONS, seed) as injected_rows:
            after = snapshot(history, cutoff, features, active=active)
            for title, count in injected_rows.items():
                counts[title] += count
        if changed_cells(before, after):
            changes += list(_changes_by_injection(history, cutoff, features, active, before, seed))
        with truncated(history, cutoff):
            after = snapshot(history, cutoff, features, active=active)
        changes += _changes(before, after, cutoff, "rows from the cutoff on", features)
        if history.versioned:
            with later_versions(history, cutoff, seed) as count:
                after = snapshot(history, cutoff, features, active=active)
            counts[TITLE] = counts.get(TITLE, 0) + count
            cells += len(measured) * len(before)
            changes += _changes(before, after, cutoff, TITLE, features)
    progress("done", 1.0)
    return LeakReport(
        tuple(f"{cutoff:%Y-%m-%d %H:%M:%S}" for cutoff in chosen),
        counts,
        cells,
        sum(change.customers for change in changes),
        tuple(changes),
    )


def random_cutoffs(history: History, count: int, generator: random.Random) -> list[datetime]:
    """Return ``count`` instants within the history: the first is the time of an order, the others are random."""
    first, last = history.connection.sql("SELECT min(ordered_at), max(ordered_at) FROM orders").fetchall()[0]
    if first is None or first == last:
        raise TableError("The leak self-test needs orders at different times; this history has none to cut between.")
    cutoffs = [first + (last - first) * generator.uniform(0.3, 0.98) for _ in range(count)]
    middle = first + (last - first) * generator.uniform(0.4, 0.9)
    instant = history.connection.execute("SELECT min(ordered_at) FROM orders WHERE ordered_at >= ?", [middle])
    # The engine works at any time of day, but people think in days: every other cutoff is a midnight.
    for index in range(0, count, 2):
        cutoffs[index] = cutoffs[index].replace(hour=0, minute=0, second=0, microsecond=0)
    return [instant.fetchall()[0][0], *cutoffs][:count]


@contextmanager
def injected(
    history: History, cutoff: datetime, injections: Sequence[Injection], seed: int
) -> Iterator[dict[str, int]]:
    """Add injected rows and facts to the history within the context; gives the count of each kind."""
    connection, counts = history.connection, dict.fromkeys((injection.title for injection in injections), 0)
    views = []
    for table in FEATURE_TABLES:
        if not history.rows.get(table.name):
            continue
        body = f"SELECT * FROM {_base_table(connection, table.name)}"
        for number, injection in enumerate(injections):
            count_sql = None if injection.times else open_facts_sql(table, body, cutoff)
            body, added = injection.apply(table, body, cutoff, seed + number)
            if added:
                name = f"injected_{table.name}_{number}"
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {added}")
                count_sql = f"SELECT count(*) FROM {name}"
                body += f" UNION ALL BY NAME SELECT * FROM {name}"
            counts[injection.title] += connection.sql(count_sql).fetchall()[0][0] if count_sql else 0
        views.append((table.name, body))
    with _temporary_views(connection, views):
        yield counts


@contextmanager
def truncated(history: History, cutoff: datetime) -> Iterator[None]:
    """Let the history end before the cutoff within the context."""
    connection = history.connection
    views = [
        (table.name, truncated_sql(table, _base_table(connection, table.name), cutoff)) for table in FEATURE_TABLES
    ]
    with _temporary_views(connection, views):
        yield


def _base_table(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    return f'"{connection.sql("SELECT current_database()").fetchall()[0][0]}".main.{table}'


@contextmanager
def _temporary_views(connection: duckdb.DuckDBPyConnection, views: Sequence[tuple[str, str]]) -> Iterator[None]:
    """Shadow the history's own tables by temporary views, which DuckDB resolves first; nothing is copied."""
    for name, body in views:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {body}")
    try:
        yield
    finally:
        for name, _ in views:
            connection.execute(f"DROP VIEW temp.{name}")


def _changes_by_injection(
    history: History, cutoff: datetime, features: Catalog, active: Duration, before: pa.Table, seed: int
) -> Iterator[Change]:
    """Apply one injection at a time, and yield the changes of each."""
    for injection in INJECTIONS:
        with injected(history, cutoff, [injection], seed):
            after = snapshot(history, cutoff, features, active=active)
        yield from _changes(before, after, cutoff, injection.title, features)


def changed_cells(before: pa.Table, after: pa.Table) -> dict[str, np.ndarray]:
    """Return by column the customers whose cell differs; those in only one table are under ``customer_id``."""
    own, other = (table["customer_id"].to_numpy(zero_copy_only=False) for table in (before, after))
    _, left, right = np.intersect1d(own, other, return_indices=True)
    both = before.take(pa.array(left)), after.take(pa.array(right))
    names = both[0]["customer_id"].to_numpy(zero_copy_only=False)
    changed = {name: names[_differ(both[0][name], both[1][name])] for name in before.column_names}
    changed["customer_id"] = np.setxor1d(own, other)
    return {name: customers for name, customers in changed.items() if len(customers)}


def _differ(one: pa.ChunkedArray, other: pa.ChunkedArray) -> np.ndarray:
    left, right = (column.to_numpy(zero_copy_only=False) for column in (one, other))
    left_null, right_null = one.is_null().to_numpy(), other.is_null().to_numpy()
    return np.asarray((left_null != right_null) | (~left_null & ~right_null & (left != right)))


def _changes(before: pa.Table, after: pa.Table, cutoff: datetime, planted: str, features: Catalog) -> list[Change]:
    changes = []
    for name, customers in changed_cells(before, after).items():
        customer = str(customers[0])
        streams = features.by_name[name].streams if name in features.by_name else frozenset()
        changes.append(
            Change(
                f"{cutoff:%Y-%m-%d %H:%M:%S}",
                planted,
                name,
                tuple(sorted({table for stream in streams for table in STREAM_BY_NAME[stream].tables})),
                len(customers),
                customer,
                _cell(before, customer, name),
                _cell(after, customer, name),
            )
        )
    return changes


def _cell(table: pa.Table, customer: str, name: str) -> str:
    row = table.filter(pa.compute.equal(table["customer_id"], customer))[name].to_pylist()
    return str(row[0]) if row else "no row"
