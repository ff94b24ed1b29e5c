"""The uplift part of the effect report: the features of the drawn customers, and the model if it ranks better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import History
from rapport.history.settings import Settings
from rapport.scoring.experiments.uplift import Experiment, UpliftReport, fit_uplift, is_enough_for_uplift
from rapport.scoring.money.amounts import contact_effect
from rapport.scoring.money.assumptions import Assumptions
from rapport.serving.shapes.feed_answers import Uplift
from rapport.serving.snapshots.effect_file import uplift_fields, write_uplift
from rapport.serving.snapshots.feature_columns import fact, facts

Row = Mapping[str, Any]


def measure_uplift(history: History, rows: Sequence[Row], reached: float, data_dir: Path, settings: Settings) -> Uplift:
    """Fit an uplift model on the drawn customers with a score, keep it if it is better, and return how it ranks."""
    scored = [row for row in rows if row["probability"] is not None]
    held, outcome = _column(scored, "held_out").astype(bool), _column(scored, "kept")
    if not is_enough_for_uplift(held, outcome):
        write_uplift(data_dir, None)
        return uplift_fields(UpliftReport("not_enough_data", len(scored)))
    scored.sort(key=lambda row: row["drawn_at"])
    held, outcome, score = (_column(scored, name) for name in ("held_out", "kept", "probability"))
    features = _features_at_draw(history, scored)
    numbers = [field.name for field in features.schema if pa.types.is_floating(field.type)]
    model, report = fit_uplift(
        Experiment(
            rows=facts(features, numbers),
            names=tuple(numbers),
            held_out=held.astype(bool),
            outcome=outcome,
            score=score,
            plain=score * contact_effect(score, fact(features, "overdue_ratio"), Assumptions.of(settings)),
            share=float(_column(scored, "share").mean()),
            reached=reached,
        )
    )
    write_uplift(data_dir, model)
    return uplift_fields(report)


def _column(rows: Sequence[Row], name: str) -> Any:
    return np.array([float(row[name]) for row in rows])


def _features_at_draw(history: History, scored: Sequence[Row]) -> pa.Table:
    """Return the features of each customer when it was drawn, in the order of the rows, which are sorted by draw."""
    parts = []
    for drawn_at in dict.fromkeys(row["drawn_at"] for row in scored):
        ids = pa.array([row["customer_id"] for row in scored if row["drawn_at"] == drawn_at], pa.string())
        # The active window decides states only, which are not read here.
        table = snapshot(history, datetime.fromisoformat(drawn_at), active=parse_duration("12mo"))
        parts.append(table.take(pc.index_in(ids, value_set=table["customer_id"].combine_chunks())))
    return pa.concat_tables(parts)
