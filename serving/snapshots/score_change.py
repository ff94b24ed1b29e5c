"""Explains a change of score between two snapshots, in labelled parts that add up."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa

from rapport.errors import ServingError
from rapport.localized import localize
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.published import load_published
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.reasons.change import explain_change as split_change
from rapport.scoring.reasons.sentences import sentence_catalog
from rapport.serving.errors import RequestError, message
from rapport.serving.shapes.answers import ChangeAnswer, ChangePart
from rapport.serving.snapshots.history import features_on_day, latest_day_on_or_before, scores_on_day
from rapport.serving.snapshots.store import Manifest


def explain_change(
    data_dir: Path, target: str, customer_id: str, *, start: str, end: str, language: str
) -> ChangeAnswer:
    """Split the move from ``start`` to ``end`` into new facts by family, new model, new card and new calibration."""
    first, row_before = _score_on_day(data_dir, target, customer_id, start, where="from")
    last, row_after = _score_on_day(data_dir, target, customer_id, end, where="to")
    before = _scored(data_dir, first, row_before)
    # The later features are needed only when the model changed.
    after = _scored(data_dir, last, row_after, with_features=first.version != last.version)
    change = split_change(before, after)
    steps = sorted(change.steps, key=lambda step: -abs(step.evidence))
    return {
        "customer_id": customer_id,
        "target": target,
        "from": first.as_of[:10],
        "to": last.as_of[:10],
        "before": float(before.probability[0]),
        "after": float(after.probability[0]),
        "model_before": first.version,
        "model_after": last.version,
        "parts": [cast(ChangePart, {**vars(step), "text": _label(step.kind, step.family, language)}) for step in steps],
    }


def _score_on_day(data_dir: Path, target: str, customer_id: str, day: str, *, where: str) -> tuple[Manifest, pa.Table]:
    manifest, row = scores_on_day(data_dir, target, latest_day_on_or_before(data_dir, target, day), customer_id)
    on = manifest.as_of[:10]
    if not row.num_rows:
        raise RequestError(404, message("unknown_then", day=on), where="customer_id")
    if np.isnan(row.column("probability")[0].as_py()):
        state = row.column("state")[0].as_py()
        raise RequestError(422, message("unscored_then", day=on, state=state), where=where)
    return manifest, row


def _scored(data_dir: Path, manifest: Manifest, row: pa.Table, *, with_features: bool = False) -> ScoreBatch:
    bundle = _bundle(data_dir, manifest.target, manifest.version)
    rows = Matrix(bundle.columns, np.full((1, len(bundle.columns)), np.nan))
    if with_features:
        features = features_on_day(data_dir, manifest, row.column("customer_id")[0].as_py())
        if features is None:
            raise ServingError(
                f"The model changed between the two days and the features of {manifest.as_of[:10]} are no longer "
                "archived, so the effects of new facts and of the new model cannot be separated. "
                "Choose a later day, or the first cutoff of a month."
            )
        rows = Matrix.of(features, bundle.columns)
    return ScoreBatch.of(row, rows, bundle, datetime.fromisoformat(manifest.as_of))


@lru_cache(maxsize=8)
def _bundle(data_dir: Path, target: str, version: str) -> Bundle:
    # A version in the model store never changes once written, so it may be cached.
    return load_published(data_dir, target, version)


def _label(kind: str, family: str | None, language: str) -> str:
    if kind != "facts":
        return localize(message(f"change_{kind}"), language)
    known = sentence_catalog().families.get(family or "")
    return localize(known.title, language) if known else str(family)
