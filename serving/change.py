"""Why a score moved between two nights: exact parts of the difference in log-odds, and points that add up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from history.errors import ServingError
from scoring.blend import slope_between
from scoring.bundle import Bundle
from scoring.matrix import Matrix
from scoring.scorer import Scorer
from scoring.wording.table import table as wording
from serving.past import day_before_or_on, score_of_day
from serving.problem import RequestError
from serving.store import Manifest, read_run

_TITLES = {
    "model": {"en": "New model", "zh": "新模型"},
    "card": {"en": "New scorecard", "zh": "新评分卡"},
    "calibration": {"en": "New calibration", "zh": "新校准"},
}


@dataclass(frozen=True)
class Moment:
    """What was said of a customer on one kept day."""

    manifest: Manifest
    row: dict[str, Any]

    @property
    def logit(self) -> float:
        """Return the log-odds that were given."""
        return float(self.row["logit"])

    def evidence(self, families: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the evidence by family; one that the night did not know gave none."""
        return np.array([self.row.get(f"evidence_{family}", 0.0) for family in families])


def change(home: Path, target: str, customer_id: str, *, start: str, end: str, language: str) -> dict[str, Any]:
    """Split the move from ``start`` to ``end`` into new facts by family, new model, new card and new calibration."""
    old = _moment(home, target, customer_id, start, "from")
    new = _moment(home, target, customer_id, end, "to")
    parts = _facts_and_rest(home, target, old, new)
    total = sum(evidence for _, _, evidence in parts)
    slope = float(slope_between(old.logit, np.array([total]))[0])
    return {
        "customer_id": customer_id,
        "target": target,
        "from": old.manifest.as_of[:10],
        "to": new.manifest.as_of[:10],
        "before": float(old.row["probability"]),
        "after": float(new.row["probability"]),
        "model_before": old.manifest.version,
        "model_after": new.manifest.version,
        "parts": [
            {
                "kind": kind,
                "family": family,
                "text": _title(kind, family, language),
                "evidence": evidence,
                "points": evidence * slope,
            }
            for kind, family, evidence in sorted(parts, key=lambda part: -abs(part[2]))
            if evidence != 0.0
        ],
    }


def _moment(home: Path, target: str, customer_id: str, day: str, where: str) -> Moment:
    manifest, row = score_of_day(home, target, day_before_or_on(home, target, day), customer_id)
    if row is None:
        raise RequestError(404, f"The customer was not known on {manifest.as_of[:10]}.", where="customer_id")
    if row["logit"] is None or np.isnan(row["logit"]):
        raise RequestError(
            422, f"On {manifest.as_of[:10]} the customer was {row['state']} and got no probability.", where=where
        )
    return Moment(manifest, row)


def _facts_and_rest(home: Path, target: str, old: Moment, new: Moment) -> list[tuple[str, str | None, float]]:
    before = _bundle(home / "models" / target / old.manifest.version)
    families = before.families
    if old.manifest.version == new.manifest.version:
        moved = new.evidence(families) - old.evidence(families)
        return [("facts", family, float(step)) for family, step in zip(families, moved, strict=True)]
    after = _bundle(home / "models" / target / new.manifest.version)
    row, state = _features(home, target, new)
    between = Scorer(before).score_rows(
        Matrix.of(row, before.columns), *state, datetime.fromisoformat(new.manifest.as_of)
    )
    moved = between.evidence[0] - old.evidence(families)
    facts: list[tuple[str, str | None, float]] = [
        ("facts", family, float(step)) for family, step in zip(families, moved, strict=True)
    ]
    model, card = _voices(before, after, row)
    rest = new.logit - float(between.logit[0]) - model - card
    return [*facts, ("model", None, model), ("card", None, card), ("calibration", None, rest)]


def _voices(before: Bundle, after: Bundle, row: Any) -> tuple[float, float]:
    """Return how far the models' and the card's weighted voices moved, on the old line's scale."""
    said = []
    for bundle in (before, after):
        rows = Matrix.of(row, bundle.columns)
        logits = {expert.name: float(expert.read(rows).logit()[0]) for expert in bundle.experts}
        weighted = {name: bundle.blend.weights.get(name, 0.0) * logit for name, logit in logits.items()}
        card = bundle.card.name if bundle.card else None
        said.append((sum(value for name, value in weighted.items() if name != card), weighted.get(card or "", 0.0)))
    scale = before.blend.slope
    return scale * (said[1][0] - said[0][0]), scale * (said[1][1] - said[0][1])


def _features(home: Path, target: str, moment: Moment) -> tuple[Any, tuple[Any, Any]]:
    """Return the customer's features of a night whose folder is still kept."""
    runs = home / "scores" / target / "runs"
    for folder in sorted(runs.glob(f"{moment.manifest.as_of[:10]}-*"), reverse=True):
        features = read_run(folder).table("features")
        if features is not None:
            row = features.filter(pc.equal(features.column("customer_id"), moment.row["customer_id"]))
            ids = np.array(row.column("customer_id").to_pylist(), dtype=object)
            return row, (ids, np.array(row.column("state").to_pylist(), dtype=object))
    raise ServingError(
        f"The model changed between the two days, and the features of {moment.manifest.as_of[:10]} are no longer kept, "
        "so new facts and new model cannot be told apart. Choose a later day for 'to'."
    )


@lru_cache(maxsize=8)
def _bundle(folder: Path) -> Bundle:
    # A version on the shelf is written once and never changed, so it may be kept.
    return Bundle.load(folder)


def _title(kind: str, family: str | None, language: str) -> str:
    if kind != "facts":
        return _TITLES[kind][language]
    known = wording().families.get(family or "")
    return (known.title.zh if language == "zh" else known.title.en) if known else str(family)
