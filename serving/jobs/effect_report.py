"""What contact did: the draws of an experiment, the contacts that were logged, and the orders that followed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rapport.durations import Duration, parse_duration
from rapport.errors import ServingError
from rapport.files import replace_text
from rapport.history import History
from rapport.history.settings import Settings
from rapport.localized import LocalizedText, localize
from rapport.scoring.experiments.effect import Effect, corrected, measure_effect
from rapport.scoring.money.amounts import contact_effect
from rapport.scoring.money.assumptions import Assumptions
from rapport.serving.errors import MESSAGES, message
from rapport.serving.jobs.uplift_report import measure_uplift
from rapport.serving.snapshots.effect_file import EFFECT_FILE
from rapport.serving.snapshots.holdout import HoldoutStore
from rapport.serving.work.tasks import TaskStore

_BANDS = ((0.0, "low"), (0.3, "medium"), (0.5, "high"))
_MIN_CELL = 20
Row = dict[str, Any]


def effect_report(history: History, data_dir: Path, settings: Settings, now: datetime) -> dict[str, object]:
    """Return the effect overall (the primary cell), and by action, segment and score band; keep it for the service."""
    drawn = HoldoutStore(data_dir).assignments(settings.holdout_seed)
    if not drawn:
        raise ServingError(
            "Nobody was drawn yet. Set holdout_share in rapport.toml, such as 0.1, and run `rapport score`."
        )
    window = parse_duration(settings.early_outcome)
    matured = [
        row for row in drawn if window.after(datetime.fromisoformat(row["drawn_at"])) <= now.replace(tzinfo=None)
    ]
    rows = _with_outcomes(history, matured, window)
    contacted = _contacted(history, data_dir, rows)
    for row in rows:
        row["contacted"] = row["customer_id"] in contacted
    report: dict[str, Any] = {
        "seed": settings.holdout_seed, "share": settings.holdout_share, "as_of": now.isoformat(timespec="seconds"),
        "drawn": len(drawn), "matured": len(rows), "early_outcome": settings.early_outcome,
        "bound": message("effect_bound").en,
        **_contamination(rows),
    }  # fmt: skip
    report |= _cells(rows)
    reached = _reached(report) if report["primary"] else 1.0
    report |= _conclusions(report, rows, settings)
    report["uplift"] = measure_uplift(history, rows, reached, data_dir, settings)
    replace_text(data_dir / EFFECT_FILE, json.dumps(report, ensure_ascii=False, indent=1))
    return report


def _with_outcomes(history: History, drawn: Sequence[Row], window: Duration) -> list[Row]:
    if not drawn:
        return []
    starts = [datetime.fromisoformat(row["drawn_at"]) for row in drawn]
    pairs = pa.table(
        {
            "customer_id": pa.array([row["customer_id"] for row in drawn], pa.string()),
            "start": pa.array(starts, pa.timestamp("us")),
            "finish": pa.array([window.after(start) for start in starts], pa.timestamp("us")),
        }
    )
    sql = (
        "SELECT drawn.customer_id, count(orders.amount) > 0 AS kept, coalesce(sum(orders.amount), 0) AS spend "
        "FROM drawn LEFT JOIN orders ON orders.customer_id = drawn.customer_id AND amount > 0 "
        "AND ordered_at >= start AND ordered_at < finish GROUP BY 1"
    )
    history.connection.register("drawn", pairs)
    try:
        found = {row[0]: row[1:] for row in history.connection.execute(sql).fetchall()}
    finally:
        history.connection.unregister("drawn")
    return [
        row | {"kept": float(found[row["customer_id"]][0]), "spend": float(found[row["customer_id"]][1])}
        for row in drawn
    ]


def _contacted(history: History, data_dir: Path, rows: Sequence[Row]) -> set[str]:
    """Return the customers with a logged intervention after their draw: a finished task, or the table."""
    since = {row["customer_id"]: row["drawn_at"] for row in rows}
    found = {
        task["customer_id"]
        for task in TaskStore(data_dir).list(status="done", limit=1_000_000)
        if task["finished_at"] and task["finished_at"][:10] >= since.get(task["customer_id"], "9999")[:10]
    }
    if history.rows.get("interventions"):
        sql = 'SELECT customer_id, max("at") FROM interventions WHERE NOT coalesce(held_out, false) GROUP BY 1'
        for customer_id, at in history.connection.execute(sql).fetchall():
            if at is not None and at.isoformat() >= since.get(customer_id, "9999"):
                found.add(customer_id)
    return found


def _contamination(rows: Sequence[Row]) -> dict[str, float | None]:
    """Return how many were contacted in each group: held-out ones should not be, the others should."""
    groups = {name: [row["contacted"] for row in rows if row["held_out"] == flag] for name, flag in _GROUPS}
    return {name: float(np.mean(values)) if values else None for name, values in groups.items()}


_GROUPS = (("contacted_share", False), ("contaminated_share", True))


def _cells(rows: Sequence[Row]) -> dict[str, Any]:
    primary = _cell("all", rows)
    cuts: dict[str, Callable[[Row], str]] = {
        "action": lambda row: row["action"] or "–",
        "segment": lambda row: row["segment"] or "–",
        "band": lambda row: _band(row["probability"]),
    }
    further = []
    for name, cut in cuts.items():
        for value in sorted({cut(row) for row in rows}):
            cell = _cell(f"{name}: {value}", [row for row in rows if cut(row) == value])
            if cell is not None:
                further.append(cell)
    adjusted = corrected(further)
    return {
        "primary": primary.as_dict() if primary else None,
        "cells": [one.as_dict() | {"p_corrected": adjusted[one.cell]} for one in further],
        "spend_per_customer": _spend(rows),
    }


def _cell(name: str, rows: Sequence[Row]) -> Effect | None:
    held = np.array([row["held_out"] for row in rows], dtype=bool)
    if min(int(held.sum()), int((~held).sum())) < _MIN_CELL:
        return None
    outcome = np.array([row["kept"] for row in rows])
    score = np.array([row["probability"] or 0.0 for row in rows])
    return measure_effect(name, held, outcome, score, float(np.mean([row["share"] for row in rows])))


def _spend(rows: Sequence[Row]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name, flag in (("contacted", False), ("held_out", True)):
        values = [row["spend"] for row in rows if row["held_out"] == flag]
        found[name] = float(np.mean(values)) if values else None
    return found


def _band(probability: float | None) -> str:
    return next(name for edge, name in reversed(_BANDS) if (probability or 0.0) >= edge)


def _conclusions(report: dict[str, Any], rows: Sequence[Row], settings: Settings) -> dict[str, Any]:
    """Return the sentences, and the proven chance that a contact keeps a customer who would leave."""
    primary = report["primary"]
    if primary is None:
        too_few = message("effect_too_few", least=_MIN_CELL)
        return {"verdict": "not_proven", "summary": too_few.to_dict(), "contact_effect": None}
    average = _average_effect(report, primary) if primary["verdict"] == "proven" else None
    needed = primary["needed"] or message("effect_unknown")
    return {
        "verdict": primary["verdict"], "summary": message(f"effect_{primary['verdict']}", needed=needed).to_dict(),
        "contact_effect": _at_its_best(average, rows), "average_contact_effect": average,
        "assumed_contact_effect": settings.contact_effect,
    }  # fmt: skip


def _average_effect(report: Mapping[str, Any], primary: Mapping[str, Any]) -> float | None:
    """Return the mean chance that a contact keeps a customer who would leave."""
    lost = 1 - float(primary["rate_held_out"])
    return min(1.0, float(primary["difference"]) / lost / _reached(report)) if lost > 0 else None


def _reached(report: Mapping[str, Any]) -> float:
    """Return the share of those drawn for contact who were contacted, as far as contacts were logged.

    Only those reached can be kept. More kept than were reached means that not every contact was logged; then everyone
    drawn for contact counts as reached, which claims the least.
    """
    reached = float(report["contacted_share"] or 0.0) - float(report["contaminated_share"] or 0.0)
    lost = 1 - float(report["primary"]["rate_held_out"])
    return reached if reached > 0 and reached * lost >= float(report["primary"]["difference"]) else 1.0


def _at_its_best(average: float | None, rows: Sequence[Row]) -> float | None:
    """Return the chance as the setting ``contact_effect`` means it, whose mean over those who leave is ``average``."""
    if average is None:
        return None
    leaving = np.array([row["probability"] or 0.0 for row in rows])
    falls = contact_effect(leaving, np.ones(len(rows)), Assumptions(contact_effect=1.0))
    share = float(np.sum(leaving * falls) / leaving.sum()) if leaving.sum() else 1.0
    return min(1.0, average / share)


def as_text(report: dict[str, Any], language: str) -> str:
    """Return the report for a terminal."""
    say = MESSAGES.translator(language)
    lines = [_text(report["summary"], language), say("effect_drawn", **report)]
    for one in [one for one in (report["primary"], *report["cells"]) if one]:
        lines.append(say("effect_cell", **{**one, "verdict": say(f"effect_verdict_{one['verdict']}")}))
    lines.append(_text(report["uplift"]["summary"], language))
    if report["contact_effect"] is not None:
        assumed = report["assumed_contact_effect"]
        lines.append(say("effect_taken", proven=report["contact_effect"], assumed=assumed))
    for name in ("contacted_share", "contaminated_share"):
        if report[name] is not None:
            lines.append(say(f"effect_{name}", share=report[name]))
    return "\n".join([*lines, say("effect_bound")])


def _text(stored: Mapping[str, str], language: str) -> str:
    return localize(LocalizedText.from_dict(stored), language)
