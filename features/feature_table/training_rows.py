"""Training rows: the features and labels of eligible customers at many cutoffs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from rapport.durations import Duration, parse_duration
from rapport.features.catalog.catalog import Catalog, catalog
from rapport.features.engine.measures_table import MeasuresTable, measures_tables
from rapport.features.feature_table.assembly import assembled, customer_columns
from rapport.features.feature_table.relatives import RELATIVE_INPUTS
from rapport.features.targets.dataset_spec import DatasetSpec, prepare_dataset
from rapport.features.targets.labels import Labels, open_labels
from rapport.history import History


def training_rows(  # noqa: PLR0913 - each names one bound of what may be read
    history: History,
    target: str,
    cutoffs: Sequence[datetime],
    *,
    active: Duration | str,
    horizon: Duration | str,
    known_by: datetime,
    features: Catalog | None = None,
) -> pa.Table:
    """Return the eligible customers at each cutoff: customer_id, cutoff, label (1: the outcome came), features.

    Only rows known before ``known_by`` are read, outcomes included; a cutoff whose horizon ends later is refused.
    """
    spec = DatasetSpec(target, cutoffs, parse_duration(active), parse_duration(horizon), known_by)
    return pa.concat_tables(iter_training_rows(history, spec, features or catalog()))


def iter_training_rows(history: History, spec: DatasetSpec, features: Catalog) -> Iterator[pa.Table]:
    """Yield the training rows, as many customers at a time as memory allows; each part is in order of cutoffs."""
    # A repeated cutoff would count its rows twice.
    spec = replace(spec, cutoffs=tuple(dict.fromkeys(spec.cutoffs)))
    cutoffs, tables = prepare_dataset(history, spec), frozenset(history.present)
    with open_labels(history, spec, cutoffs) as labels:
        parts = measures_tables(history, features.plan, cutoffs)
        for rows, known_customers in _labelled_parts(parts, labels, features):
            requested = rows.select(["customer_id", "cutoff"])
            customer_data = customer_columns(history, features, requested, known_customers, tables)
            yield assembled(rows, features, tables, customer_data, ["customer_id", "cutoff", "label"])


def _labelled_parts(
    parts: Iterator[MeasuresTable], labels: Labels, features: Catalog
) -> Iterator[tuple[pa.Table, pa.Table | None]]:
    """Yield the labelled rows of eligible customers, and if needed the rows of all possible relatives."""
    if not features.has_relatives:
        yield from ((labels.eligible_rows(part), None) for part in parts)
        return
    # Relatives can be in any chunk.
    every = [(labels.eligible_rows(part), _known_customers(part, labels.cutoffs_of(part))) for part in parts]
    yield pa.concat_tables(rows for rows, _ in every), pa.concat_tables(customers for _, customers in every)


def _known_customers(part: MeasuresTable, cutoffs: pa.Array) -> pa.Table:
    return part.to_arrow().select(["customer_id", *RELATIVE_INPUTS]).append_column("cutoff", cutoffs)
