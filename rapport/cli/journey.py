"""The first half of the journey: from a history to a model."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from rapport.cli.options import (
    Active,
    AsOf,
    Engine,
    EngineName,
    Home,
    Horizon,
    Language,
    Master,
    OptionalAsOf,
    Out,
    Target,
    TargetName,
    home_of,
)
from rapport.cli.terminal import (
    DATE_FORMATS,
    HistorySource,
    Json,
    SettingsPath,
    clear_up,
    now,
    opened,
    progress,
    settings_of,
    tell,
    write_table,
)
from rapport.durations import parse_span


def simulate(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write; the truth goes to OUT.truth.")],
    customers: Annotated[int, typer.Option(min=10, help="How many customers.")] = 2000,
    years: Annotated[int, typer.Option(min=2, max=12, help="How many years of history.")] = 4,
    seed: Annotated[int, typer.Option(help="The same seed gives the same company.")] = 7,
    as_json: Json = False,
) -> None:
    """Invent a company: twelve tables, and beside them the truth that no model may see."""
    from rapport.history.simulate import simulate as invent

    with progress() as report:
        invent(folder, customers, years, seed, progress=report)
    tell(
        {"history": str(folder), "truth": f"{folder}.truth"},
        f"Wrote {folder} and its truth {folder}.truth.",
        as_json=as_json,
    )


def check(
    source: HistorySource,
    leaks: Annotated[
        bool, typer.Option("--leaks", help="Plant rows of the future and count the cells they change.")
    ] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page that works offline.")] = None,
    rejected: Annotated[Path | None, typer.Option("--rejected", help="Write the refused rows, with reasons.")] = None,
    as_of: OptionalAsOf = None,
    language: Language = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Say what was read, what was refused, what can be trained, and what more is needed."""
    from rapport.history.check import check_history

    chosen = settings_of(settings)
    with opened(source, chosen) as history:
        if leaks:
            from rapport.features.leaks import check_leaks

            with progress() as report:
                found = check_leaks(history, active=parse_span(chosen.active), progress=report)
            tell(found.as_dict(), found.as_text(), as_json=as_json)
            raise typer.Exit(0 if found.clean else 1)
        report_ = check_history(history, as_of)
        if rejected is not None:
            write_table(history.rejected.rows, rejected)
        if html is not None:
            html.write_text(report_.as_html(language or chosen.language), encoding="utf-8")
        tell(report_.as_dict(), report_.as_text(), as_json=as_json)


def map_names(source: HistorySource, settings: SettingsPath = None, as_json: Json = False) -> None:
    """Propose how a company's own tables and columns fit the contract, as TOML for rapport.toml."""
    from rapport.history.mapping import propose_mapping

    proposal = propose_mapping(source, settings_of(settings))
    tell(proposal.as_dict(), proposal.as_toml(), as_json=as_json)


def features(
    source: HistorySource,
    as_of: AsOf,
    path: Out,
    active: Active = None,
    engine: Engine = EngineName.duckdb,
    master: Master = "local[2]",
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Write the features of every customer known at a date."""
    from rapport.features import catalog, snapshot, vocabulary_of

    chosen = settings_of(settings)
    span = parse_span(active or chosen.active)
    if engine is EngineName.spark:
        from rapport.features.spark import spark_features

        with progress() as report:
            rows = spark_features(
                source, path, as_of=as_of, active=span, settings=chosen, master=master, progress=report
            )
        tell({"rows": rows, "out": str(path)}, f"Wrote {rows:,} customers to {path} by Spark.", as_json=as_json)
        return
    with opened(source, chosen) as history, progress() as report:
        report("computing features", 0.2)
        table = snapshot(history, as_of, catalog(vocabulary_of(history, as_of)), active=span)
        write_table(table, path)
    words = f"Wrote {table.num_rows:,} customers × {table.num_columns - 2} features to {path}."
    tell({"rows": table.num_rows, "features": table.num_columns - 2, "out": str(path)}, words, as_json=as_json)


def train(
    source: HistorySource,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    horizon: Horizon = None,
    active: Active = None,
    home: Home = None,
    search: Annotated[
        int, typer.Option("--search", min=0, help="Trials of parameter search (Optuna); 0 for none.")
    ] = 0,
    language: Language = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Fit a model, judge it out of time beside the card and the rules of thumb, and keep it in MLflow."""
    from rapport.training import newest_moment, record
    from rapport.training import train as fit

    chosen = settings_of(settings)
    clear_up(home_of(home, chosen.home), chosen)
    with opened(source, chosen) as history, progress() as report:
        trained = fit(
            history,
            target.value,
            as_of=as_of or newest_moment(history),
            horizon=parse_span(horizon or chosen.horizon),
            active=parse_span(active or chosen.active),
            search=search,
            progress=report,
        )
        place = home_of(home, chosen.home)
        kept = record(trained, home=place, environ=os.environ, now=now(), language=language, progress=report)
    tell(trained.as_dict() | kept.as_dict(), f"{trained.as_text()}\n{kept.as_text()}", as_json=as_json)


def backtest(
    source: HistorySource,
    cutoff: Annotated[datetime, typer.Option("--cutoff", formats=DATE_FORMATS, help="Train on what was known then.")],
    path: Out,
    target: Target = TargetName.churn,
    horizon: Horizon = None,
    active: Active = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Train on what was known at a cutoff and predict from there: the honest trial on past data."""
    from rapport.training import backtest as predict

    chosen = settings_of(settings)
    spans = {"horizon": parse_span(horizon or chosen.horizon), "active": parse_span(active or chosen.active)}
    with opened(source, chosen) as history, progress() as report:
        predictions = predict(history, target.value, cutoff=cutoff, progress=report, **spans)
    write_table(predictions, path)
    words = f"Wrote the predictions of {predictions.num_rows:,} customers to {path}."
    tell({"rows": predictions.num_rows, "out": str(path)}, words, as_json=as_json)
