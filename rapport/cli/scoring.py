"""Commands that use the champion: ``score`` publishes a score snapshot, ``due`` lists whom to review."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.inputs import current_time, remove_leftovers, user_name
from rapport.cli.options import (
    AsOf,
    Engine,
    EngineName,
    HistorySource,
    Language,
    Master,
    OptionalAsOf,
    Target,
    TargetName,
)
from rapport.cli.terminal import out, progress
from rapport.cli.workspace import Workspace
from rapport.errors import DeliveryFailedError, SettingsError
from rapport.history import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from rapport.durations import Duration
    from rapport.serving.snapshots.live_model import ScoreSnapshot

SHOWN_DUE = 50
"""How many due customers are printed; ``--out`` writes all of them."""

Destination = Annotated[
    str | None,
    typer.Option(
        "--out",
        envvar="RAPPORT_SCORES_OUT",
        help=".parquet, .csv, .xlsx, a PostgreSQL URL, or a webhook's URL.",
    ),
]


def score(
    workspace: Workspace,
    source: HistorySource,
    as_of: AsOf,
    target: Target = TargetName.churn,
    path: Destination = None,
    reasons: Annotated[int, typer.Option(min=0, max=17, help="Reasons written for each customer.")] = 3,
    language: Language = None,
    horizons: Annotated[
        str,
        typer.Option("--horizons", help="Other horizons to export, such as 3mo,6mo,24mo, and the expected date."),
    ] = "",
    engine: Engine = EngineName.duckdb,
    master: Master = "local[2]",
    force: Annotated[
        bool, typer.Option("--force", help="Publish although a gate refuses the run; this is recorded.")
    ] = False,
    alerts: Annotated[bool, typer.Option("--alerts", help="Raise and send the alerts of this run.")] = False,
) -> None:
    """Score every customer with the champion, publish the snapshot that the service answers from, and export it."""
    from rapport.history.sources.postgres import redacted_url
    from rapport.serving.jobs.alert_job import alert_channels, run_alert_job
    from rapport.serving.jobs.exports import check_destination, export_scores
    from rapport.serving.snapshots.holdout import without_held_out
    from rapport.serving.snapshots.scoring_run import run_scoring

    current, folder = workspace.settings, workspace.data_dir
    if engine is EngineName.spark:
        _score_by_spark(workspace, source, target.value, as_of, path, master)
        return
    secret, others = os.environ.get("RAPPORT_WEBHOOK_SECRET"), _horizons(horizons, path)
    if path is not None:
        check_destination(path, secret)
    remove_leftovers(folder, current)
    with workspace.open_history(source) as history, progress() as report:
        now, channels = current_time(), alert_channels(folder, os.environ)
        run = run_scoring(
            history, folder, target.value, as_of=as_of, now=now, progress=report, force=force, by=user_name()
        )
        notice = run_alert_job(history, folder, run, now=now, channels=channels) if alerts else None
    if path is not None:
        table = _export(run, current, reasons, workspace.language(language), others)
        export_scores(without_held_out(table, folder, current), path, secret)
    text, result = _summary(run, folder, current, redacted_url(path) if path else None)
    if note := run.scored.bundle.settings_mismatch(current):
        text += f"\n{note}"
        result["note"] = note
    if notice is not None:
        text += f"\nRaised {notice.raised:,} alerts, held back {notice.held_back:,}."
        result |= {"raised": notice.raised, "held_back": notice.held_back, "failed_deliveries": notice.failed}
    workspace.print(result, text)
    _check_deliveries(result.get("failed_deliveries", 0))


def _horizons(written: str, path: str | None) -> tuple[Duration, ...]:
    """Read the option before the long work."""
    from rapport.scoring.reasons.timing_answer import parse_horizons

    found = parse_horizons([each for each in written.split(",") if each.strip()])
    if found and path is None:
        raise SettingsError("--horizons adds columns to the export. Name the file with --out.")
    return found


def _export(
    run: ScoreSnapshot, settings: Settings, reasons: int, language: str, horizons: Sequence[Duration]
) -> pa.Table:
    """Return the table that is exported: the scores, the figures of the portfolio, and each customer's next action."""
    from rapport.scoring.actions.playbook import playbook_of
    from rapport.serving.application.advice import with_actions
    from rapport.serving.snapshots.scoring_run import export_table

    table = export_table(
        run.scored, portfolio=run.run.table("portfolio"), reasons=reasons, language=language, horizons=horizons
    )
    return with_actions(table, run, playbook_of(settings), language)


def _left_out(run: ScoreSnapshot, data_dir: Path, settings: Settings) -> list[str]:
    """Return a line with the number of held-out customers, who are not in an export; none without any."""
    from rapport.serving.snapshots.holdout import held_out_now

    count = len(held_out_now(data_dir, settings).intersection(map(str, run.scored.customer_id)))
    return [f"{count:,} held-out customers are not in it."] if count else []


def _check_deliveries(failed: int) -> None:
    """End with a line and an exit code of its own if alerts did not arrive."""
    if failed:
        raise DeliveryFailedError(
            f"{failed:,} alerts could not be delivered. They are kept: rapport worker sends them."
        )


def _summary(run: ScoreSnapshot, data_dir: Path, settings: Settings, out: str | None) -> tuple[str, dict[str, Any]]:
    """Return what the run did, as text and as plain values."""
    from rapport.serving.snapshots.store import published_run_name

    gates, answering = run.run.manifest.facts.get("gates", []), published_run_name(data_dir, run.run.manifest.target)
    lines = [f"Scored {len(run.scored):,} customers as of {run.as_of:%Y-%m-%d}" + (f"; wrote {out}." if out else ".")]
    lines += _left_out(run, data_dir, settings) if out else []
    answers = answering == run.run.folder.name
    if not answers:
        lines.append(
            f"This run does not answer: the run {answering} has a later cutoff. Its scores are in the history of each "
            "customer; `rapport runs list` shows all runs."
        )
    lines += [f"FLAG: {each['message']}" for each in gates]
    result: dict[str, Any] = {"rows": len(run.scored), "as_of": run.as_of.isoformat(), "out": out}
    return "\n".join(lines), result | {"run": run.run.folder.name, "answers": answers, "gates": gates}


def due(
    workspace: Workspace,
    source: HistorySource,
    as_of: OptionalAsOf = None,
    target: Target = TargetName.churn,
    path: Destination = None,
) -> None:
    """List the customers whose scores are due for review, by the review intervals of the playbook."""
    from rapport.scoring.actions.playbook import playbook_of
    from rapport.serving.jobs.exports import export_scores
    from rapport.serving.snapshots.holdout import without_held_out
    from rapport.serving.work.due import due_customers

    cutoff = as_of or _newest_row(workspace, source)
    reviewed = due_customers(workspace.data_dir, target.value, cutoff, playbook_of(workspace.settings).cadence)
    customers = without_held_out(reviewed, workspace.data_dir, workspace.settings)
    if path is not None:
        export_scores(customers, path)
    rows = customers.to_pylist()
    lines = [f"{row['customer_id']}  {row['what']}  due {row['due_at']:%Y-%m-%d}" for row in rows[:SHOWN_DUE]]
    if len(rows) > SHOWN_DUE:
        lines.append(f"… and {len(rows) - SHOWN_DUE:,} more; --out writes them all.")
    workspace.print({"due": rows}, "\n".join(lines) or "No customer is due for review.")


def _newest_row(workspace: Workspace, source: str) -> datetime:
    from rapport.training import default_cutoff

    with workspace.open_history(source) as history:
        return default_cutoff(history)


def _score_by_spark(
    workspace: Workspace, source: str, target: str, as_of: datetime, path: str | None, master: str
) -> None:
    from rapport.integrity import check_seal
    from rapport.scoring.models import model_store
    from rapport.scoring.models.spark import spark_score

    if path is None:
        raise SettingsError("With --engine spark, name the folder to write with --out.")
    folder = workspace.data_dir
    champion = model_store.champion(folder, target)
    check_seal(champion, folder)
    with progress() as report:
        rows = spark_score(
            source, champion, path, as_of=as_of, settings=workspace.settings, data_dir=folder, master=master,
            progress=report,
        )  # fmt: skip
    out.print(f"Scored {rows:,} customers to {path} by Spark.", markup=False)
