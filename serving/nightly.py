"""The nightly run: score a whole history, write it whole, then let it answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from rapport.features import snapshot
from rapport.history import History
from rapport.scoring import shelf
from rapport.scoring.bundle import Bundle
from rapport.scoring.scored import Scored
from rapport.scoring.scorer import Scorer
from rapport.serving.current import Night, catalog_of
from rapport.serving.extracts import extracts
from rapport.serving.past import past_line
from rapport.serving.pictures import of_all, of_each
from rapport.serving.store import Manifest, keep_night, npy, places, write_run

from rapport.durations import parse_span
from rapport.locks import alone

Progress = Callable[[str, float], None]


def score_history(
    history: History, home: Path, target: str, *, as_of: datetime, now: datetime, progress: Progress
) -> Night:
    """Score every customer of ``history`` at ``as_of`` with the champion and publish the scores.

    The last good scores answer until the new ones are whole.
    """
    progress("reading the champion", 0.0)
    bundle = Bundle.load(shelf.champion(home, target))
    features = catalog_of(bundle)
    bundle.refuse_unless_fits(features)
    progress("measuring every customer", 0.1)
    table = snapshot(history, as_of, features, active=parse_span(bundle.active), rule=bundle.rule)
    table = table.sort_by("customer_id")
    progress(f"scoring {table.num_rows:,} customers", 0.5)
    scored = Scorer(bundle).score(table, as_of)
    manifest = Manifest(
        target=target,
        as_of=as_of.isoformat(),
        scored_at=now.isoformat(timespec="seconds"),
        version=bundle.version,
        fingerprint=bundle.fingerprint,
        rows=table.num_rows,
        present=tuple(sorted(history.present)),
        facts={"currency": history.settings.currency, "origin": Path(history.origin).name},
    )
    progress("writing the night", 0.8)
    scores = scored.to_table()
    beside = {**extracts(history, table, as_of), **of_each(history, as_of), "past": past_line(home, manifest)}
    tables = {"features": table, "scores": scores, **beside, **of_all(history, scored)}
    files = {"matrix.npy": npy(np.ascontiguousarray(scored.rows.values)), **places(table, beside)}
    with alone(home, f"scores-{target}", f"writing its {target} scores of {as_of:%Y-%m-%d}", now=now):
        run = write_run(home, manifest, tables, files)
        keep_night(home, manifest, scores, table)
    progress("done", 1.0)
    return Night(run, run.ids, scored)


def published_table(scored: Scored, *, reasons: int = 3, language: str = "en") -> pa.Table:
    """Return what is handed to people and other systems: every number, and the first reasons in words."""
    answers = scored.answers(reasons, language)
    plain = ("customer_id", "as_of", "target", "state", "probability", "percentile", "model_probability",
             "rule_probability", "rule_score", "tier", "value_at_risk", "base_rate")  # fmt: skip
    columns = {name: [getattr(answer, name) for answer in answers] for name in plain}
    kinds = {
        name: pa.float64()
        for name in plain
        if "probability" in name or name in ("rule_score", "value_at_risk", "base_rate")
    }
    arrays = {name: pa.array(values, kinds.get(name)) for name, values in columns.items()}
    arrays["percentile"] = pa.array(columns["percentile"], pa.int64())
    arrays["tier"] = pa.array(columns["tier"], pa.string())
    arrays["interval_low"] = pa.array(
        [answer.interval[0] if answer.interval else None for answer in answers], pa.float64()
    )
    arrays["interval_high"] = pa.array(
        [answer.interval[1] if answer.interval else None for answer in answers], pa.float64()
    )
    for place in range(reasons):
        texts = [answer.reasons[place].text if len(answer.reasons) > place else None for answer in answers]
        arrays[f"reason_{place + 1}"] = pa.array(texts, pa.string())
    arrays["model_version"] = pa.array([answer.model.version for answer in answers], pa.string())
    return pa.table(arrays)
