"""Start and stop the server: everything is checked before the first worker starts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rapport.data_format import check_format
from rapport.errors import ServingError
from rapport.scoring.models import model_store
from rapport.serving.draining import drain
from rapport.serving.environment import Environment, as_variables
from rapport.serving.processes import SUPERVISED, end_with_parent
from rapport.serving.security.keys import KeyRing
from rapport.serving.start_check import check_start

SERVICE = "rapport.serving.api.service:rapport"
"""Import path of the BentoML service."""
_READY_SECONDS = 120.0
_STOP_SECONDS = 30.0
# Set by SIGTERM: a supervisor stops the server, and callers are still connected. Ctrl-C stops at once.
_stopping = threading.Event()


def serve(environment: Environment, environ: Mapping[str, str], notify: Callable[[str], None]) -> None:
    """Serve until interrupted; raises ServingError with the reason if the server cannot start."""
    signal.signal(signal.SIGTERM, _interrupt)
    environment = prepared(environment, notify)
    try:
        with running(environment, environ) as (url, process):
            notify(f"Rapport answers at {url}  (console: {url}/, API: {url}/openapi.json). Stop it with Ctrl-C.")
            process.wait()
            raise ServingError(f"The server stopped unexpectedly (exit code {process.returncode}). See its log.")
    except KeyboardInterrupt:
        notify("Stopped.")


def prepared(environment: Environment, notify: Callable[[str], None]) -> Environment:
    """Check everything that can keep a server from answering; return the environment that it will run with.

    BentoML restarts a failing worker forever, so nothing may be left to fail there.
    """
    if note := check_format(environment.data_dir):
        notify(note)
    environment = _checked_keys(environment, notify)
    if (problem := _port_problem(environment)) is not None:
        raise ServingError(f"Port {environment.port} on {environment.host} cannot be used ({problem}); choose another.")
    found = check_start(environment)
    if is_first_run(environment.data_dir):
        notify("Nothing is trained yet: open the console, which leads through the first run.")
        return environment
    if not found.loaded:
        raise ServingError(" ".join(dict.fromkeys(found.refusals.values())))
    for target, reason in found.refusals.items():
        notify(f"{target} is not served: {reason}")
    for note in found.notes:
        notify(note)
    return environment


def is_first_run(data_dir: Path) -> bool:
    """Whether no target has had a model in this data folder."""
    return not any(model_store.history(data_dir, target) for target in model_store.TARGETS)


@contextmanager
def running(
    environment: Environment, environ: Mapping[str, str], log: Path | None = None
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a server in processes of its own; yields its URL once it is ready."""
    # A BentoML home for each server: two servers that share one would erase each other's metrics.
    with tempfile.TemporaryDirectory(prefix="rapport-bento-") as bento_home:
        sink = log.open("ab") if log else None
        process = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", SERVICE, "--working-dir", bento_home,
             "--host", environment.host, "--port", str(environment.port), "--timeout-graceful-shutdown", "20"],
            env=_variables(environment, environ, bento_home), cwd=bento_home, start_new_session=True,
            stdout=sink, stderr=sink, preexec_fn=end_with_parent,
        )  # fmt: skip
        try:
            url = f"http://{_reachable(environment.host)}:{environment.port}"
            _wait_until_ready(url, process, "/livez" if is_first_run(environment.data_dir) else "/readyz")
            yield url, process
        finally:
            drain(process, Path(bento_home), environment.drain_seconds if _stopping.is_set() else 0.0)
            _stop(process)
            if sink:
                sink.close()


def _variables(environment: Environment, environ: Mapping[str, str], bento_home: str) -> dict[str, str]:
    return {
        # Without it, the heap arena of each thread grows: 10 MB in 10,000 requests and 110 reloads.
        "MALLOC_ARENA_MAX": "2",
        **environ,
        **as_variables(environment),
        "BENTOML_HOME": bento_home,
        "BENTOML_DO_NOT_TRACK": "True",
        # One thread for each prediction: parallelism comes from concurrent requests.
        "OMP_NUM_THREADS": "1",
        SUPERVISED: "1",
    }


def _checked_keys(environment: Environment, notify: Callable[[str], None]) -> Environment:
    if environment.keys and (environment.oidc or KeyRing(environment.data_dir).keys()):
        return environment
    if not environment.on_loopback:
        reason = "there is no API key" if environment.keys else "RAPPORT_KEYS is off"
        raise ServingError(
            f"{environment.host} can be reached from other machines, but {reason}. Create one with "
            "'rapport keys add NAME --scope read --scope score', or serve on 127.0.0.1."
        )
    if environment.keys:
        # Loopback does not protect: a reverse proxy on this machine passes on requests from anywhere.
        raise ServingError(
            "There is no API key. Create one with 'rapport keys add NAME --scope read --scope score', or set "
            "RAPPORT_KEYS=off to let every program on this machine read every score."
        )
    notify("Keys are OFF: every program on this machine can read every score. Set RAPPORT_KEYS=on and add a key.")
    return environment


def _port_problem(environment: Environment) -> str | None:
    family = socket.AF_INET6 if ":" in environment.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((environment.host, environment.port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def _reachable(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # compared with, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], page: str) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ServingError(f"The server did not start (exit code {process.returncode}). See its log.")
        try:
            # Short attempts: the socket is open before any worker accepts on it.
            with urllib.request.urlopen(f"{url}{page}", timeout=2):
                return
        except urllib.error.HTTPError as error:
            raise ServingError(f"The server started but cannot answer: {_not_ready_reason(error.read())}") from error
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise ServingError(f"The server did not answer within {_READY_SECONDS:.0f} seconds. See its log.")


def _not_ready_reason(body: bytes) -> str:
    targets = json.loads(body).get("targets", {})
    targets["storage"] = json.loads(body).get("storage", {})
    reasons = dict.fromkeys(about["refused"] for about in targets.values() if about.get("refused"))
    return " ".join(reasons) or "nothing is loaded."


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # The supervisor itself would wait a day; the process group belongs to this server only.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _interrupt(_signal: int, _frame: object) -> None:
    _stopping.set()
    raise KeyboardInterrupt
