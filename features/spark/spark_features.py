"""Features on Spark: the embedded engine runs the same compiled plan on each partition of customers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from rapport.durations import Duration
from rapport.features.catalog.catalog import Catalog, catalog
from rapport.features.feature_table.snapshot import snapshot
from rapport.features.spark.partitioned import PartitionedTables, refuse_existing_output, refuse_relatives
from rapport.features.spark.session import Session, session
from rapport.features.spark.tables import tables_of
from rapport.history import History, Settings
from rapport.history.suppressed_rows import leave_out_suppressed
from rapport.progress import Progress, no_progress


def spark_features(  # noqa: PLR0913 - the options of one command
    source: str | Path,
    out: str | Path,
    *,
    as_of: datetime,
    active: Duration,
    settings: Settings | None = None,
    data_dir: Path | None = None,
    master: str | None = None,
    progress: Progress = no_progress,
) -> int:
    """Write the features of every customer known at ``as_of`` as a Parquet table; return the number of rows.

    ``source`` is a folder of Parquet tables that all workers can read; ``master`` is the Spark to use
    (default: the one that is running already). Customers whom ``data_dir`` has forgotten are left out; all workers read
    its suppression list.
    """
    settings = settings or Settings()
    refuse_relatives(settings.fixed_attributes)
    progress("starting Spark", 0.0)
    spark = session(master)
    tables = tables_of(spark, source, settings)
    refuse_existing_output(spark, out)
    progress("partitioning the rows by customer", 0.2)
    partitioned = PartitionedTables(tables, before=as_of)
    features = catalog(partitioned.vocabulary())
    progress("computing features", 0.5)
    present, shared = tuple(tables.sources), shared_catalog(spark, features)

    def features_of(history: History) -> pa.Table:
        if data_dir is not None:
            leave_out_suppressed(history, data_dir)
        return snapshot(history, as_of, shared.value, active=active, present=present)

    count = partitioned.write(features_of, _schema(features), out)
    progress("done", 1.0)
    return count


def shared_catalog(spark: Session, features: Catalog) -> Any:
    """Broadcast a catalog to all workers; each compiles its plan once."""
    return spark.context.broadcast(features)


def _schema(features: Catalog) -> pa.Schema:
    types = {each.name: pa.string() if each.is_category else pa.float64() for each in features.features}
    return pa.schema(list(({"customer_id": pa.string(), "state": pa.string()} | types).items()))
