"""Scoring on Spark: each partition of customers is turned into features and scores where it is stored."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

import pyarrow as pa

from rapport.durations import parse_duration
from rapport.features import Catalog, Vocabulary, catalog, snapshot
from rapport.features.spark import (
    PartitionedTables,
    refuse_existing_output,
    refuse_relatives,
    session,
    shared_catalog,
    tables_of,
)
from rapport.history import History, Settings, history_of
from rapport.history.suppressed_rows import leave_out_suppressed
from rapport.progress import Progress, no_progress
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.scorer import Scorer


def spark_score(  # noqa: PLR0913 - the options of one command
    source: str | Path,
    bundle: Path,
    out: str | Path,
    *,
    as_of: datetime,
    settings: Settings | None = None,
    data_dir: Path | None = None,
    master: str | None = None,
    progress: Progress = no_progress,
) -> int:
    """Write every customer's scores and evidence as a Parquet table; return the number of customers.

    ``source``, ``bundle`` and ``data_dir`` are folders that all workers can read; customers whom ``data_dir`` has
    forgotten are left out. The columns are those of ``ScoreBatch.to_table``. A
    row's score does not depend on its batch, so it does not depend on its partition either.
    """
    progress("starting Spark", 0.0)
    spark = session(master)
    tables = tables_of(spark, source, settings or Settings())
    refuse_existing_output(spark, out)
    features, present, path = _catalog(_scorer(str(bundle)).bundle), tuple(tables.sources), str(bundle)
    refuse_relatives(features.vocabulary.attributes)
    shared = shared_catalog(spark, features)

    def scored(history: History) -> pa.Table:
        if data_dir is not None:
            leave_out_suppressed(history, data_dir)
        return scores(history, path, shared.value, as_of, present)

    # The scores of an empty history have the same columns.
    with history_of({"orders": pa.table(_NO_ORDERS)}) as empty:
        schema = scored(empty).schema
    progress("computing features and scores of every customer", 0.3)
    count = PartitionedTables(tables).write(scored, schema, out)
    progress("done", 1.0)
    return count


def scores(history: History, bundle: str, features: Catalog, as_of: datetime, present: tuple[str, ...]) -> pa.Table:
    """Return the scores of every customer of a history, or of a part of one."""
    scorer = _scorer(bundle)
    active = parse_duration(scorer.bundle.active_window)
    table = snapshot(history, as_of, features, active=active, present=present, rule=scorer.bundle.rule)
    return scorer.score(table, as_of).to_table()


_NO_ORDERS = {
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
    """Load a bundle once per worker."""
    found = Bundle.load(Path(bundle))
    found.check_catalog(_catalog(found))
    return Scorer(found)


def _catalog(bundle: Bundle) -> Catalog:
    stored = bundle.vocabulary or {}
    return catalog(Vocabulary(**{name: tuple(values) for name, values in stored.items()}))
