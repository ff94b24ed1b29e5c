"""A scoring run: score a whole history, write all files, then publish the snapshot."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from rapport.durations import Duration, parse_duration
from rapport.features.feature_table.snapshot import exclude_refusals, snapshot_parts
from rapport.history import History
from rapport.history.checks.gates import run_gates
from rapport.history.checks.gates.feeds import rows_before
from rapport.history.suppressed_rows import leave_out_suppressed
from rapport.locks import exclusive
from rapport.memory import release_free_memory
from rapport.progress import Progress
from rapport.scoring import build_answers
from rapport.scoring.actions.playbook import playbook_of
from rapport.scoring.analytics.deal_outcomes import deal_card
from rapport.scoring.cards import load_card
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.published import load_published
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.reasons.timing_answer import timing_columns
from rapport.serving.snapshots.analytics_tables import customer_tables, population_tables
from rapport.serving.snapshots.contract_rows import share_rows, write_contract_rows
from rapport.serving.snapshots.customer_index import row_offsets
from rapport.serving.snapshots.effect_file import proven_effect
from rapport.serving.snapshots.holdout import apply_holdout
from rapport.serving.snapshots.insight_tables import insight_tables
from rapport.serving.snapshots.live_model import ScoreSnapshot, catalog_of
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy, freeze_policy, policy_columns
from rapport.serving.snapshots.portfolio_table import stored_files, with_health
from rapport.serving.snapshots.publication_gates import (
    baseline_of,
    pass_gates,
    previous_run,
    publication_record,
    score_findings,
    score_summary,
)
from rapport.serving.snapshots.refused_run import clear_refusal
from rapport.serving.snapshots.run_portfolio import UNRANKED, customer_attributes, write_portfolio_parts
from rapport.serving.snapshots.scored_parts import SCORES_FILE, ScoredParts, write_scored_parts
from rapport.serving.snapshots.store import RUN_FORMAT, Manifest, archive_scores, run_folders, write_run
from rapport.serving.snapshots.table_files import map_table, write_table

_BY_CUSTOMER = ("customers", "people", "chain", "deals", "action_facts", "past")


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
    started = time.perf_counter()
    progress("loading the champion", 0.0)
    leave_out_suppressed(history, data_dir)
    bundle = load_published(data_dir, target)
    bundle.check_catalog(catalog_of(bundle))
    previous = previous_run(data_dir, target, as_of)
    baseline = baseline_of(bundle, previous, now)
    findings = (
        run_gates(history, as_of, baseline)
        if force
        else pass_gates(history, data_dir, target, as_of=as_of, baseline=baseline, now=now, by=by)
    )
    runs = data_dir / "scores" / target / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".scoring.", suffix=".part", dir=runs) as folder:
        progress("scoring", 0.1)
        parts = write_scored_parts(Path(folder), bundle, as_of, _features(history, bundle, as_of))
        release_free_memory()
        scored = parts.scored
        findings += score_findings(scored, previous)
        manifest = _manifest(history, scored, now, publication_record(findings, force=force, by=by), started)
        progress(f"writing the snapshot of {len(scored):,} customers", 0.6)
        tables, policy = _tables(history, data_dir, manifest, parts)
        scores = with_health(map_table(parts.folder / SCORES_FILE), tables["portfolio"])
        files = {
            **row_offsets(scores["customer_id"], {name: tables[name] for name in _BY_CUSTOMER if len(tables[name])}),
            **stored_files(policy),
        }

        def write_tables(run_folder: Path) -> None:
            for path in sorted(parts.folder.iterdir()):
                path.replace(run_folder / path.name)
            write_contract_rows(history, run_folder)
            share_rows(run_folder, run_folders(data_dir))

        with exclusive(data_dir, f"scores-{target}", f"writing its {target} scores of {as_of:%Y-%m-%d}", now=now):
            run = write_run(data_dir, manifest, files, write_tables)
            archive_scores(data_dir, run, scores)
            clear_refusal(data_dir, target)
    progress("done", 1.0)
    return ScoreSnapshot(run, run.ids, scored)


def _features(history: History, bundle: Bundle, as_of: datetime) -> Iterator[pa.Table]:
    features, active = catalog_of(bundle), parse_duration(bundle.active_window)
    for part in snapshot_parts(history, as_of, features, active=active, rule=bundle.rule):
        yield exclude_refusals(history, part, as_of).sort_by("customer_id")


def _tables(
    history: History, data_dir: Path, manifest: Manifest, parts: ScoredParts
) -> tuple[dict[str, pa.Table], PortfolioPolicy]:
    """Write all tables of a run but those of ``parts``; return those by customer, memory-mapped, and the policy."""
    settings, as_of, bundle = history.settings, parts.as_of, parts.bundle
    playbook, card = playbook_of(settings), deal_card(history, as_of, load_card("c139"))
    folder, tables = parts.folder, customer_tables(history, as_of, playbook, card)
    tables["customers"] = customer_attributes(history, pa.table({"customer_id": pa.array(parts.scored.customer_id)}))
    tables = _stored(folder, tables)
    columns = policy_columns(bundle, settings, playbook)
    policy = freeze_policy(bundle, settings, playbook, parts.features(columns), proven_effect(data_dir))
    tables |= write_portfolio_parts(data_dir, manifest, policy, playbook, parts, tables)
    portfolio = apply_holdout(data_dir, tables["portfolio"], manifest.target, as_of, settings)
    tables |= _stored(folder, {"portfolio": portfolio})
    # The portfolio with its ranks is another file.
    (folder / UNRANKED).unlink()
    _write(folder, population_tables(history, parts.scored, policy, tables["portfolio"]).items())
    _write(folder, insight_tables(history, as_of, card, tables["portfolio"], policy.assumptions))
    return tables, policy


def _stored(folder: Path, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Return tables memory-mapped from the files that are written of them."""
    _write(folder, tables.items())
    return {name: map_table(folder / f"{name}.arrow") for name in tables}


def _write(folder: Path, tables: Iterable[tuple[str, pa.Table]]) -> None:
    """Write tables one after the other; what it took to make one is free for the next."""
    for name, table in tables:
        write_table(folder / f"{name}.arrow", table)
        release_free_memory()


def _manifest(
    history: History, scored: ScoreBatch, now: datetime, record: dict[str, object], started: float
) -> Manifest:
    bundle = scored.bundle
    facts: dict[str, object] = {"currency": bundle.currency, "origin": Path(history.origin).name}
    facts["rejected"] = {name: int(count) for name, count in sorted(history.rejected.count.items())}
    # Until the tables are written; what is left takes seconds.
    facts["seconds"] = round(time.perf_counter() - started, 3)
    return Manifest(
        target=bundle.target,
        as_of=scored.as_of.isoformat(),
        scored_at=now.isoformat(timespec="seconds"),
        version=bundle.version,
        fingerprint=bundle.fingerprint,
        rows=len(scored),
        present=tuple(sorted(history.present)),
        format=RUN_FORMAT,
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
    arrays: dict[str, pa.Array | pa.ChunkedArray] = {
        name: pa.array(values, kinds.get(name)) for name, values in columns.items()
    }
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
