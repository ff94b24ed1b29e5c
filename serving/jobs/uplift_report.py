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
from rapport.serving.snapshots.effect_file import write_uplift
from rapport.serving.snapshots.feature_columns import fact, facts

Row = Mapping[str, Any]
_TEXTS = {
    "not_enough_data": ("Uplift model: not enough data yet.", "增益模型：数据尚不足。"),
    "not_better": (
        "Uplift model: not used, it does not rank better than the score (Qini {qini:.4f}, score {qini_score:.4f}).",
        "增益模型：排序未优于评分，未采用（Qini {qini:.4f}，评分 {qini_score:.4f}）。",
    ),
    "better": (
        "Uplift model: it ranks better than the score (Qini {qini:.4f}, score {qini_score:.4f}); the next scoring runs "
        "use it.",
        "增益模型：排序优于评分，后续评分批次将采用（Qini {qini:.4f}，评分 {qini_score:.4f}）。",
    ),
}  # fmt: skip


def measure_uplift(
    history: History, rows: Sequence[Row], reached: float, data_dir: Path, settings: Settings
) -> dict[str, Any]:
    """Fit an uplift model on the drawn customers with a score, keep it if it is better, and return how it ranks."""
    scored = [row for row in rows if row["probability"] is not None]
    held, outcome = _column(scored, "held_out").astype(bool), _column(scored, "kept")
    if not is_enough_for_uplift(held, outcome):
        write_uplift(data_dir, None)
        return _with_summary(UpliftReport("not_enough_data", len(scored)))
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
    return _with_summary(report)


def _with_summary(report: UpliftReport) -> dict[str, Any]:
    found = report.as_dict()
    en, zh = (text.format(**found) for text in _TEXTS[report.verdict])
    return found | {"summary": {"en": en, "zh": zh}}


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
