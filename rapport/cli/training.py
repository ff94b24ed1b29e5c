"""Commands that fit and evaluate models: ``train``, ``backtest`` and ``monitor``."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from rapport.cli.inputs import check_gates, current_time, remove_leftovers
from rapport.cli.options import (
    DATE_FORMATS,
    Active,
    HistorySource,
    Horizon,
    Language,
    OptionalAsOf,
    Out,
    Target,
    TargetName,
)
from rapport.cli.terminal import check_table_ending, progress, write_table
from rapport.cli.workspace import Workspace
from rapport.errors import TrainingError


def train(
    workspace: Workspace,
    source: HistorySource,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    horizon: Horizon = None,
    active: Active = None,
    search: Annotated[
        int, typer.Option("--search", min=0, help="Trials of parameter search (Optuna); 0 for none.")
    ] = 0,
    language: Language = None,
    force: Annotated[bool, typer.Option("--force", help="Train although a gate refuses the history.")] = False,
) -> None:
    """Fit a model, evaluate it out of time against the card and simple rules, and record it in MLflow."""
    from rapport.training import default_cutoff, register
    from rapport.training import train as fit
    from rapport.training.registry.mlflow_store import check_reachable

    folder = workspace.data_dir
    remove_leftovers(folder, workspace.settings)
    with workspace.open_history(source) as history, progress() as report:
        moment = as_of or default_cutoff(history)
        gates = check_gates(history, moment, what="no model was fitted, the champion", force=force)
        check_reachable(folder, os.environ)
        trained = fit(
            history,
            target.value,
            as_of=moment,
            horizon=workspace.horizon(horizon),
            active=workspace.active(active),
            search=search,
            progress=report,
        )
        recorded = register(
            trained, data_dir=folder, environ=os.environ, now=current_time(), language=language, progress=report
        )
    text = "\n".join([trained.as_text(), recorded.as_text(), *(f"FLAG: {each['message']}" for each in gates)])
    workspace.print(trained.as_dict() | recorded.as_dict() | {"gates": gates}, text)


def backtest(
    workspace: Workspace,
    source: HistorySource,
    cutoffs: Annotated[
        list[datetime],
        typer.Option(
            "--cutoff", formats=DATE_FORMATS, help="Train on facts before this, predict from here; may be repeated."
        ),
    ],
    path: Out,
    target: Target = TargetName.churn,
    horizon: Horizon = None,
    active: Active = None,
    compared: Annotated[
        Path | None,
        typer.Option("--compare", help="CSV or Parquet with customer_id and probability to compare with ours."),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page.")] = None,
    language: Language = None,
) -> None:
    """Train at past cutoffs, write the predictions made then, and evaluate them where the outcome is known by now."""
    from rapport.training import run_backtests

    check_table_ending(path)
    with workspace.open_history(source) as history, progress() as report:
        found = run_backtests(
            history,
            target.value,
            cutoffs=cutoffs,
            horizon=workspace.horizon(horizon),
            active=workspace.active(active),
            compared=compared,
            progress=report,
        )
    write_table(found.predictions, path)
    if html is not None:
        html.write_text(found.as_html(workspace.language(language)), encoding="utf-8")
    text = f"{found.as_text()}\nWrote the predictions of {found.predictions.num_rows:,} customers to {path}."
    result = {"rows": found.predictions.num_rows, "out": str(path)} | found.as_dict()
    workspace.print(result, text)


def monitor(
    workspace: Workspace,
    source: HistorySource,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page.")] = None,
    language: Language = None,
) -> None:
    """Compare today with the champion's training data: feature drift and matured outcomes; exit code 1 on an alert."""
    from rapport.scoring.models import model_store
    from rapport.training import default_cutoff, monitor_champion

    with workspace.open_history(source) as history, progress() as report:
        moment = as_of or default_cutoff(history)
        gates = check_gates(history, moment, what="", force=True, data_dir=workspace.data_dir, target=target.value)
        notes = [f"{'ALERT' if each['refuses'] else 'FLAG'}: {each['message']}" for each in gates]
        refuses = any(each["refuses"] for each in gates)
        try:
            found = monitor_champion(history, workspace.data_dir, target.value, as_of=moment, progress=report)
        except TrainingError as error:
            # Where a table is empty nobody can be scored; the gates say why.
            if not refuses:
                raise
            workspace.print({"gates": gates, "note": str(error)}, "\n".join([str(error), *notes]))
            raise typer.Exit(1) from error
    result = found.as_dict() | {"gates": gates}
    runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for band in result["matured"] or ():
        runs.setdefault((band["version"], band["as_of"]), []).append(band)
    for (version, _), bands in runs.items():
        model_store.keep_matured(workspace.data_dir, target.value, version, bands)
    if html is not None:
        html.write_text(found.as_html(workspace.language(language)), encoding="utf-8")
    workspace.print(result, "\n".join([found.as_text(), *notes]))
    raise typer.Exit(1 if found.alert or refuses else 0)
