"""Gates of a scoring run: what is refused, and what is published with a flag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np

from rapport.errors import IntegrityError, RefusedRunError, ServingError
from rapport.history import History
from rapport.history.checks.finding import Finding
from rapport.history.checks.gates import gate_facts, run_gates
from rapport.history.checks.gates.baseline import Baseline
from rapport.localized import LocalizedText
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.snapshots.refused_run import record_refusal
from rapport.serving.snapshots.store import ScoringRun, published_run, stored_runs

# A larger relative change of the mean, the total or the number of customers is flagged.
MEAN_JUMP, TOTAL_JUMP, POPULATION_JUMP = 0.1, 0.3, 0.3
# Without an earlier run of the same bundle, the mean is compared with that expected at training.
EXPECTED_JUMP = 0.25


def previous_run(data_dir: Path, target: str, as_of: datetime) -> ScoringRun | None:
    """Return the run to compare with: the published one, or if that was forced the newest before it that was not.

    None before the first, when it is damaged, or when it saw more than this cutoff.
    """
    run: ScoringRun | None
    try:
        run = published_run(data_dir, target)
        earlier = stored_runs(data_dir, target) if run.manifest.facts.get("forced") else []
    except (IntegrityError, ServingError):
        return None
    if run.manifest.facts.get("forced"):
        # A fault that was let through once must not look normal from then on.
        passed = [each for each in earlier if not each.manifest.facts.get("forced")]
        run = next((each for each in reversed(passed) if each.manifest.as_of <= run.manifest.as_of), None)
    return run if run is not None and run.manifest.as_of <= as_of.isoformat() else None


def baseline_of(bundle: Bundle, previous: ScoringRun | None, now: datetime) -> Baseline:
    """Return what the history is compared with."""
    trained_as_of = bundle.provenance.get("as_of")
    known = bundle.provenance.get("tables", {})
    tables = {str(name): int(rows) for name, rows in known.items()} if isinstance(known, dict) else {}
    return Baseline(
        tables=tuple(name for name, rows in tables.items() if rows),
        trained_rows=tables,
        trained_as_of=datetime.fromisoformat(str(trained_as_of)).replace(tzinfo=None) if trained_as_of else None,
        rows=dict(previous.manifest.facts.get("rows", {})) if previous else {},
        ends={name: date.fromisoformat(day) for name, day in bundle.provenance.get("table_ends", {}).items()},
        now=now,
    )


def refuse(findings: Sequence[Finding], what: str) -> None:
    """Raise RefusedRunError if a finding is a refusal."""
    refused = [each.message.en for each in findings if each.level == "stop"]
    if refused:
        raise RefusedRunError(
            f"Refused; {what} stays as it is. {' '.join(refused)} With --force it goes on, which is recorded."
        )


def pass_gates(  # noqa: PLR0913  # what a refusal says
    history: History, data_dir: Path, target: str, *, as_of: datetime, baseline: Baseline, now: datetime, by: str
) -> list[Finding]:
    """Return what the gates found; a refusal is recorded for the console, then raised as RefusedRunError."""
    findings = run_gates(history, as_of, baseline)
    if any(each.level == "stop" for each in findings):
        record_refusal(data_dir, target, findings, as_of=as_of, now=now, by=by)
    refuse(findings, "the published run")
    return findings


def publication_record(findings: Sequence[Finding], *, force: bool, by: str) -> dict[str, object]:
    """Return what the manifest keeps: all findings, whether a refusal was overridden, and who started the run."""
    return {
        "gates": gate_facts(findings),
        "forced": force and any(each.level == "stop" for each in findings),
        "by": by,
    }


def score_summary(scored: ScoreBatch) -> dict[str, float]:
    """Return the figures that the next run is compared with."""
    eligible = scored.eligible
    probability, value = scored.probability[eligible], scored.value_at_risk[eligible]
    return {
        "customers": int(eligible.sum()),
        "mean": float(probability.mean()) if len(probability) else 0.0,
        "value_at_risk": float(np.nansum(value)),
    }


def score_findings(scored: ScoreBatch, previous: ScoringRun | None) -> list[Finding]:
    """Flag scores that jumped against the last run under the same bundle, or against training before the first."""
    now, bundle = score_summary(scored), scored.bundle
    before = previous.manifest.facts.get("summary") if previous else None
    if before and previous and previous.manifest.version == bundle.version:
        return list(_against_last(now, before, previous.manifest.as_of[:10]))
    expected = bundle.evaluation.get("level", {}).get("expected_rate")
    at_training = LocalizedText("at training", "训练时")
    found: list[Finding] = []
    if expected and _change(now["mean"], expected) > EXPECTED_JUMP:
        found.append(_mean_jumped(now["mean"], float(expected), at_training))
    if bundle.reference.count and _change(now["customers"], bundle.reference.count) > POPULATION_JUMP:
        found.append(
            _population_jumped(now["customers"], bundle.reference.count, LocalizedText("at training", "训练时"))
        )
    return found


def _against_last(now: dict[str, float], before: dict[str, float], day: str) -> Iterator[Finding]:
    since = LocalizedText("on {day}", "{day}").filled(day=day)
    if _change(now["mean"], before["mean"]) >= MEAN_JUMP:
        yield _mean_jumped(now["mean"], before["mean"], since)
    if _change(now["customers"], before["customers"]) > POPULATION_JUMP:
        yield _population_jumped(now["customers"], before["customers"], since)
    if _change(now["value_at_risk"], before["value_at_risk"]) > TOTAL_JUMP:
        facts = {name: each["value_at_risk"] for name, each in (("now", now), ("before", before))}
        yield Finding.of("warn", "value_jumped", "", facts, since=since)


def _mean_jumped(now: float, before: float, since: LocalizedText) -> Finding:
    facts = {"now": round(now, 6), "before": round(before, 6)}
    return Finding.of("warn", "mean_jumped", "", facts, since=since)


def _population_jumped(now: float, before: float, since: LocalizedText) -> Finding:
    return Finding.of("warn", "population_jumped", "", {"now": now, "before": before}, since=since)


def _change(now: float, before: float) -> float:
    if before == 0:
        return 0.0 if now == 0 else float("inf")
    return abs(now / before - 1)
