"""The second half of the journey: from a model to answers, and whether they are still good."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from rapport.cli.options import (
    AsOf,
    Engine,
    EngineName,
    Home,
    Language,
    Master,
    OptionalAsOf,
    Target,
    TargetName,
    home_of,
)
from rapport.cli.terminal import (
    HistorySource,
    Json,
    SettingsPath,
    clear_up,
    now,
    opened,
    out,
    progress,
    settings_of,
    tell,
)
from rapport.errors import SettingsError
from rapport.history import Settings


def score(
    source: HistorySource,
    as_of: AsOf,
    target: Target = TargetName.churn,
    path: Annotated[
        str | None, typer.Option("--out", help=".parquet, .csv, .xlsx, a PostgreSQL URL, or a webhook's.")
    ] = None,
    reasons: Annotated[int, typer.Option(min=0, max=17, help="Reasons written for each customer.")] = 3,
    language: Language = None,
    engine: Engine = EngineName.duckdb,
    master: Master = "local[2]",
    due: Annotated[bool, typer.Option("--due", help="Score nothing: list who is due to be looked at again.")] = False,
    alerts: Annotated[bool, typer.Option("--alerts", help="Raise and send the alerts of this night (churn).")] = False,
    home: Home = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Score every customer with the champion, publish the snapshot that the service answers from, and export it."""
    from rapport.serving.alarm import alarm, channels_of
    from rapport.serving.exports import export, refuse_unless_known
    from rapport.serving.nightly import published_table, score_history

    chosen = settings_of(settings)
    place = home_of(home, chosen.home)
    if due:
        _list_due(place, target.value, as_of, path, chosen, as_json=as_json)
        return
    if engine is EngineName.spark:
        _score_by_spark(source, place, target.value, as_of, path, chosen, master)
        return
    secret = os.environ.get("RAPPORT_WEBHOOK_SECRET")
    if path is not None:
        refuse_unless_known(path, secret)
    clear_up(place, chosen)
    with opened(source, chosen) as history, progress() as report:
        night = score_history(history, place, target.value, as_of=as_of, now=now(), progress=report)
        notice = alarm(history, place, night, now=now(), channels=channels_of(place, os.environ)) if alerts else None
    if path is not None:
        export(published_table(night.scored, reasons=reasons, language=language or chosen.language), path, secret)
    count = len(night.scored)
    words = f"Scored {count:,} customers as of {as_of:%Y-%m-%d}" + (f"; wrote {path}." if path else ".")
    told: dict[str, Any] = {"rows": count, "as_of": as_of.isoformat(), "out": path}
    if otherwise := night.scored.bundle.says_otherwise(chosen):
        words += f"\n{otherwise}"
        told["note"] = otherwise
    if notice is not None:
        words += f"\nRaised {notice.raised:,} alerts, held back {notice.held_back:,}."
        told |= {"raised": notice.raised, "held_back": notice.held_back}
    tell(told, words, as_json=as_json)


def _list_due(home: Path, target: str, as_of: datetime, path: str | None, settings: Settings, *, as_json: bool) -> None:
    from rapport.scoring.playbook import playbook_of
    from rapport.serving.due import due_customers
    from rapport.serving.exports import export

    who = due_customers(home, target, as_of, playbook_of(settings).cadence)
    if path is not None:
        export(who, path)
    rows = who.to_pylist()
    lines = [f"{row['customer_id']}  {row['what']}  due {row['due_at']:%Y-%m-%d}" for row in rows[:50]]
    more = f"\n… and {len(rows) - 50:,} more; --out writes them all." if len(rows) > 50 else ""
    tell({"due": rows}, "\n".join(lines) + more or "Nobody is due.", as_json=as_json)


def _score_by_spark(
    source: str, home: Path, target: str, as_of: datetime, path: str | None, settings: Settings, master: str
) -> None:
    from rapport.scoring import shelf
    from rapport.scoring.spark import spark_score

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
    from rapport.serving.environment import read_environment
    from rapport.serving.run import serve as run

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
    language: Language = None,
    home: Home = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Compare today with the days the champion was trained on: drift, matured outcomes, is it still good."""
    from rapport.scoring import shelf
    from rapport.training import monitor as watch
    from rapport.training import newest_moment

    chosen = settings_of(settings)
    with opened(source, chosen) as history, progress() as report:
        moment, place = as_of or newest_moment(history), home_of(home, chosen.home)
        found = watch(history, place, target.value, as_of=moment, progress=report)
    told = found.as_dict()
    shelf.keep_matured(place, target.value, shelf.champion_version(place, target.value), told["matured"] or ())
    if html is not None:
        html.write_text(found.as_html(language or chosen.language), encoding="utf-8")
    tell(told, found.as_text(), as_json=as_json)
    raise typer.Exit(1 if found.alert else 0)
