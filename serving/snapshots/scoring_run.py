"""A scoring run: score a whole history, write all files, then publish the snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from rapport.durations import Duration, parse_duration
from rapport.features import snapshot
from rapport.features.feature_table.snapshot import exclude_refusals
from rapport.history import History
from rapport.history.checks.gates import run_gates
from rapport.history.checks.gates.feeds import rows_before
from rapport.history.suppressed_rows import leave_out_suppressed
from rapport.locks import exclusive
from rapport.scoring import build_answers
from rapport.scoring.actions.playbook import playbook_of
from rapport.scoring.analytics.deal_outcomes import deal_card
from rapport.scoring.cards import load_card
from rapport.scoring.models import model_store
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.scorer import Scorer
from rapport.scoring.reasons.timing_answer import timing_columns
from rapport.serving.snapshots.analytics_tables import customer_tables, population_tables
from rapport.serving.snapshots.contract_rows import write_contract_rows
from rapport.serving.snapshots.effect_file import proven_effect
from rapport.serving.snapshots.extracts import extracts
from rapport.serving.snapshots.history import history_table
from rapport.serving.snapshots.holdout import apply_holdout
from rapport.serving.snapshots.insight_tables import insight_tables
from rapport.serving.snapshots.live_model import ScoreSnapshot, catalog_of
from rapport.serving.snapshots.next_actions import with_next_actions
from rapport.serving.snapshots.portfolio_policy import freeze_policy
from rapport.serving.snapshots.portfolio_table import build_portfolio, stored_files, with_health
from rapport.serving.snapshots.publication_gates import (
    baseline_of,
    pass_gates,
    previous_run,
    publication_record,
    score_findings,
    score_summary,
)
from rapport.serving.snapshots.refused_run import clear_refusal
from rapport.serving.snapshots.store import Manifest, archive_scores, npy_bytes, row_offsets, write_run

Progress = Callable[[str, float], None]


def run_scoring(  # noqa: PLR0913, PLR0915 - each is a part of the run
    history: History,
    data_dir: Path,
    target: str,
    *,
    as_of: datetime,
    now: datetime,
    progress: Progress,
    force: bool = False,
    by: str = "",
) -> ScoreSnapshot:
    """Score every customer of ``history`` at ``as_of`` with the champion and publish the scores.

    The previous snapshot answers until the new one is complete. RefusedRunError if the gates find empty, stale,
    doubled or rescaled tables or a cutoff in the future; ``force`` publishes nevertheless. Both are recorded, with
    ``by``, who started the run.
    """
    progress("loading the champion", 0.0)
    leave_out_suppressed(history, data_dir)
    bundle = Bundle.load(model_store.champion(data_dir, target))
    bundle.check_catalog(catalog_of(bundle))
    previous = previous_run(data_dir, target, as_of)
    baseline = baseline_of(bundle, previous, now)
    findings = (
        run_gates(history, as_of, baseline)
        if force
        else pass_gates(history, data_dir, target, as_of=as_of, baseline=baseline, now=now, by=by)
    )
    progress("computing features", 0.1)
    table = _features(history, bundle, as_of)
    progress(f"scoring {table.num_rows:,} customers", 0.5)
    scored = Scorer(bundle).score(table, as_of)
    settings, playbook = history.settings, playbook_of(history.settings)
    findings += score_findings(scored, previous)
    manifest = _manifest(history, scored, now, publication_record(findings, force=force, by=by))
    progress("writing the snapshot", 0.8)
    scores = scored.to_table()
    card = deal_card(history, as_of, load_card("c139"))
    by_customer = {
        **extracts(history, table, as_of),
        **customer_tables(history, as_of, playbook, card),
        "past": history_table(data_dir, manifest),
    }
    policy = freeze_policy(bundle, settings, playbook, table, proven_effect(data_dir))
    portfolio = build_portfolio(policy, scored, table, by_customer["customers"], by_customer["past"])
    portfolio = with_next_actions(portfolio, by_customer["action_facts"], playbook, scored)
    portfolio = apply_holdout(data_dir, portfolio, target, as_of, settings)
    tables = {"features": table, "scores": scores, "portfolio": portfolio}
    tables |= {**by_customer, **population_tables(history, scored, policy, portfolio)}
    tables |= insight_tables(history, as_of, card, portfolio, policy.assumptions)
    files = {"matrix.npy": npy_bytes(np.ascontiguousarray(scored.rows.values)), **row_offsets(table, by_customer)}
    files |= stored_files(policy)
    with exclusive(data_dir, f"scores-{target}", f"writing its {target} scores of {as_of:%Y-%m-%d}", now=now):
        run = write_run(data_dir, manifest, tables, files, lambda folder: write_contract_rows(history, folder))
        archive_scores(data_dir, manifest, with_health(scores, portfolio), table)
        clear_refusal(data_dir, target)
    progress("done", 1.0)
    return ScoreSnapshot(run, run.ids, scored)


def _features(history: History, bundle: Bundle, as_of: datetime) -> pa.Table:
    features, active = catalog_of(bundle), parse_duration(bundle.active_window)
    table = snapshot(history, as_of, features, active=active, rule=bundle.rule)
    return exclude_refusals(history, table, as_of).sort_by("customer_id")


def _manifest(history: History, scored: ScoreBatch, now: datetime, record: dict[str, object]) -> Manifest:
    bundle = scored.bundle
    facts: dict[str, object] = {"currency": history.settings.currency, "origin": Path(history.origin).name}
    facts["rejected"] = {name: int(count) for name, count in sorted(history.rejected.count.items())}
    return Manifest(
        target=bundle.target,
        as_of=scored.as_of.isoformat(),
        scored_at=now.isoformat(timespec="seconds"),
        version=bundle.version,
        fingerprint=bundle.fingerprint,
        rows=len(scored),
        present=tuple(sorted(history.present)),
        facts=facts | {"rows": rows_before(history, scored.as_of), "summary": score_summary(scored)} | record,
    )


EXPORTED = (
    "health_score", "health_grade", "risk_band", "spend_if_retained", "revenue_at_risk", "revenue_at_risk_low",
    "revenue_at_risk_high", "expected_revenue", "savable", "list", "owner_rank", "clv_1y", "clv_3y", "clv_5y",
    "rfm_cell", "segment", "lead_grade", "behaviour_points", "fit_points", "expected_value",
)  # fmt: skip


def export_table(
    scored: ScoreBatch,
    *,
    portfolio: pa.Table | None = None,
    reasons: int = 3,
    language: str = "en",
    horizons: Sequence[Duration] = (),
) -> pa.Table:
    """Return the table for exports: every number, the first reasons as sentences, and the figures of the portfolio.

    Each of ``horizons`` adds a column, and all of them together the expected date of the event with its interval.
    """
    answers = build_answers(scored, reasons, language)
    columns_as_is = ("customer_id", "as_of", "target", "state", "probability", "percentile", "model_probability",
             "rule_probability", "rule_score", "tier", "value_at_risk", "base_rate")  # fmt: skip
    columns = {name: [getattr(answer, name) for answer in answers] for name in columns_as_is}
    kinds = {
        name: pa.float64()
        for name in columns_as_is
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
    arrays["certainty"] = pa.array([answer.certainty for answer in answers], pa.string())
    if horizons:
        arrays |= timing_columns(scored, horizons)
    for position in range(reasons):
        given = [answer.reasons[position] if len(answer.reasons) > position else None for answer in answers]
        arrays[f"reason_{position + 1}"] = pa.array([each and each.text for each in given], pa.string())
        arrays[f"reason_{position + 1}_points"] = pa.array([each and each.points for each in given], pa.float64())
    arrays["model_version"] = pa.array([answer.model.version for answer in answers], pa.string())
    if portfolio is not None:
        cards = [name for name in portfolio.column_names if name.startswith("card_") and name != "card_tier"]
        arrays |= {name: portfolio.column(name) for name in (*EXPORTED, *cards) if name in portfolio.column_names}
    return pa.table(arrays)
