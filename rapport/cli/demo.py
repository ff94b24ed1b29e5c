"""``rapport demo``: the whole journey on an invented company, ending with the service and the console answering."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.terminal import now, out, progress
from rapport.durations import Span, parse_span
from rapport.history import Settings

if TYPE_CHECKING:
    from rapport.history import History

TARGETS = ("churn", "conversion")
NIGHTS = 6
"""How many month starts are scored, and a week ago, so that the console has lines and movers over time."""

Folder = Annotated[Path, typer.Option("--home", help="Where the invented company, its models and scores go.")]
Customers = Annotated[int, typer.Option(min=300, help="How many customers to invent.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="The port to answer on.")]
Once = Annotated[bool, typer.Option("--once", help="Ask one question, show the answer and end; for trying in CI.")]


def demo(
    folder: Folder = Path("rapport-data/demo"), customers: Customers = 1500, port: Port = 3000, once: Once = False
) -> None:
    """Invent a company, train both targets, score it, and serve it with the console."""
    begun = time.monotonic()
    settings = Settings(home=str(folder), active="12mo", horizon="12mo")
    mark = folder / "demo.json"
    if not mark.exists():
        _prepare(folder, customers, settings)
        mark.write_text(json.dumps({"customers": customers}), encoding="utf-8")
    out.print(f"Ready after {time.monotonic() - begun:.0f} s.")
    _serve(folder, port, once=once)


def _prepare(folder: Path, customers: int, settings: Settings) -> None:
    from rapport.history import read_history
    from rapport.history.simulate import simulate

    history_folder = folder / "company"
    with progress() as report:
        simulate(history_folder, customers, 4, 7, progress=report)
    out.print(f"1. Invented a company of {customers:,} customers in {history_folder}.")
    with read_history(history_folder, settings) as history:
        for step, target in enumerate(TARGETS, start=2):
            out.print(f"{step}. {_train(history, target, folder, parse_span(settings.horizon))}", markup=False)
        out.print(f"4. {_score(history, folder)}")


def _train(history: History, target: str, folder: Path, span: Span) -> str:
    from rapport.training import newest_moment, record, train

    horizon = span if target == "churn" else parse_span("6mo")
    with progress() as report:
        trained = train(
            history, target, as_of=newest_moment(history), horizon=horizon, active=span, search=0, progress=report
        )
        record(trained, home=folder, environ=os.environ, now=now())
    return f"Trained {target}.\n{trained.as_text()}"


def _score(history: History, folder: Path) -> str:
    from rapport.serving.nightly import score_history
    from rapport.training import newest_moment

    newest = newest_moment(history)
    months = sorted([*(Span(months=back).before(newest) for back in range(NIGHTS)), Span(days=7).before(newest)])
    with progress() as report:
        for target in TARGETS:
            for month in months:
                night = score_history(history, folder, target, as_of=month, now=now(), progress=report)
    return f"Scored {len(night.scored):,} customers on {len(months)} nights up to {newest:%Y-%m-%d}."


def _serve(folder: Path, port: int, *, once: bool) -> None:
    from rapport.serving.environment import read_environment
    from rapport.serving.run import prepared, running, serve

    settings_file = folder / "rapport.toml"
    if not settings_file.exists():
        settings_file.write_text(f'home = "{folder.as_posix()}"\n', encoding="utf-8")
    environment = replace(
        read_environment(os.environ), home=folder, settings=settings_file, port=port, host="127.0.0.1"
    )
    environment = replace(environment, keys=False)
    customer = _someone(folder)
    body = json.dumps({"customer_ids": [customer], "target": "churn", "reasons": 3})
    url = f"http://127.0.0.1:{port}"
    out.print(f"5. Open {url}/ for the console, {url}/openapi.json for the API. Try:", markup=False)
    out.print(f"   curl -s {url}/v1/score -H 'Content-Type: application/json' -d '{body}'", markup=False)
    if not once:
        serve(environment, os.environ, lambda message: out.print(message, markup=False))
        return
    environment = prepared(environment, lambda message: out.print(message, markup=False))
    with running(environment, os.environ) as (address, _):
        out.print(json.dumps(_ask(f"{address}/v1/score", body), indent=1, ensure_ascii=False), markup=False)


def _ask(url: str, body: str) -> Any:
    import urllib.request

    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _someone(folder: Path) -> str:
    """Return the id of the customer most at risk, to be asked about."""
    import numpy as np

    from rapport.serving.current import load

    current = load(folder, "churn")
    scored = current.night.scored
    return str(scored.customer_id[int(np.nanargmax(scored.probability))])
