"""Hold every answer to its model through minutes of load, promotions, swapped nights and killed workers.

    python benchmarks/serving_soak.py --minutes 30

Every answer is held to what its model version says of that customer, computed beforehand in this process. A request may
fail only when its worker was killed under it.
"""

import argparse
import json
import os
import random
import signal
import socket
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import lightgbm as lgb

from features import Vocabulary, catalog, training_rows
from history import Settings, read_history
from history.simulate import simulate
from history.spans import parse_span
from scoring import shelf
from scoring.blend import Blend
from scoring.bundle import Bundle
from scoring.columns import columns_of
from scoring.experts.trees import Trees
from scoring.matrix import Matrix
from scoring.scorer import Scorer
from serving.environment import Environment
from serving.nightly import score_history
from serving.run import prepared, running

AS_OF = datetime(2026, 11, 1)  # noqa: DTZ001  # on the company's clock
YEAR = parse_span("12mo")
KILLED_UNDER_S = 5.0


@dataclass
class Seen:
    """What the callers saw."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    kills: list[float] = field(default_factory=list)


def main() -> None:
    """Run the soak and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--customers", type=int, default=500)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-soak-") as folder:
        home, truth = prepare(Path(folder), said.customers)
        environment = Environment(
            home=home, port=_port(), workers=2, keys=False, reload_seconds=1.0, requests_per_minute=10**9
        )
        with running(prepared(environment, lambda _: None), os.environ, Path(folder) / "log") as (_, process):
            soak(Path(folder), environment.port, process.pid, truth, said)


def prepare(folder: Path, customers: int) -> tuple[Path, dict[str, dict[str, float]]]:
    """Publish two models and score a night; return what each version says of each customer."""
    simulate(folder / "history", customers, 3, 7)
    features, home, truth = catalog(), folder / "home", {}
    with read_history(folder / "history", Settings()) as history:
        cutoffs = [datetime(2025, 11, 1)]  # noqa: DTZ001  # on the company's clock
        rows = training_rows(history, "churn", cutoffs, active=YEAR, horizon=YEAR, known_by=AS_OF, features=features)
        columns = columns_of(features.features, "churn")
        matrix = Matrix.of(rows, columns)
        for version, trees in (("1", 100), ("2", 60)):
            fit = lgb.Dataset(matrix.values, rows.column("label").to_numpy(), feature_name=[c.name for c in columns])
            shape = {"objective": "binary", "num_leaves": 15, "max_depth": 5, "verbose": -1, "num_threads": 1}
            text = lgb.train(shape, fit, trees).model_to_string()
            bundle = Bundle(
                target="churn", version=version, horizon="12mo", active="12mo", columns=columns,
                fingerprint=features.fingerprint, tables=tuple(sorted(history.present)),
                vocabulary={"actions": list(Vocabulary().actions), "channels": [], "attributes": []},
                experts=(Trees("trees", (text,)),), blend=Blend({"trees": 1.0}), model_blend=Blend({"trees": 1.0}),
            ).centred_on(matrix)  # fmt: skip
            shelf.publish(bundle.save(folder / f"bundle-{version}"), home, "churn", version)
            shelf.crown(home, "churn", version, datetime.now(UTC))
            night = _night(folder, history=history)
            scored = Scorer(bundle).score(night.run.table("features"), AS_OF)
            truth[version] = {
                str(one): float(chance)
                for one, chance, known in zip(scored.customer_id, scored.probability, scored.eligible, strict=True)
                if known
            }
    return home, truth


def soak(folder: Path, port: int, pid: int, truth: dict[str, dict[str, float]], said: argparse.Namespace) -> None:
    """Ask, promote, swap and kill until the time is over; print a line a minute."""
    seen, ended = Seen(), threading.Event()
    callers = [
        threading.Thread(target=_call, args=(port, truth, seen, ended, seed), daemon=True)
        for seed in range(said.callers)
    ]
    for caller in callers:
        caller.start()
    begun, turn = time.monotonic(), 0
    print(f"{'min':>5s}{'answers':>10s}{'wrong':>7s}{'failed':>8s}{'kills':>7s}{'memory MB':>11s}  versions")
    while time.monotonic() - begun < said.minutes * 60:
        turn += 1
        shelf.crown(folder / "home", "churn", "12"[turn % 2], datetime.now(UTC))
        time.sleep(20)
        _night(folder)
        time.sleep(20)
        seen.kills.append(time.monotonic())
        os.kill(random.choice(_workers(pid)), signal.SIGKILL)
        time.sleep(20)
        minutes = (time.monotonic() - begun) / 60
        counts = f"{len(seen.wrong):7d}{len(seen.failed):8d}{len(seen.kills):7d}{_memory(pid):11.0f}"
        line = f"{minutes:5.1f}{sum(seen.right.values()):10d}{counts}  {dict(seen.versions)}"
        print(line, *seen.wrong[:1], flush=True)
    ended.set()
    for caller in callers:
        caller.join(30)
    stray = [at for at in seen.failed if not any(0 <= at - kill < KILLED_UNDER_S for kill in seen.kills)]
    print(f"right {dict(seen.right)}; wrong {len(seen.wrong)} {seen.wrong[:3]}; failed {len(seen.failed)}, "
          f"of them not beside a kill {len(stray)}")  # fmt: skip
    raise SystemExit(1 if seen.wrong or stray else 0)


def _call(port: int, truth: dict[str, dict[str, float]], seen: Seen, ended: threading.Event, seed: int) -> None:
    choose, ids = random.Random(seed), sorted(truth["1"])
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    while not ended.is_set():
        kind = choose.choices(("score", "bulk", "customer", "what_if"), (60, 5, 20, 15))[0]
        some = choose.sample(ids, min(len(ids), 200)) if kind == "bulk" else [choose.choice(ids)]
        try:
            status, body = _ask(connection, kind, some)
        except (OSError, HTTPException):
            seen.failed.append(time.monotonic())
            connection.close()
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            continue
        _judge(kind, some, status, body, truth, seen)


def _ask(connection: HTTPConnection, kind: str, ids: list[str]) -> tuple[int, dict[str, Any]]:
    path, body = {
        "score": ("/v1/score", {"customer_ids": ids}),
        "bulk": ("/v1/score", {"customer_ids": ids, "reasons": 1}),
        "customer": ("/v1/customer", {"customer_id": ids[0]}),
        "what_if": ("/v1/what_if", {"customer_id": ids[0], "changes": {"tickets_open": 0}}),
    }[kind]
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def _judge(
    kind: str, ids: list[str], status: int, body: dict[str, Any], truth: dict[str, dict[str, float]], seen: Seen
) -> None:
    if status != 200:
        seen.wrong.append(f"{kind}: {status} {body}")
        return
    answers = body.get("answers") or [body["before"]]
    versions = {answer["model"]["version"] for answer in answers}
    version = next(iter(versions))
    expected = [truth[version][one] for one in ids]
    if len(versions) > 1 or [answer["probability"] for answer in answers] != expected:
        seen.wrong.append(f"{kind}: {ids[:2]} {versions}")
        return
    seen.right[kind] += 1
    seen.versions[version] += 1


def _night(folder: Path, history: Any = None) -> Any:
    if history is None:
        with read_history(folder / "history", Settings()) as opened:
            return _night(folder, opened)
    now = datetime.now(UTC)
    return score_history(history, folder / "home", "churn", as_of=AS_OF, now=now, progress=lambda *_: None)


def _workers(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid and "worker" in (path.parent / "cmdline").read_text():
            found.append(int(path.parent.name))
    return found


def _memory(pid: int) -> float:
    total = 0
    for one in [pid, *_workers(pid)]:
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
