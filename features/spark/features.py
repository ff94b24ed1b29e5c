"""Features on Spark: the same compiled plan by the embedded engine inside each partition of customers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from rapport.features.catalog import Catalog, catalog
from rapport.features.engine import snapshot
from rapport.features.spark.session import Session, session
from rapport.features.spark.tables import tables_of
from rapport.features.spark.work import Dealt, refuse_relatives, refuse_taken
from rapport.history import History, Settings

from rapport.durations import Span

Progress = Callable[[str, float], None]


def spark_features(  # noqa: PLR0913 - the options of one command
    source: str | Path,
    out: str | Path,
    *,
    as_of: datetime,
    active: Span,
    settings: Settings | None = None,
    master: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Write the features of every customer known at ``as_of`` as a Parquet table; return how many there are.

    ``source`` is a folder of Parquet tables that all workers can read; ``master`` any Spark, or the one that is
    running already.
    """
    say, settings = progress or _silent, settings or Settings()
    refuse_relatives(settings.fixed_attributes)
    say("starting Spark", 0.0)
    spark = session(master)
    tables = tables_of(spark, source, settings)
    refuse_taken(spark, out)
    say("dealing out the customers", 0.2)
    dealt = Dealt(tables, before=as_of)
    features = catalog(dealt.vocabulary())
    say("measuring every customer", 0.5)
    present, shared = tuple(tables.sources), shared_catalog(spark, features)

    def measured(history: History) -> pa.Table:
        return snapshot(history, as_of, shared.value, active=active, present=present)

    count = dealt.write(measured, _schema(features), out)
    say("done", 1.0)
    return count


def shared_catalog(spark: Session, features: Catalog) -> Any:
    """Return a catalog for all workers, compiled here once."""
    _ = features.plan
    return spark.context.broadcast(features)


def _schema(features: Catalog) -> pa.Schema:
    kinds = {each.name: pa.string() if each.is_category else pa.float64() for each in features.features}
    return pa.schema(list(({"customer_id": pa.string(), "state": pa.string()} | kinds).items()))


def _silent(message: str, share: float) -> None:
    """Say nothing of the progress."""
