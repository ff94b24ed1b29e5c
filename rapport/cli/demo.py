"""``rapport demo``: every stage on an invented company, ending with the running service and console."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.inputs import current_time
from rapport.cli.terminal import out, progress
from rapport.durations import Duration, parse_duration
from rapport.history import Settings

if TYPE_CHECKING:
    from rapport.history import History

TARGETS = ("churn", "conversion")
MONTHS = 6
"""How many month starts are scored, beside a week ago, so that the console can show score histories and movers."""

DataDir = Annotated[Path, typer.Option("--data-dir", help="Where the invented company, its models and scores go.")]
Customers = Annotated[int, typer.Option(min=300, help="How many customers to invent.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")]
Once = Annotated[bool, typer.Option("--once", help="Send one request, print the answer and stop; for CI.")]


def demo(
    data_dir: DataDir = Path("rapport-data/demo"), customers: Customers = 1500, port: Port = 3000, once: Once = False
) -> None:
    """Invent a company, train both targets, score it, and serve it with the console."""
    started = time.monotonic()
    settings = Settings(data_dir=str(data_dir), active_window="12mo", horizon="12mo", currency="CNY")
    marker = data_dir / "demo.json"
    if not marker.exists():
        _prepare(data_dir, customers, settings)
        marker.write_text(json.dumps({"customers": customers}), encoding="utf-8")
    out.print(f"Ready after {time.monotonic() - started:.0f} s.")
    _serve(data_dir, port, once=once)


def _prepare(data_dir: Path, customers: int, settings: Settings) -> None:
    from rapport.history import read_history
    from rapport.history.simulate import simulate

    history_folder = data_dir / "company"
    with progress() as report:
        simulate(history_folder, customers, 4, 7, progress=report)
    out.print(f"1. Invented a company of {customers:,} customers in {history_folder}.")
    with read_history(history_folder, settings) as history:
        for step, target in enumerate(TARGETS, start=2):
            out.print(f"{step}. {_train(history, target, data_dir, parse_duration(settings.horizon))}", markup=False)
        out.print(f"4. {_score(history, data_dir)}")


def _train(history: History, target: str, data_dir: Path, window: Duration) -> str:
    from rapport.training import default_cutoff, register, train

    with progress() as report:
        trained = train(
            history, target, as_of=default_cutoff(history), horizon=window, active=window, search=0, progress=report
        )
        register(trained, data_dir=data_dir, environ=os.environ, now=current_time())
    return f"Trained {target}.\n{trained.as_text()}"


def _score(history: History, data_dir: Path) -> str:
    from rapport.serving.jobs.alert_job import run_alert_job
    from rapport.serving.snapshots.scoring_run import run_scoring
    from rapport.training import default_cutoff

    newest = default_cutoff(history)
    cutoffs = sorted([*(Duration(months=n).before(newest) for n in range(MONTHS)), Duration(days=7).before(newest)])
    with progress() as report:
        for target in TARGETS:
            for cutoff in cutoffs:
                run = run_scoring(history, data_dir, target, as_of=cutoff, now=current_time(), progress=report)
            if target == TARGETS[0]:
                alerts = run_alert_job(history, data_dir, run, now=current_time())
    return (
        f"Scored {len(run.scored):,} customers at {len(cutoffs)} dates up to {newest:%Y-%m-%d}; "
        f"raised {alerts.raised:,} alerts."
    )


def _serve(data_dir: Path, port: int, *, once: bool) -> None:
    from rapport.serving.environment import read_environment
    from rapport.serving.run import prepared, running, serve

    settings_file = data_dir / "rapport.toml"
    if not settings_file.exists():
        settings_file.write_text(f'data_dir = "{data_dir.as_posix()}"\n', encoding="utf-8")
    environment = read_environment(os.environ).model_copy(
        update={"data_dir": data_dir, "settings": settings_file, "port": port, "host": "127.0.0.1", "keys": False}
    )
    customer = _riskiest_customer(data_dir)
    body = json.dumps({"customer_ids": [customer], "target": "churn", "reasons": 3})
    url = f"http://127.0.0.1:{port}"
    out.print(f"5. Open {url}/ for the console, {url}/openapi.json for the API. Try:", markup=False)
    out.print(f"   curl -s {url}/v1/score -H 'Content-Type: application/json' -d '{body}'", markup=False)
    if not once:
        serve(environment, os.environ, lambda message: out.print(message, markup=False))
        return
    environment = prepared(environment, lambda message: out.print(message, markup=False))
    with running(environment, os.environ) as (address, _):
        out.print(json.dumps(_post(f"{address}/v1/score", body), indent=1, ensure_ascii=False), markup=False)


def _post(url: str, body: str) -> Any:
    import urllib.request

    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _riskiest_customer(data_dir: Path) -> str:
    """Return the id of the customer with the highest churn probability, for the example request."""
    import numpy as np

    from rapport.serving.snapshots.live_model import load_live_model

    live_model = load_live_model(data_dir, "churn")
    scored = live_model.snapshot.scored
    return str(scored.customer_id[int(np.nanargmax(scored.probability))])
