"""Why a score moved between two nights, in words and in parts that add up."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rapport.history.contract import Words
from rapport.scoring.bundle import Bundle
from rapport.scoring.change import change as score_change
from rapport.scoring.matrix import Matrix
from rapport.scoring.scored import Scored
from rapport.scoring.wording.table import table as wording
from rapport.serving.past import day_before_or_on, features_of_day, score_of_day
from rapport.serving.problem import RequestError
from rapport.serving.store import Manifest

from rapport.errors import ServingError

_TITLES = {
    "model": {"en": "New model", "zh": "新模型"},
    "card": {"en": "New scorecard", "zh": "新评分卡"},
    "calibration": {"en": "New calibration", "zh": "新校准"},
}


def change(home: Path, target: str, customer_id: str, *, start: str, end: str, language: str) -> dict[str, Any]:
    """Split the move from ``start`` to ``end`` into new facts by family, new model, new card and new calibration."""
    first, row_before = _said(home, target, customer_id, start, where="from")
    last, row_after = _said(home, target, customer_id, end, where="to")
    before = _scored(home, first, row_before)
    # Only a new model reads the later facts again.
    after = _scored(home, last, row_after, with_facts=first.version != last.version)
    moved = score_change(before, after)
    steps = sorted(moved.steps, key=lambda step: -abs(step.evidence))
    return {
        "customer_id": customer_id,
        "target": target,
        "from": first.as_of[:10],
        "to": last.as_of[:10],
        "before": float(before.probability[0]),
        "after": float(after.probability[0]),
        "model_before": first.version,
        "model_after": last.version,
        "parts": [{**vars(step), "text": _title(step.kind, step.family, language)} for step in steps],
    }


def _said(home: Path, target: str, customer_id: str, day: str, *, where: str) -> tuple[Manifest, pa.Table]:
    manifest, row = score_of_day(home, target, day_before_or_on(home, target, day), customer_id)
    on = manifest.as_of[:10]
    if not row.num_rows:
        said = Words(f"The customer was not known on {on}.", f"{on} 时还没有此客户。")
        raise RequestError(404, said, where="customer_id")
    if np.isnan(row.column("probability")[0].as_py()):
        state = row.column("state")[0].as_py()
        said = Words(f"On {on} the customer was {state} and got no score.", f"{on} 时该客户状态为 {state}，没有评分。")
        raise RequestError(422, said, where=where)
    return manifest, row


def _scored(home: Path, manifest: Manifest, row: pa.Table, *, with_facts: bool = False) -> Scored:
    bundle = _bundle(home / "models" / manifest.target / manifest.version)
    rows = Matrix(bundle.columns, np.full((1, len(bundle.columns)), np.nan))
    if with_facts:
        features = features_of_day(home, manifest, row.column("customer_id")[0].as_py())
        if features is None:
            raise ServingError(
                f"The model changed between the two days, and the features of {manifest.as_of[:10]} are no longer "
                "kept, so new facts and new model cannot be told apart. Choose a later day, or the first of a month."
            )
        rows = Matrix.of(features, bundle.columns)
    return Scored.of(row, rows, bundle, datetime.fromisoformat(manifest.as_of))


@lru_cache(maxsize=8)
def _bundle(folder: Path) -> Bundle:
    # A version on the shelf is written once and never changed, so it may be kept.
    return Bundle.load(folder)


def _title(kind: str, family: str | None, language: str) -> str:
    if kind != "facts":
        return _TITLES[kind][language]
    known = wording().families.get(family or "")
    return (known.title.zh if language == "zh" else known.title.en) if known else str(family)
