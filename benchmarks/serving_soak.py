"""Hold every answer to its model through minutes of load, promotions, swapped nights and killed workers.

    python benchmarks/serving_soak.py --minutes 30

Every answer, reasons and words included, is held to what its model version says of that customer, computed beforehand
in this process. Before a worker is killed it is stopped, and the connections that it holds are written down: a request
may fail only when it was sent before the kill over one of those. The other worker is never killed, so that its memory
is that of the whole run.
"""

import argparse
import json
import os
import random
import select
import signal
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from parts.processes import connections_at, free_port, memory_of, state_of, workers_of
from parts.served import AS_OF, Lesson, body_of

from rapport.history import Settings, read_history
from rapport.history.simulate import simulate
from rapport.scoring import build_answers
from rapport.scoring.models import model_store
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.scorer import Scorer
from rapport.serving.environment import Environment
from rapport.serving.run import prepared, running
from rapport.serving.snapshots.scoring_run import run_scoring

REASONS = 5
KINDS = {"score": 50, "bulk": 5, "customer": 15, "what_if": 15, "score_history": 8, "customers": 3, "feedback": 4}
SETTLED_MINUTES = 10
RECONNECTS = 0.05

Truth = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Failure:
    """A request without an answer: when it was sent, over which of our ports, and what came instead."""

    sent: float
    port: int
    reason: str


@dataclass(frozen=True)
class Kill:
    """When a worker was gone, and the callers' ports whose connections it held."""

    at: float
    ports: frozenset[int]


def _in_flight(failure: Failure, kill: Kill) -> bool:
    return kill.at - 60 < failure.sent < kill.at and failure.port in kill.ports


@dataclass
class Seen:
    """What the callers saw."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    kills: list[Kill] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)

    @property
    def stray(self) -> list[Failure]:
        """Give the failures that no kill explains."""
        return [one for one in self.failed if not any(_in_flight(one, kill) for kill in self.kills)]

    def nearest(self, failure: Failure) -> str:
        """Say how a failure stands to the kill nearest to it."""
        kill = min(self.kills, key=lambda kill: abs(kill.at - failure.sent))
        return (
            f"{failure.reason} sent {failure.sent - kill.at:+.3f} s from a kill, its own: {failure.port in kill.ports}"
        )


def main() -> None:
    """Run the soak and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=("small", "full"), default="full")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--pause-ms", type=float, default=0.0, help="what each caller waits between two questions")
    said = parser.parse_args()
    said.minutes = said.minutes or {"small": 1.0, "full": 30.0}[said.scale]
    with tempfile.TemporaryDirectory(prefix="rapport-soak-") as folder:
        home, truth, histories = prepare(Path(folder), said.customers)
        environment = Environment(
            data_dir=home, port=free_port(), workers=2, keys=False, reload_seconds=1.0, requests_per_minute=10**9
        )
        with running(prepared(environment, lambda _: None), os.environ, Path(folder) / "log") as (_, process):
            soak(Path(folder), environment.port, process.pid, Asking(truth, histories), said)


def prepare(folder: Path, customers: int) -> tuple[Path, Truth, dict[str, dict[str, Any]]]:
    """Publish two models and score a night; return what each says of each customer, and some histories as bodies."""
    simulate(folder / "history", customers, 3, 7)
    home, truth = folder / "home", {}
    with read_history(folder / "history", Settings()) as history:
        lesson = Lesson.of(history, [datetime(2025, 11, 1)])  # noqa: DTZ001  # on the company's clock
        for version, trees in (("1", 100), ("2", 60)):
            bundle = lesson.bundle(version, lesson.booster(trees))
            model_store.publish(bundle.save(folder / f"bundle-{version}"), home, "churn", version)
            model_store.set_champion(home, "churn", version, datetime.current(UTC))
            snapshot = _night(folder, history=history)
            truth[version] = _said(Scorer(bundle).score(snapshot.run.table("features"), AS_OF))
        some = sorted(truth["1"])[:: max(1, len(truth["1"]) // 40)]
        histories = {one: body_of(history, one) for one in some}
    return home, truth, histories


def _said(scored: ScoreBatch) -> dict[str, Any]:
    """Return every answer as a reader of JSON sees it."""
    answers = [answer.as_dict() for answer in build_answers(scored, REASONS, "en") if answer.probability is not None]
    return {answer["customer_id"]: json.loads(json.dumps(answer)) for answer in answers}


def soak(folder: Path, port: int, pid: int, asking: "Asking", said: argparse.Namespace) -> None:
    """Ask, promote, swap and kill until the time is over; print a line a minute."""
    seen, ended = Seen(), threading.Event()
    pause = said.pause_ms / 1000
    callers = [
        threading.Thread(target=_call, args=(port, asking, seen, lambda: ended.wait(pause), seed), daemon=True)
        for seed in range(said.callers)
    ]
    for caller in callers:
        caller.start()
    begun, turn, elder = time.monotonic(), 0, min(workers_of(pid))
    print(
        f"{'min':>5s}{'answers':>10s}{'wrong':>7s}{'failed':>8s}{'stray':>7s}{'kills':>7s}{'elder MB':>10s}  versions"
    )
    while time.monotonic() - begun < said.minutes * 60:
        turn += 1
        model_store.set_champion(folder / "home", "churn", "12"[turn % 2], datetime.current(UTC))
        # Now and then a worker dies while it takes the new model up.
        time.sleep(2 if turn % 3 == 0 else 20)
        seen.kills += [_kill(pid, elder, port)]
        time.sleep(20)
        _night(folder)
        time.sleep(38 if turn % 3 == 0 else 20)
        minutes = (time.monotonic() - begun) / 60
        seen.memory.append((minutes, memory_of(elder)))
        counts = f"{len(seen.wrong):7d}{len(seen.failed):8d}{len(seen.stray):7d}{len(seen.kills):7d}"
        line = f"{minutes:5.1f}{sum(seen.right.values()):10d}{counts}{seen.memory[-1][1]:10.1f}  {dict(seen.versions)}"
        print(line, *seen.wrong[:1], *map(seen.nearest, seen.stray[:1]), flush=True)
    ended.set()
    for caller in callers:
        caller.join(30)
    _judge(seen)


def _judge(seen: Seen) -> None:
    print(f"right {dict(seen.right)}; wrong {len(seen.wrong)} {seen.wrong[:3]}")
    print(f"failed {len(seen.failed)} in {len(seen.kills)} kills {dict(Counter(one.reason for one in seen.failed))}; "
          f"not in flight on the killed worker: {len(seen.stray)} {list(map(seen.nearest, seen.stray))}")  # fmt: skip
    settled = [pair for pair in seen.memory if pair[0] > SETTLED_MINUTES]
    growth = statistics.linear_regression(*zip(*settled, strict=True)).slope if len(settled) > 2 else 0.0
    print(f"memory of the worker that lived through it all: {seen.memory[0][1]:.0f} → {seen.memory[-1][1]:.0f} MB; "
          f"after minute {SETTLED_MINUTES}: {growth:+.2f} MB a minute")  # fmt: skip
    raise SystemExit(1 if seen.wrong or seen.stray else 0)


class Asking:
    """Questions, and whether their answers are right."""

    def __init__(self, truth: Truth, histories: dict[str, dict[str, Any]]) -> None:
        self._truth, self._histories = truth, histories
        self._ids = sorted(truth["1"])

    def question(self, choose: random.Random) -> tuple[str, list[str], dict[str, Any]]:
        """Draw an address, the customers it is about, and its body."""
        kind = choose.choices(list(KINDS), list(KINDS.values()))[0]
        many = choose.sample(self._ids, min(len(self._ids), 200))
        one = choose.choice(sorted(self._histories)) if kind == "score_history" else many[0]
        body: dict[str, Any] = {
            "score": {"customer_ids": [one], "reasons": REASONS},
            "bulk": {"customer_ids": many, "reasons": REASONS},
            "customer": {"customer_id": one},
            "what_if": {"customer_id": one, "changes": {"tickets_open": 0}, "reasons": REASONS},
            "score_history": {"as_of": AS_OF.isoformat(), "histories": [self._histories.get(one)], "reasons": REASONS},
            "customers": {"limit": 1000},
            "feedback": {"customer_id": one, "verdict": "right"},
        }[kind]
        return kind, many if kind == "bulk" else [one], body

    def wrong(self, kind: str, ids: list[str], body: dict[str, Any], seen: Seen) -> str:
        """Say what is wrong with an answer of status 200; empty when nothing is."""
        if kind == "feedback":
            return "" if body["customer_id"] == ids[0] else f"feedback for {body['customer_id']}"
        if kind == "customers":
            return self._wrong_list(body)
        if kind == "customer":
            [answer] = body["answers"]
            told = self._truth[answer["model"]["version"]][ids[0]]
            return "" if answer["probability"] == told["probability"] else f"{ids} {answer['probability']}"
        answers = [body["before"]] if kind == "what_if" else body["answers"]
        versions = {answer["model"]["version"] for answer in answers}
        version = next(iter(versions))
        seen.versions[version] += 1
        right = len(versions) == 1 and answers == [self._truth[version][one] for one in ids]
        return "" if right else f"{ids[:2]} of {versions}"

    def _wrong_list(self, body: dict[str, Any]) -> str:
        found = {row["customer_id"]: row["probability"] for row in body["customers"]}
        said = [{one: answer["probability"] for one, answer in every.items()} for every in self._truth.values()]
        return "" if found in said else "the list is that of no one model"


def _call(port: int, asking: Asking, seen: Seen, ended: Callable[[], bool], seed: int) -> None:
    choose, connection = random.Random(seed), _connected(port)
    while not ended():
        kind, ids, body = asking.task(choose)
        # What every client library does before it sends: a connection that was closed meanwhile is not used again.
        # A new one now and then reaches the other worker: whoever accepts a connection keeps it.
        if select.select([connection.sock], [], [], 0)[0] or choose.random() < RECONNECTS:
            connection.close()
            connection = _connected(port)
        ours, sent = connection.sock.getsockname()[1], time.monotonic()
        try:
            path = "score" if kind == "bulk" else kind
            connection.request("POST", f"/v1/{path}", json.dumps(body), {"content-type": "application/json"})
            response = connection.getresponse()
            status, answer = response.status, json.loads(response.read())
        except (OSError, HTTPException) as error:
            seen.failed.append(Failure(sent, ours, type(error).__name__))
            connection.close()
            connection = _connected(port)
            continue
        fault = asking.wrong(kind, ids, answer, seen) if status == 200 else f"{status} {answer}"
        if fault:
            seen.wrong.append(f"{kind}: {fault}")
        else:
            seen.right[kind] += 1


def _connected(port: int) -> HTTPConnection:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    return connection


def _kill(pid: int, elder: int, port: int) -> Kill:
    victim = next(one for one in workers_of(pid) if one != elder)
    os.kill(victim, signal.SIGSTOP)
    while state_of(victim) != "T":
        time.sleep(0.0005)
    held = {int(name[8:-1]) for path in Path(f"/proc/{victim}/fd").iterdir()
            if (name := str(path.readlink())).startswith("socket:[")}  # fmt: skip
    ports = frozenset(caller for caller, inode in connections_at(port) if inode in held)
    os.kill(victim, signal.SIGKILL)
    # Until the kernel has closed its connections nobody can know; what is sent over them is sent to the dead.
    while ports & {caller for caller, _ in connections_at(port)}:
        time.sleep(0.0005)
    return Kill(time.monotonic(), ports)


def _night(folder: Path, history: Any = None) -> Any:
    if history is None:
        with read_history(folder / "history", Settings()) as opened:
            return _night(folder, opened)
    now = datetime.current(UTC)
    return run_scoring(history, folder / "home", "churn", as_of=AS_OF, now=now, progress=lambda *_: None)


if __name__ == "__main__":
    main()
