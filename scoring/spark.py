"""Scores on Spark: each partition of customers is measured and scored where it lies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

import pyarrow as pa
from rapport.features import Catalog, Vocabulary, catalog, snapshot
from rapport.features.spark import Dealt, refuse_relatives, refuse_taken, session, shared_catalog, tables_of
from rapport.history import History, Settings, history_of
from rapport.scoring.bundle import Bundle
from rapport.scoring.scorer import Scorer

from rapport.durations import parse_span

Progress = Callable[[str, float], None]


def spark_score(  # noqa: PLR0913 - the options of one command
    source: str | Path,
    bundle: Path,
    out: str | Path,
    *,
    as_of: datetime,
    settings: Settings | None = None,
    master: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Write every customer's numbers and evidence as a Parquet table; return how many customers there are.

    ``source`` and ``bundle`` are folders that all workers can read. The numbers are those of ``Scored.to_table``: a
    batch is scored as its rows alone would be, so a partition is too.
    """
    say = progress or (lambda message, share: None)  # noqa: ARG005 - says nothing
    say("starting Spark", 0.0)
    spark = session(master)
    tables = tables_of(spark, source, settings or Settings())
    refuse_taken(spark, out)
    features, present, path = _catalog(_scorer(str(bundle)).bundle), tuple(tables.sources), str(bundle)
    refuse_relatives(features.vocabulary.attributes)
    shared = shared_catalog(spark, features)

    def scored(history: History) -> pa.Table:
        return scores(history, path, shared.value, as_of, present)

    # Scores of nobody have the columns of all.
    with history_of({"orders": pa.table(_NOBODY)}) as nobody:
        schema = scored(nobody).schema
    say("measuring and scoring every customer", 0.3)
    count = Dealt(tables).write(scored, schema, out)
    say("done", 1.0)
    return count


def scores(history: History, bundle: str, features: Catalog, as_of: datetime, present: tuple[str, ...]) -> pa.Table:
    """Return the numbers of every customer of a history, or of a part of one."""
    scorer = _scorer(bundle)
    active = parse_span(scorer.bundle.active)
    table = snapshot(history, as_of, features, active=active, present=present, rule=scorer.bundle.rule)
    return scorer.score(table, as_of).to_table()


_NOBODY = {
    name: pa.array([], kind)
    for name, kind in {
        "customer_id": pa.string(),
        "order_id": pa.string(),
        "ordered_at": pa.timestamp("us"),
        "amount": pa.float64(),
    }.items()
}


@cache
def _scorer(bundle: str) -> Scorer:
    """Read a bundle once in a worker."""
    found = Bundle.load(Path(bundle))
    found.refuse_unless_fits(_catalog(found))
    return Scorer(found)


def _catalog(bundle: Bundle) -> Catalog:
    words = bundle.vocabulary or {}
    return catalog(Vocabulary(**{name: tuple(values) for name, values in words.items()}))
