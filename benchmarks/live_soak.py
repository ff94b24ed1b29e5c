"""Soak the live path: events at a rate, workers killed and runs published meanwhile; every event must be answered.

For each accepted event an order of one customer is stored; at the end every customer's answer must be the one of its
stored rows and all its events, computed here without the service.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import time
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rapport.history.settings import Settings
from rapport.serving.environment import read_environment
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.event_store import EventStore
from rapport.serving.live.overlay import LiveOverlay
from rapport.serving.run import running
from rapport.serving.snapshots.live_model import load_live_model


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Post JSON, and try again while a worker is away; the event's id makes a retry safe."""
    data = json.dumps(body).encode()
    for _ in range(50):
        request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                found: dict[str, Any] = json.loads(response.read())
                return found
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"{url}: no answer")


def children(parent: int) -> list[int]:
    """Return the processes that a process started."""
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8")
    return [int(one) for one in text.split()]


def soak(url: str, server: int, ids: list[str], *, seconds: float, rate: float, kill_every: float) -> dict[str, Any]:
    """Send events, read the answer of each, and kill a worker from time to time."""
    draw, started, accepted, fresh = random.Random(1), time.monotonic(), 0, []
    killed = next_kill = 0
    while (now := time.monotonic() - started) < seconds:
        customer = draw.choice(ids)
        row = {"order_id": f"soak-{accepted}", "ordered_at": datetime.now(UTC).isoformat(), "amount": 10.0}
        sent = time.monotonic()
        event = {"customer_id": customer, "table": "orders", "event_id": f"soak-{accepted}", "row": row}
        post(f"{url}/v1/events", {"events": [event]})
        answer = post(f"{url}/v1/score", {"customer_ids": [customer]})["answers"][0]
        fresh.append(time.monotonic() - sent)
        assert answer["live"]["not_in_source"] >= 1, "the accepted event is not in the answer"
        accepted += 1
        if kill_every and now > (next_kill + 1) * kill_every:
            next_kill += 1
            workers = children(server)
            if workers:
                os.kill(workers[-1], signal.SIGKILL)
                killed += 1
        time.sleep(max(0.0, accepted / rate - (time.monotonic() - started)))
    return {
        "accepted": accepted, "killed": killed, "p50_ms": statistics.median(fresh) * 1000,
        "p99_ms": statistics.quantiles(fresh, n=100)[98] * 1000, "rate": accepted / seconds,
    }  # fmt: skip


def main() -> None:
    """Run the soak on a copy of a data folder with a published run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path, help="A data folder with a published churn run; it is written to.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--kill-every", type=float, default=20.0)
    arguments = parser.parse_args()
    model = load_live_model(arguments.data_dir, "churn")
    ids = [str(one) for one in model.snapshot.scored.customer_id[model.snapshot.scored.eligible]]
    environment = replace(
        read_environment(os.environ), data_dir=arguments.data_dir, keys=False, port=3977, workers=2,
        requests_per_minute=1_000_000,
    )  # fmt: skip
    with running(environment, os.environ, log=arguments.data_dir / "soak.log") as (url, process):
        found = soak(
            url, process.pid, ids, seconds=arguments.seconds, rate=arguments.rate, kill_every=arguments.kill_every
        )
        overlay = LiveOverlay(EventStore(arguments.data_dir), Settings(), DatabasePool(Settings()))
        expected = overlay.scores(model, ids)
        wrong = 0
        for first in range(0, len(ids), 500):
            answers = post(f"{url}/v1/score", {"customer_ids": ids[first : first + 500]})["answers"]
            for answer in answers:
                live = expected.get(answer["customer_id"])
                wrong += live is not None and answer["probability"] != float(live.batch.probability[0])
        stored = sum(len(each) for each in overlay.store.of(ids).values())
        lag = json.loads(urllib.request.urlopen(f"{url}/readyz").read())["live"]
    print(json.dumps(found | {"stored": stored, "wrong_answers": wrong, "feed": lag}, indent=1))


if __name__ == "__main__":
    main()
