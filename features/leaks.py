"""The leak self-test: plant what nobody could know into a company's own history, and count the cells that change.

At seeded random cutoffs (one of them the very instant of an order) the snapshot is built three times: from the history
as it is, with planted rows and facts, and with everything from the cutoff on cut away. All three must be equal.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from rapport.features.catalog import Catalog, catalog, vocabulary_of
from rapport.features.engine import snapshot
from rapport.features.planting import PLANTS, Plant, is_cut, open_facts
from rapport.features.streams import STREAM, measurable
from rapport.history import History
from rapport.history.contract import TABLES

from rapport.durations import Span
from rapport.errors import TableError


@dataclass(frozen=True)
class Change:
    """A feature that changed at a cutoff though it should not have: what did it, how often, and one example."""

    cutoff: str
    planted: str
    feature: str
    tables: tuple[str, ...]
    customers: int
    customer_id: str
    before: str
    after: str

    def as_text(self) -> str:
        """Return it as a sentence."""
        return (
            f"{self.feature} (from {', '.join(self.tables) or 'no table'}) at {self.cutoff}, by {self.planted}: "
            f"{self.customers} customers, such as {self.customer_id}: {self.before} became {self.after}."
        )


@dataclass(frozen=True)
class LeakReport:
    """What the self-test did and found."""

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
        """Return it as plain values."""
        return {**asdict(self), "clean": self.clean}

    def as_text(self) -> str:
        """Return it as lines to read."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.planted.items())
        lines = [
            f"Leak self-test at {len(self.cutoffs)} cutoffs: {', '.join(self.cutoffs)}.",
            f"Planted: {kinds}. Then cut all away from each cutoff on.",
            f"Cells compared: {self.cells:,}. Changed: {self.changed:,}.",
        ]
        return "\n".join([*lines, *(change.as_text() for change in self.changes)])


def check_leaks(
    history: History,
    *,
    active: Span,
    features: Catalog | None = None,
    cutoffs: int = 4,
    seed: int = 7,
    progress: Callable[[str, float], None] | None = None,
) -> LeakReport:
    """Plant future rows, back-dated rows and later facts at random cutoffs; report every cell that changes."""
    say = progress or _silent
    chosen = random_cutoffs(history, cutoffs, random.Random(seed))
    features = features or catalog(vocabulary_of(history, chosen[-1]))
    planted = dict.fromkeys((plant.title for plant in PLANTS), 0)
    told = [each for each in features.features if each.measure and measurable(each.measure, frozenset(history.present))]
    cells, changes = 0, []
    for number, cutoff in enumerate(chosen):
        say(f"cutoff {cutoff:%Y-%m-%d %H:%M:%S}", number / len(chosen))
        before = snapshot(history, cutoff, features, active=active)
        cells += 2 * len(told) * len(before)
        with tampered(history, cutoff, PLANTS, seed) as rows:
            after = snapshot(history, cutoff, features, active=active)
            for name, count in rows.items():
                planted[name] += count
        if unlike(before, after):
            changes += list(_blamed(history, cutoff, features, active, before, seed))
        with cut(history, cutoff):
            after = snapshot(history, cutoff, features, active=active)
        changes += _changes(before, after, cutoff, "what comes from the cutoff on", features)
    say("done", 1.0)
    return LeakReport(
        tuple(f"{cutoff:%Y-%m-%d %H:%M:%S}" for cutoff in chosen),
        planted,
        cells,
        sum(change.customers for change in changes),
        tuple(changes),
    )


def _silent(message: str, share: float) -> None:
    """Say nothing of the progress."""


def random_cutoffs(history: History, count: int, chance: random.Random) -> list[datetime]:
    """Return ``count`` instants within the history: the first is that of an order, the others lie anywhere."""
    first, last = history.connection.sql("SELECT min(ordered_at), max(ordered_at) FROM orders").fetchall()[0]
    if first is None or first == last:
        raise TableError("The leak self-test needs orders at different times; this history has none to cut between.")
    anywhere = [first + (last - first) * chance.uniform(0.3, 0.98) for _ in range(count)]
    middle = first + (last - first) * chance.uniform(0.4, 0.9)
    instant = history.connection.execute("SELECT min(ordered_at) FROM orders WHERE ordered_at >= ?", [middle])
    # The engine needs no whole days, but people read them: every other cutoff is a midnight.
    for place in range(0, count, 2):
        anywhere[place] = anywhere[place].replace(hour=0, minute=0, second=0, microsecond=0)
    return [instant.fetchall()[0][0], *anywhere][:count]


@contextmanager
def tampered(history: History, cutoff: datetime, plants: Sequence[Plant], seed: int) -> Iterator[dict[str, int]]:
    """Let the history hold planted rows and facts meanwhile; gives how many of each kind there are."""
    connection, counts = history.connection, dict.fromkeys((plant.title for plant in plants), 0)
    shown = []
    for table in TABLES:
        if not history.rows.get(table.name):
            continue
        body = f"SELECT * FROM {_own(connection, table.name)}"
        for number, plant in enumerate(plants):
            counting = None if plant.place else open_facts(table, body, cutoff)
            body, added = plant.into(table, body, cutoff, seed + number)
            if added:
                name = f"planted_{table.name}_{number}"
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {added}")
                counting = f"SELECT count(*) FROM {name}"
                body += f" UNION ALL BY NAME SELECT * FROM {name}"
            counts[plant.title] += connection.sql(counting).fetchall()[0][0] if counting else 0
        shown.append((table.name, body))
    with _shadowed(connection, shown):
        yield counts


@contextmanager
def cut(history: History, cutoff: datetime) -> Iterator[None]:
    """Let the history end before the cutoff meanwhile."""
    connection = history.connection
    shown = [(table.name, is_cut(table, _own(connection, table.name), cutoff)) for table in TABLES]
    with _shadowed(connection, shown):
        yield


def _own(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    return f'"{connection.sql("SELECT current_database()").fetchall()[0][0]}".main.{table}'


@contextmanager
def _shadowed(connection: duckdb.DuckDBPyConnection, shown: Sequence[tuple[str, str]]) -> Iterator[None]:
    """Put temporary views before the history's own tables: names are looked up there first, nothing is copied."""
    for name, body in shown:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {body}")
    try:
        yield
    finally:
        for name, _ in shown:
            connection.execute(f"DROP VIEW temp.{name}")


def _blamed(
    history: History, cutoff: datetime, features: Catalog, active: Span, before: pa.Table, seed: int
) -> Iterator[Change]:
    """Plant one kind at a time, and yield what each changes."""
    for plant in PLANTS:
        with tampered(history, cutoff, [plant], seed):
            after = snapshot(history, cutoff, features, active=active)
        yield from _changes(before, after, cutoff, plant.title, features)


def unlike(before: pa.Table, after: pa.Table) -> dict[str, np.ndarray]:
    """Return, by column, the customers whose cell differs; who is in one table only differs in ``customer_id``."""
    ids = (table["customer_id"].to_numpy(zero_copy_only=False) for table in (before, after))
    _, here, there = np.intersect1d(*ids, return_indices=True)
    both = before.take(pa.array(here)), after.take(pa.array(there))
    names = both[0]["customer_id"].to_numpy(zero_copy_only=False)
    found = {name: names[_differ(both[0][name], both[1][name])] for name in before.column_names}
    ids = (table["customer_id"].to_numpy(zero_copy_only=False) for table in (before, after))
    found["customer_id"] = np.setxor1d(*ids)
    return {name: customers for name, customers in found.items() if len(customers)}


def _differ(one: pa.ChunkedArray, other: pa.ChunkedArray) -> np.ndarray:
    left, right = (column.to_numpy(zero_copy_only=False) for column in (one, other))
    nulls, others = one.is_null().to_numpy(), other.is_null().to_numpy()
    return np.asarray((nulls != others) | (~nulls & ~others & (left != right)))


def _changes(before: pa.Table, after: pa.Table, cutoff: datetime, planted: str, features: Catalog) -> list[Change]:
    found = []
    for name, customers in unlike(before, after).items():
        customer = str(customers[0])
        streams = features.by_name[name].streams if name in features.by_name else frozenset()
        found.append(
            Change(
                f"{cutoff:%Y-%m-%d %H:%M:%S}",
                planted,
                name,
                tuple(sorted({table for stream in streams for table in STREAM[stream].tables})),
                len(customers),
                customer,
                _cell(before, customer, name),
                _cell(after, customer, name),
            )
        )
    return found


def _cell(table: pa.Table, customer: str, name: str) -> str:
    row = table.filter(pa.compute.equal(table["customer_id"], customer))[name].to_pylist()
    return str(row[0]) if row else "no row"
