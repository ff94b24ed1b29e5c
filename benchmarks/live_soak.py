"""Soak the live path: events at a rate, reads, workers killed and runs published meanwhile.

    python benchmarks/live_soak.py

Without a data folder it invents the demo company first, and soaks for 20 minutes: 50 events a second, a worker killed
every minute, a run published every four. Every accepted event must be in the next answer of its customer, and none
twice; at the end every answer must be the one that is computed here, without the service, from the stored rows and all
events.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from parts.processes import cpu_of, free_port
from parts.soak_client import Client, Disturber, ServerFigures, quantile

from rapport.history.settings import Settings
from rapport.scoring.actions.playbook import playbook_of
from rapport.serving.environment import read_environment
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.event_store import EventStore
from rapport.serving.live.overlay import LiveOverlay
from rapport.serving.run import running
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.portfolio_table import PortfolioTables

SENDERS = 64


class Traffic:
    """Senders that store events at a rate and read the answer of each, and one reader of other customers."""

    def __init__(self, url: str, ids: list[str], *, seconds: float, rate: float) -> None:
        self._url, self._ids, self._seconds, self._rate = url, ids, seconds, rate
        self._started, self._next, self._lock = time.monotonic(), 0, threading.Lock()
        self.accepted: dict[str, int] = {}
        self.receipts: list[float] = []
        self.fresh: list[float] = []
        self.problems: list[str] = []
        self.reads: list[float] = []

    def run(self) -> None:
        """Send until the time is over."""
        threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        threads.append(threading.Thread(target=self._read))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _take(self) -> tuple[int, float] | None:
        with self._lock:
            number, due = self._next, self._started + self._next / self._rate
            self._next += 1
        # A machine that is slower than the rate sends fewer events, not for longer.
        over = max(due, time.monotonic()) > self._started + self._seconds
        return None if over else (number, due)

    def _send(self) -> None:
        client, draw = Client(self._url), random.Random(self._next)
        while (taken := self._take()) is not None:
            number, due = taken
            time.sleep(max(0.0, due - time.monotonic()))
            customer = draw.choice(self._ids)
            now = datetime.now(UTC).isoformat()
            row = {"order_id": f"soak-{number}", "ordered_at": now, "amount": 10.0}
            event = {"customer_id": customer, "table": "orders", "event_id": f"soak-{number}", "row": row}
            client.post("/v1/events", {"events": [event]})
            # From the moment when the event was due, so that a slow server cannot hide what waits for it.
            self.receipts.append(time.monotonic() - due)
            with self._lock:
                self.accepted[customer] = at_least = self.accepted.get(customer, 0) + 1
            answer = client.post("/v1/score", {"customer_ids": [customer]})["answers"][0]
            self.fresh.append(time.monotonic() - due)
            if answer.get("live", {}).get("not_in_source", 0) < at_least:
                self.problems.append(f"{event['event_id']} is not in the next answer of {customer}")

    def _read(self) -> None:
        client, draw = Client(self._url), random.Random(2)
        while time.monotonic() < self._started + self._seconds:
            started = time.monotonic()
            client.post("/v1/score", {"customer_ids": draw.sample(self._ids, 5)})
            self.reads.append(time.monotonic() - started)
            time.sleep(0.1)


def publish(history: Path, data_dir: Path, number: int) -> None:
    """Publish another run of the same source, an hour after the last, with the priority that deploy/ gives it."""
    as_of = load_live_model(data_dir, "churn").snapshot.as_of + timedelta(hours=1)
    program = ["nice", "-n", "10", sys.executable, "-P", "-m", "rapport"]
    words = ["score", str(history), "--as-of", f"{as_of:%Y-%m-%dT%H:%M:%S}", "--data-dir", str(data_dir)]
    started = time.monotonic()
    subprocess.run([*program, *words], check=True, stdout=subprocess.DEVNULL)
    print(f"run {number} published after {time.monotonic() - started:.0f} s", file=sys.stderr)


def wait_until_idle(server: int) -> None:
    """Wait until all workers have loaded: the first answers while the others still read the model."""
    used = -1.0
    while cpu_of(server) > used + 0.1:
        used = cpu_of(server)
        time.sleep(1.0)


def wrong_answers(data_dir: Path, url: str, accepted: Mapping[str, int]) -> dict[str, Any]:
    """Compare the service's answers with those that are computed here, and the stored events with the accepted."""
    settings, store = Settings(), EventStore(data_dir)
    overlay = LiveOverlay(store, settings, DatabasePool(settings), PortfolioTables(settings, playbook_of(settings)))
    model = load_live_model(data_dir, "churn")
    ids, client, wrong, lost = sorted(accepted), Client(url), 0, 0
    stored = {one: len(events) for one, events in store.of(ids).items()}
    expected = overlay.scores(model, ids)
    for first in range(0, len(ids), 100):
        for answer in client.post("/v1/score", {"customer_ids": ids[first : first + 100]})["answers"]:
            live = expected[answer["customer_id"]]
            wrong += answer["probability"] != float(live.batch.probability[0])
            wrong += answer["health"]["score"] != live.portfolio_row["health_score"]
            lost += len(live.waiting) < accepted[answer["customer_id"]]
    twice = sum(max(0, stored[one] - accepted[one]) for one in ids)
    return {"stored": sum(stored.values()), "stored_twice": twice, "lost": lost, "wrong_answers": wrong}


def feed_lag(url: str) -> dict[str, Any]:
    """Return how far the change feed is behind once the traffic is over."""
    client, until = Client(url), time.monotonic() + 30
    while time.monotonic() < until:
        found: dict[str, Any] = client.get("/readyz")["live"]
        if found["events_behind"] == 0:
            break
        time.sleep(0.2)
    return found


def demo_company(folder: Path, customers: int) -> Path:
    """Invent a company, train and score it; return its data folder."""
    words = ["demo", "--once", "--customers", str(customers), "--data-dir", str(folder), "--port", str(free_port())]
    subprocess.run([sys.executable, "-P", "-m", "rapport", *words], check=True, stdout=subprocess.DEVNULL)
    return folder


def soak(data_dir: Path, history: Path | None, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the soak on a data folder with a published run, and return its figures."""
    model = load_live_model(data_dir, "churn")
    ids = [str(one) for one in model.snapshot.scored.customer_id[model.snapshot.scored.eligible]]
    environment = replace(
        read_environment(os.environ), data_dir=data_dir, keys=False, port=free_port(), workers=2,
        requests_per_minute=1_000_000,
    )  # fmt: skip
    with running(environment, os.environ, log=data_dir / "soak.log") as (url, process):
        wait_until_idle(process.pid)
        traffic = Traffic(url, ids, seconds=arguments.seconds, rate=arguments.rate)
        figures = ServerFigures(url, process.pid)
        disturber = Disturber(process.pid, arguments.kill_every)
        if history is not None and arguments.publish_every:
            disturber.also_every(arguments.publish_every, lambda number: publish(history, data_dir, number))
        with figures, disturber:
            traffic.run()
        accepted = sum(traffic.accepted.values())
        used, feed = figures.found(accepted), feed_lag(url)
        checked = wrong_answers(data_dir, url, traffic.accepted)
    missing = len(traffic.problems)
    return {
        "accepted": accepted, "rate": round(accepted / arguments.seconds, 1), "in_next_answer": accepted - missing,
        "not_in_next_answer": missing, **checked, "killed": disturber.killed, "published": disturber.done,
        "reads": len(traffic.reads),
        "receipt_p50_ms": quantile(traffic.receipts, 0.5), "receipt_p99_ms": quantile(traffic.receipts, 0.99),
        "fresh_p50_ms": quantile(traffic.fresh, 0.5), "fresh_p99_ms": quantile(traffic.fresh, 0.99),
        "fresh_within_2_s": round(sum(one <= 2.0 for one in traffic.fresh) / max(1, len(traffic.fresh)), 4),
        "read_p50_ms": quantile(traffic.reads, 0.5), "read_p99_ms": quantile(traffic.reads, 0.99),
        **used, "feed": feed,
    }  # fmt: skip


def main() -> None:
    """Run the soak on a given data folder, or on that of an invented company."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path, nargs="?", help="A data folder with a published run; it is written to.")
    parser.add_argument("--scale", choices=("small", "full"), default="full")
    parser.add_argument("--seconds", type=float, help="Default: 1200, small 60.")
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--kill-every", type=float, default=60.0, help="0: no worker is killed.")
    parser.add_argument("--history", type=Path, help="The source of the runs that are published meanwhile.")
    parser.add_argument("--publish-every", type=float, default=240.0, help="0: no run is published.")
    arguments = parser.parse_args()
    is_small = arguments.scale == "small"
    arguments.seconds = arguments.seconds or (60.0 if is_small else 1_200.0)
    with tempfile.TemporaryDirectory() as folder:
        data_dir, history = arguments.data_dir, arguments.history
        if data_dir is None:
            data_dir = demo_company(Path(folder) / "demo", 600 if is_small else 1_500)
            history = history or data_dir / "company"
        print(json.dumps(soak(data_dir, history, arguments), indent=1))


if __name__ == "__main__":
    main()
