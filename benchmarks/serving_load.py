"""How fast the service answers, beside bare LightGBM, a bare FastAPI app and ``mlflow models serve``, in one run.

    python benchmarks/serving_load.py [--customers 1000] [--seconds 3]

The model has 300 trees of 15 leaves on 130 features. All servers run with one worker on loopback, one after the other;
the caller waits for each answer before the next question. Server CPU is read from /proc for the server's whole process
tree, so it does not depend on what else the machine does; wall times do.
"""

import argparse
import itertools
import json
import math
import os
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from parts.processes import cpu_of, free_port, server
from parts.served import AS_OF, Lesson, body_of

from rapport.features import catalog
from rapport.history import Settings, read_history
from rapport.history.simulate import simulate
from rapport.scoring.models import model_store
from rapport.serving.environment import Environment
from rapport.serving.run import prepared, running
from rapport.serving.snapshots.scoring_run import run_scoring

FEATURES, TREES, LEAVES = 130, 300, 15
NOW = datetime(2026, 11, 2, tzinfo=UTC)
HEAD = f"{'':40s}{'p50 ms':>9s}{'p99 ms':>9s}{'req/s ×8':>10s}{'CPU ms':>9s}{'cust/s ×100':>13s}{'×1000':>13s}"
IN_TURN, BLOCK = (5, 4, 6, 3, 7), 50
BARE = Path(__file__).with_name("parts") / "bare_fastapi.py"


@dataclass(frozen=True)
class Measured:
    """What one server did: milliseconds of single requests, requests a second, server CPU a request."""

    p50: float
    p99: float
    per_second: float
    cpu_ms: float


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=("small", "full"), default="full")
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--without-mlflow", action="store_true")
    said = parser.parse_args()
    said.seconds = said.seconds or {"small": 0.5, "full": 3.0}[said.scale]
    folder = Path(tempfile.mkdtemp(prefix="rapport-load-"))
    try:
        ids, matrix, booster = prepare(folder, said.customers)
        print(f"{len(ids)} customers with a score, {FEATURES} features, {TREES} trees of {LEAVES} leaves")
        print(HEAD)
        bare_lightgbm(booster, matrix)
        ours(folder, ids, said.seconds)
        bare_fastapi(folder, ids, said.seconds)
        in_turn(folder, ids)
        if not said.without_mlflow:
            mlflow_serve(folder, matrix, said.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prepare(folder: Path, customers: int) -> tuple[list[str], np.ndarray, lgb.Booster]:
    """Invent a company, fit the model, publish it and score a night."""
    simulate(folder / "history", customers, 4, 7)
    cutoffs = [datetime(2025, 5, 1), datetime(2025, 11, 1)]  # noqa: DTZ001  # on the company's clock
    with read_history(folder / "history", Settings()) as history:
        lesson = Lesson.of(history, cutoffs, catalog().features[:FEATURES])
        booster = lesson.booster(TREES, num_leaves=LEAVES, learning_rate=0.03, min_data_in_leaf=5)
        home = folder / "home"
        model_store.publish(lesson.bundle("1", booster).save(folder / "bundle"), home, "churn", "1")
        model_store.set_champion(home, "churn", "1", NOW)
        (folder / "one.json").write_text(json.dumps(body_of(history, lesson.ids[0])))
        snapshot = run_scoring(history, home, "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)
    scored = snapshot.scored.take(np.flatnonzero(snapshot.scored.eligible))
    booster.save_model(folder / "model.txt")
    np.save(folder / "rows.npy", scored.rows.values)
    ids = [str(one) for one in scored.customer_id]
    (folder / "ids.json").write_text(json.dumps(ids))
    return ids, scored.rows.values, booster


def bare_lightgbm(booster: lgb.Booster, matrix: np.ndarray) -> None:
    """Measure predict and pred_contrib in process, which is what the service must not be much slower than."""

    def work(rows: np.ndarray) -> None:
        booster.predict(rows, num_threads=1)
        booster.predict(rows, pred_contrib=True, num_threads=1)

    singles = [_timed(lambda row=row: work(matrix[row : row + 1])) for row in range(200)]
    many = {count: _timed(lambda count=count: work(_rows(matrix, count))) for count in (100, 1000)}
    p50 = statistics.median(singles) * 1000
    print(f"{'(a) LightGBM predict + pred_contrib':40s}{p50:9.2f}{_p99(singles) * 1000:9.2f}{'':10s}{p50:9.2f}"
          f"{100 / many[100]:13.0f}{1000 / many[1000]:13.0f}")  # fmt: skip


def ours(folder: Path, ids: list[str], seconds: float) -> None:
    """Measure the service: answers stored by the night, and a what-if, which is scored while the caller waits."""
    environment = Environment(
        data_dir=folder / "home", port=free_port(), workers=1, keys=False, requests_per_minute=10**9
    )
    with running(prepared(environment, lambda _: None), os.environ, folder / "ours.log") as (_, process):
        first_answers("Rapport /v1/score, first answers", environment.port, process.pid, ids)
        told = report(
            "Rapport /v1/score, answered before", environment.port, process.pid, "/v1/score", _by_id(ids), seconds
        )
        what_if = {"customer_id": ids[0], "changes": {"meetings_count_90d": 3}}
        first = report("Rapport /v1/what_if (scores twice)", environment.port, process.pid, "/v1/what_if",
                       lambda count: what_if if count == 1 else None, seconds)  # fmt: skip
        posted = {
            "as_of": AS_OF.isoformat(),
            "histories": [json.loads((folder / "one.json").read_text())],
            "reasons": 5,
        }
        whole = report("Rapport /v1/score_history (from events)", environment.port, process.pid, "/v1/score_history",
                       lambda count: posted if count == 1 else None, seconds)  # fmt: skip
        assert told.p50 > 0 < first.p50 < whole.p50


def first_answers(name: str, port: int, pid: int, ids: list[str]) -> None:
    """Measure each customer's first answer, which is written and kept; the service sends it again from then on."""
    bodies = [json.dumps({"customer_ids": [one], "reasons": 5}).encode() for one in ids]
    # The first ones fill what the worker builds once.
    _one_by_one(port, "/v1/score", bodies[: len(ids) // 10])
    cpu, (times, _) = cpu_of(pid), _one_by_one(port, "/v1/score", bodies[len(ids) // 10 :])
    cpu_ms = (cpu_of(pid) - cpu) * 1000 / len(times)
    print(f"{name:40s}{statistics.median(times) * 1000:9.2f}{_p99(times) * 1000:9.2f}{'':10s}{cpu_ms:9.2f}")


def bare_fastapi(folder: Path, ids: list[str], seconds: float) -> None:
    """Measure an app of thirty lines that does the same with LightGBM's own pred_contrib."""
    port = free_port()
    command = [sys.executable, str(BARE), str(folder), str(port)]
    with server(command, port, folder / "fastapi.log") as pid:
        report("(b) FastAPI, predict + pred_contrib", port, pid, "/score", _by_id(ids), seconds)


def in_turn(folder: Path, ids: list[str]) -> None:
    """Measure first answers beside the bare app, some requests of each in turn, so that both meet the same machine.

    Fewer or more reasons make every answer a first one again.
    """
    environment = Environment(
        data_dir=folder / "home", port=free_port(), workers=1, keys=False, requests_per_minute=10**9
    )
    port = free_port()
    command = [sys.executable, str(BARE), str(folder), str(port)]
    spent, times = [0.0, 0.0], ([], [])
    with (
        running(prepared(environment, lambda _: None), os.environ, folder / "turn.log") as (_, process),
        server(command, port, folder / "fastapi-turn.log") as pid,
    ):
        servers = ((environment.port, process.pid, "/v1/score"), (port, pid, "/score"))
        for reasons in (8, *IN_TURN):
            for first in range(0, len(ids), BLOCK):
                some = [{"customer_ids": [one], "reasons": reasons} for one in ids[first : first + BLOCK]]
                for at, (number, process_id, path) in enumerate(servers):
                    cpu = cpu_of(process_id)
                    found, _ = _one_by_one(number, path, [json.dumps(one).encode() for one in some])
                    # The first round fills what the workers build once.
                    if reasons in IN_TURN:
                        spent[at] += cpu_of(process_id) - cpu
                        times[at].extend(found)
    for name, cpu, found in zip(("Rapport, first answers, in turn", "(b) FastAPI, in turn"), spent, times, strict=True):
        print(f"{name:40s}{statistics.median(found) * 1000:9.2f}{_p99(found) * 1000:9.2f}{'':10s}"
              f"{cpu * 1000 / len(found):9.2f}")  # fmt: skip
    print(f"(b) takes {spent[1] / spent[0]:.2f} times the processor time of a first answer")


def mlflow_serve(folder: Path, matrix: np.ndarray, seconds: float) -> None:
    """Measure ``mlflow models serve``: probabilities only, features sent by the caller."""
    import mlflow.lightgbm  # noqa: PLC0415  # slow to import, and not always wanted

    model = folder / "mlflow-model"
    booster = lgb.Booster(model_file=str(folder / "model.txt"))
    mlflow.lightgbm.save_model(booster, str(model), pip_requirements=["lightgbm"])
    port, names = free_port(), booster.feature_name()
    command = [str(Path(sys.executable).with_name("mlflow")), "models", "serve", "-m", str(model), "-p", str(port),
               "--env-manager", "local", "--workers", "1"]  # fmt: skip

    def body(count: int) -> dict[str, Any]:
        # Its JSON has no word for unknown in a column of numbers; 0 costs the same.
        return {"dataframe_split": {"columns": names, "data": np.nan_to_num(_rows(matrix, count)).tolist()}}

    with server(command, port, folder / "mlflow.log", environ={"PATH": _path()}) as pid:
        report("(c) mlflow models serve, no reasons", port, pid, "/invocations", body, seconds)


def report(
    name: str, port: int, pid: int, path: str, body: Callable[[int], dict[str, Any] | None], seconds: float
) -> Measured:
    """Measure one address and print its line."""
    single = json.dumps(body(1)).encode()
    _closed_loop(port, path, single, 0.5)
    cpu, (times, _) = cpu_of(pid), _closed_loop(port, path, single, seconds)
    cpu_ms = (cpu_of(pid) - cpu) * 1000 / len(times)
    with ThreadPoolExecutor(8) as pool:
        loops = list(pool.map(lambda _: _closed_loop(port, path, single, seconds), range(8)))
    told = Measured(
        statistics.median(times) * 1000, _p99(times) * 1000, sum(len(one) / took for one, took in loops), cpu_ms
    )
    bulk = [_customers_a_second(port, path, body(count), count) for count in (100, 1000)]
    print(
        f"{name:40s}{told.p50:9.2f}{told.p99:9.2f}{told.per_second:10.0f}{told.cpu_ms:9.2f}{bulk[0]:>13s}{bulk[1]:>13s}"
    )
    return told


def _customers_a_second(port: int, path: str, body: dict[str, Any] | None, count: int) -> str:
    if body is None:
        return "-"
    times, _ = _closed_loop(port, path, json.dumps(body).encode(), 2.0)
    return f"{count / statistics.median(times):.0f}"


def _closed_loop(port: int, path: str, body: bytes, seconds: float) -> tuple[list[float], float]:
    """Send the same request again and again for some seconds."""
    return _one_by_one(port, path, itertools.repeat(body), seconds)


def _one_by_one(port: int, path: str, bodies: Iterable[bytes], seconds: float = math.inf) -> tuple[list[float], float]:
    """Send requests one after the other over one connection; plain sockets, so that the caller costs little itself."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    times, begun = [], time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for body in bodies:
            if times and time.perf_counter() - begun >= seconds:
                break
            start = time.perf_counter()
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            _read_answer(connection, path)
            times.append(time.perf_counter() - start)
    return times, time.perf_counter() - begun


def _read_answer(connection: socket.socket, path: str) -> None:
    got = connection.recv(65_536)
    while b"\r\n\r\n" not in got:
        got += connection.recv(65_536)
    head, _, body = got.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"{path}: {got[:300]!r}")
    left = int(head.lower().partition(b"content-length:")[2].split()[0]) - len(body)
    while left > 0:
        left -= len(connection.recv(min(left, 1 << 20)))


def _by_id(ids: list[str]) -> Callable[[int], dict[str, Any]]:
    return lambda count: {"customer_ids": (ids * (count // len(ids) + 1))[:count], "reasons": 5}


def _rows(matrix: np.ndarray, count: int) -> np.ndarray:
    return np.resize(matrix, (count, matrix.shape[1]))


def _timed(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


def _path() -> str:
    # mlflow looks for its own server on PATH.
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"


if __name__ == "__main__":
    begun = time.monotonic()
    main()
    print(f"({timedelta(seconds=round(time.monotonic() - begun))} in all)")
