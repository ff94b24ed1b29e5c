"""The stages of the journey, from a history to answers, each a few lines."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from history import Settings
from history.errors import SettingsError
from history.spans import parse_span
from rapport.terminal import (
    DATE_FORMATS,
    HistorySource,
    Json,
    SettingsPath,
    now,
    opened,
    out,
    progress,
    settings_of,
    tell,
    write_table,
)


class TargetName(StrEnum):
    """What can be predicted."""

    churn = "churn"
    conversion = "conversion"


class EngineName(StrEnum):
    """Where features are computed."""

    duckdb = "duckdb"
    spark = "spark"


Target = Annotated[TargetName, typer.Option("--target", help="What is predicted.")]
AsOf = Annotated[datetime, typer.Option("--as-of", formats=DATE_FORMATS, help="The past is strictly before this.")]
OptionalAsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=DATE_FORMATS, help="The past is strictly before this; by default the newest row."),
]
Horizon = Annotated[str | None, typer.Option("--horizon", help="How far ahead: 12mo, 180d.")]
Active = Annotated[
    str | None, typer.Option("--active", help="How recent an order makes a customer active: 12mo, 365d.")
]
Out = Annotated[Path, typer.Option("--out", help="The file to write, .parquet or .csv.")]
Home = Annotated[
    Path | None, typer.Option("--home", help="Folder of models and scores; by default that of the settings.")
]
Engine = Annotated[EngineName, typer.Option("--engine", help="Where it runs.")]
Master = Annotated[str, typer.Option("--master", help="The Spark master's URL.")]


def home_of(home: Path | None, settings_home: str) -> Path:
    """Return the folder of models and scores: the flag, else RAPPORT_HOME, else the settings."""
    return home or Path(os.environ.get("RAPPORT_HOME", settings_home))


def simulate(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write; the truth goes to OUT.truth.")],
    customers: Annotated[int, typer.Option(min=10, help="How many customers.")] = 2000,
    years: Annotated[int, typer.Option(min=2, max=12, help="How many years of history.")] = 4,
    seed: Annotated[int, typer.Option(help="The same seed gives the same company.")] = 7,
    as_json: Json = False,
) -> None:
    """Invent a company: twelve tables, and beside them the truth that no model may see."""
    from history.simulate import simulate as invent

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
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Say what was read, what was refused, what can be trained, and what more is needed."""
    from history.check import check_history

    chosen = settings_of(settings)
    with opened(source, chosen) as history:
        if leaks:
            from features.leaks import check_leaks

            with progress() as report:
                found = check_leaks(history, active=parse_span(chosen.active), progress=report)
            tell(found.as_dict(), found.as_text(), as_json=as_json)
            raise typer.Exit(0 if found.clean else 1)
        report_ = check_history(history, as_of)
        if rejected is not None:
            write_table(history.rejected.rows, rejected)
        if html is not None:
            html.write_text(report_.as_html(chosen.language), encoding="utf-8")
        tell(report_.as_dict(), report_.as_text(), as_json=as_json)


def map_names(source: HistorySource, settings: SettingsPath = None, as_json: Json = False) -> None:
    """Propose how a company's own tables and columns fit the contract, as TOML for rapport.toml."""
    from history.mapping import propose_mapping

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
    from features import catalog, snapshot, vocabulary_of

    chosen = settings_of(settings)
    span = parse_span(active or chosen.active)
    if engine is EngineName.spark:
        from features.spark import spark_features

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
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Fit a model, judge it out of time beside the card and the rules of thumb, and keep it in MLflow."""
    from training import newest_moment, record
    from training import train as fit

    chosen = settings_of(settings)
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
        kept = record(trained, home=home_of(home, chosen.home), environ=os.environ, now=now())
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
    from training import backtest as predict

    chosen = settings_of(settings)
    spans = {"horizon": parse_span(horizon or chosen.horizon), "active": parse_span(active or chosen.active)}
    with opened(source, chosen) as history, progress() as report:
        predictions = predict(history, target.value, cutoff=cutoff, progress=report, **spans)
    write_table(predictions, path)
    words = f"Wrote the predictions of {predictions.num_rows:,} customers to {path}."
    tell({"rows": predictions.num_rows, "out": str(path)}, words, as_json=as_json)


def score(
    source: HistorySource,
    as_of: AsOf,
    target: Target = TargetName.churn,
    path: Annotated[str | None, typer.Option("--out", help=".parquet, .csv, .xlsx or a PostgreSQL URL.")] = None,
    reasons: Annotated[int, typer.Option(min=0, max=17, help="Reasons written for each customer.")] = 3,
    language: Annotated[str | None, typer.Option(help="en or zh; by default that of the settings.")] = None,
    engine: Engine = EngineName.duckdb,
    master: Master = "local[2]",
    alerts: Annotated[bool, typer.Option("--alerts", help="Raise and send the alerts of this night (churn).")] = False,
    home: Home = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Score every customer with the champion, publish the snapshot that the service answers from, and export it."""
    from serving.alarm import alarm, channels_of
    from serving.exports import export
    from serving.nightly import published_table, score_history

    chosen = settings_of(settings)
    place = home_of(home, chosen.home)
    if engine is EngineName.spark:
        _score_by_spark(source, place, target.value, as_of, path, chosen, master)
        return
    with opened(source, chosen) as history, progress() as report:
        night = score_history(history, place, target.value, as_of=as_of, now=now(), progress=report)
        notice = alarm(history, place, night, now=now(), channels=channels_of(place, os.environ)) if alerts else None
    if path is not None:
        export(published_table(night.scored, reasons=reasons, language=language or chosen.language), path)
    count = len(night.scored)
    words = f"Scored {count:,} customers as of {as_of:%Y-%m-%d}" + (f"; wrote {path}." if path else ".")
    told: dict[str, Any] = {"rows": count, "as_of": as_of.isoformat(), "out": path}
    if notice is not None:
        words += f"\nRaised {notice.raised:,} alerts, held back {notice.held_back:,}."
        told |= {"raised": notice.raised, "held_back": notice.held_back}
    tell(told, words, as_json=as_json)


def _score_by_spark(
    source: str, home: Path, target: str, as_of: datetime, path: str | None, settings: Settings, master: str
) -> None:
    from scoring import shelf
    from scoring.spark import spark_score

    if path is None:
        raise SettingsError("With --engine spark, name the folder to write with --out.")
    champion = shelf.champion(home, target)
    with progress() as report:
        rows = spark_score(source, champion, path, as_of=as_of, settings=settings, master=master, progress=report)
    out.print(f"Scored {rows:,} customers to {path} by Spark.", markup=False)


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The port.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one for each core.")] = None,
    keys: Annotated[
        bool | None, typer.Option("--keys/--no-keys", help="Ask for API keys (off only on loopback).")
    ] = None,
    home: Home = None,
    settings: SettingsPath = None,
) -> None:
    """Answer over HTTP, with the console at /."""
    from serving.environment import read_environment
    from serving.run import serve as run

    environment = read_environment(os.environ)
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "workers": workers,
        "keys": keys,
        "home": home,
        "settings": settings,
    }
    environment = replace(environment, **{name: value for name, value in given.items() if value is not None})
    run(environment, os.environ, lambda message: out.print(message, markup=False))


def monitor(
    source: HistorySource,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page.")] = None,
    home: Home = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Compare today with the days the champion was trained on: drift, matured outcomes, is it still good."""
    from training import monitor as watch
    from training import newest_moment

    chosen = settings_of(settings)
    with opened(source, chosen) as history, progress() as report:
        moment = as_of or newest_moment(history)
        found = watch(history, home_of(home, chosen.home), target.value, as_of=moment, progress=report)
    if html is not None:
        html.write_text(found.as_html(), encoding="utf-8")
    tell(found.as_dict(), found.as_text(), as_json=as_json)
    raise typer.Exit(1 if found.alert else 0)
