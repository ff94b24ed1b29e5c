"""Features and scores of all customers, computed and written some customers at a time: memory does not grow with them.

``features.parquet`` has the whole catalog, compressed; ``matrix_*.npy`` what the bundle reads of it, row by row, and
``scores.arrow`` every number of a score. Workers memory-map the last two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rapport.memory import release_free_memory
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.matrix import Floats, MatrixReader
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.scorer import Scorer
from rapport.scoring.models.stored_matrix import MatrixLayout, StoredMatrix
from rapport.serving.snapshots.table_files import ROWS_IN_A_GROUP, TableFile, map_table, write_table

FEATURES_FILE, SCORES_FILE = "features.parquet", "scores.arrow"
ROWS_PER_PART = 1 << 13
"""Evidence by feature and member takes 20 kB a customer while it is computed."""


@dataclass(frozen=True)
class ScoredParts:
    """What was written of one bundle's scores at one moment."""

    folder: Path
    bundle: Bundle
    as_of: datetime

    @cached_property
    def scored(self) -> ScoreBatch:
        """Return the scores of all customers, memory-mapped."""
        rows = StoredMatrix.open(self.bundle.columns, self.folder)
        return ScoreBatch.of(map_table(self.folder / SCORES_FILE), rows, self.bundle, self.as_of)

    def features(self, names: Collection[str]) -> pa.Table:
        """Return those of some columns that the catalog has, of all customers."""
        path = self.folder / FEATURES_FILE
        present = set(pq.read_schema(path).names)
        return pq.read_table(path, columns=[name for name in names if name in present], partitioning=None)

    def __iter__(self) -> Iterator[tuple[ScoreBatch, pa.Table]]:
        """Yield the scores and features of some customers after the other."""
        first = 0
        for features in feature_parts(self.folder / FEATURES_FILE):
            yield self.scored.take(np.arange(first, first + len(features))), features
            first += len(features)


def write_scored_parts(folder: Path, bundle: Bundle, as_of: datetime, parts: Iterable[pa.Table]) -> ScoredParts:
    """Score tables of features, in order of customer_id, and write both into ``folder``."""
    scorer, layout = Scorer(bundle), MatrixLayout(len(bundle.columns))
    parts, pieces = iter(parts), folder / "pieces.arrow"
    first = next(parts)
    with (
        pq.ParquetWriter(folder / FEATURES_FILE, first.schema, compression="zstd") as features,
        TableFile(pieces) as scores,
    ):
        for part in _with_first(first, parts):
            features.write_table(part.cast(first.schema), row_group_size=ROWS_IN_A_GROUP)
            for begin in range(0, max(len(part), 1), ROWS_PER_PART):
                scored = scorer.score(part.slice(begin, ROWS_PER_PART), as_of)
                layout.see(scored.rows.values)
                scores.append(scored.to_table())
            release_free_memory()
    # One piece, so that its columns are read without a copy.
    write_table(folder / SCORES_FILE, map_table(pieces).combine_chunks())
    pieces.unlink()
    layout.write(folder, _matrices(folder, bundle))
    return ScoredParts(folder, bundle, as_of)


def feature_parts(path: Path) -> Iterator[pa.Table]:
    """Yield the rows of a file of features, some customers at a time."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_PER_PART):
            yield pa.Table.from_batches([batch])


def _with_first(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest


def _matrices(folder: Path, bundle: Bundle) -> Iterator[Floats]:
    reader = MatrixReader(bundle.columns)
    for part in feature_parts(folder / FEATURES_FILE):
        yield reader.read(part).values
