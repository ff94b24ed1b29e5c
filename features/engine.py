"""Run a plan on a history: at one cutoff for scoring, at many for training. Both give the same cells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from rapport.features.arrays import ArrayPlan, small_snapshot
from rapport.features.by_contract import ChurnRule, contract_states
from rapport.features.catalog import Catalog, catalog
from rapport.features.kin import READ, kin_columns
from rapport.features.labels import Labels, labels
from rapport.features.question import Question, opened
from rapport.features.sources import Moment, attribute_columns, on_clock, prepare
from rapport.features.streams import measurable
from rapport.features.told import Told, told
from rapport.features.windows import Cutoff
from rapport.history import History

from rapport.durations import Span

Flags = npt.NDArray[np.bool_]

SMALL = 20_000
"""Up to so many rows one cutoff is measured on arrays: a database's planning would cost more than the work."""


def snapshot(
    history: History,
    as_of: datetime,
    features: Catalog | None = None,
    *,
    active: Span,
    present: Collection[str] | None = None,
    rule: ChurnRule | None = None,
) -> pa.Table:
    """Return one row for every customer known at ``as_of``: customer_id, state, then the catalog's features.

    Numbers are float64 and null where nothing can be said; names are strings. ``present`` names the tables that the
    company keeps (by default those of this history): features of other tables are null, not 0. ``rule`` says what
    churn is judged by (by default what the history's settings say), and with it who is active.
    """
    features = features or catalog()
    zone = history.settings.zone
    moment, before = Moment.of(as_of, zone), on_clock(as_of, zone)
    active_from = moment.day_of(active.before(as_of), zone)
    if sum(history.rows.values()) <= SMALL:
        rows = small_snapshot(array_plan(features), history, before, moment, active_from)
    else:
        rows = _big_snapshot(history, features, before, moment, active_from)
    kept = frozenset(history.present if present is None else present)
    asked = pa.table(
        {"customer_id": rows["customer_id"], "cutoff": pa.repeat(pa.scalar(before, pa.timestamp("us")), len(rows))}
    )
    people = _beside(asked, rows.select(READ)) if has_relatives(features) else None
    given = _of_customers(history, features, asked, people, kept)
    rule = rule or ChurnRule.of(history.settings)
    if rule.is_by_contract:
        states = contract_states(history, as_of, rows.select(["customer_id", "state"]), rule)
        rows = rows.set_column(rows.column_names.index("state"), "state", states)
    return _shaped(rows, features, kept, given, ["customer_id", "state"])


def _big_snapshot(history: History, features: Catalog, before: datetime, moment: Moment, active_from: int) -> pa.Table:
    prepare(history.connection, moment.turn_us, before)
    parts = told(history, array_plan(features), [Cutoff(moment.day, active_from)])
    return pa.concat_tables(part.table() for part in parts)


def training_rows(  # noqa: PLR0913 - each names one bound of what may be read
    history: History,
    target: str,
    cutoffs: Sequence[datetime],
    *,
    active: Span,
    horizon: Span,
    known_by: datetime,
    features: Catalog | None = None,
) -> pa.Table:
    """Return the eligible customers at each cutoff: customer_id, cutoff, label (1: the outcome came), features.

    Only what was known before ``known_by`` is read, outcomes included; a cutoff whose horizon ends later is refused.
    """
    question = Question(target, cutoffs, active, horizon, known_by)
    return pa.concat_tables(training_parts(history, question, features or catalog()))


def write_training_rows(history: History, question: Question, out: Path, features: Catalog | None = None) -> int:
    """Write the training rows to a Parquet file, some customers at a time; return how many rows there are."""
    parts = training_parts(history, question, features or catalog())
    first = next(parts)
    # Numbers repeat too little for a dictionary to be worth the time it takes.
    repeated = [field.name for field in first.schema if not pa.types.is_floating(field.type)]
    # One part is written while the next is measured.
    with pq.ParquetWriter(out, first.schema, use_dictionary=repeated) as writer, ThreadPoolExecutor(1) as pool:
        written, before = 0, None
        for part in chain([first], parts):
            written += len(part)
            if before is not None:
                before.result()
            before = pool.submit(writer.write_table, part)
        assert before is not None
        before.result()
    return written


def training_parts(history: History, question: Question, features: Catalog) -> Iterator[pa.Table]:
    """Yield the training rows, as many customers at a time as memory allows; in each part cutoff by cutoff."""
    # Every cutoff once, or its events would count twice.
    question = replace(question, cutoffs=tuple(dict.fromkeys(question.cutoffs)))
    cutoffs, kept = opened(history, question), frozenset(history.present)
    with labels(history, question, cutoffs) as known:
        for rows, people in _scored(told(history, array_plan(features), cutoffs), known, features):
            given = _of_customers(history, features, rows.select(["customer_id", "cutoff"]), people, kept)
            yield _shaped(rows, features, kept, given, ["customer_id", "cutoff", "label"])


def _scored(parts: Iterator[Told], known: Labels, features: Catalog) -> Iterator[tuple[pa.Table, pa.Table | None]]:
    """Yield the measures of those who are scored, and where it matters of all who may be their relatives."""
    if not has_relatives(features):
        yield from ((known.scored(part), None) for part in parts)
        return
    # They may be anywhere.
    every = [(known.scored(part), _people(part, known.moments(part))) for part in parts]
    yield pa.concat_tables(rows for rows, _ in every), pa.concat_tables(people for _, people in every)


@cache
def array_plan(features: Catalog) -> ArrayPlan:
    """Compile a catalog for arrays, once in a process."""
    return ArrayPlan(features.plan)


def has_relatives(features: Catalog) -> bool:
    """Tell whether any feature is about a customer's relatives."""
    return any(feature.relatives for feature in features.features)


def _people(part: Told, moments: pa.Array) -> pa.Table:
    return part.table().select(["customer_id", *READ]).append_column("cutoff", moments)


def _of_customers(
    history: History, features: Catalog, asked: pa.Table, people: pa.Table | None, kept: Collection[str]
) -> dict[str, pa.ChunkedArray]:
    """Return what is told by the table of customers itself: fixed attributes, and the tree among ``people``."""
    columns = attribute_columns(history, features, asked)
    if people is not None:
        columns |= kin_columns(history.connection, asked, people, kept)
    return columns


def _beside(one: pa.Table, other: pa.Table) -> pa.Table:
    return pa.table({name: table[name] for table in (one, other) for name in table.column_names})


def _shaped(
    rows: pa.Table, features: Catalog, kept: frozenset[str], given: Mapping[str, pa.ChunkedArray], first: list[str]
) -> pa.Table:
    """Order the columns, add those that are given, and empty the features whose tables the company does not keep."""
    columns = {name: rows[name] for name in first}
    told, nothing = _told_from(features, kept), pa.nulls(len(rows), pa.float64())
    for feature in features.features:
        if feature.measure is None:
            columns[feature.name] = given[feature.name]
        else:
            columns[feature.name] = rows[feature.name] if feature.name in told else nothing
    return pa.table(columns)


@cache
def _told_from(features: Catalog, kept: frozenset[str]) -> frozenset[str]:
    """Return the features that can be told from these tables; a company sends the same ones again and again."""
    return frozenset(each.name for each in features.features if each.measure and measurable(each.measure, kept))
