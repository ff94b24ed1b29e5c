"""Start the service and stop it again: all is checked before the first worker is started."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rapport.serving.environment import Environment, as_variables
from rapport.serving.keys import KeyRing
from rapport.serving.office import Office

from rapport.errors import ServingError

_READY_SECONDS = 120.0
_STOP_SECONDS = 30.0


def serve(environment: Environment, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Serve until interrupted; raises ServingError with the reason when it cannot start."""
    signal.signal(signal.SIGTERM, _interrupt)
    environment = prepared(environment, say)
    try:
        with running(environment, environ) as (url, process):
            say(f"Rapport answers at {url}  (console: {url}/, API: {url}/openapi.json). Stop it with Ctrl-C.")
            process.wait()
            raise ServingError(f"The server ended by itself (exit code {process.returncode}); its log says why.")
    except KeyboardInterrupt:
        say("Stopped.")


def prepared(environment: Environment, say: Callable[[str], None]) -> Environment:
    """Check all that can keep a server from answering; return what it will run with.

    BentoML starts a failing worker again for ever, so nothing may be left to fail there.
    """
    environment = _with_keys_settled(environment, say)
    if (taken := _port_taken(environment)) is not None:
        raise ServingError(f"Port {environment.port} on {environment.host} cannot be used ({taken}); choose another.")
    office = Office(environment)
    office.look()
    refused = {target: watch.refused for target, watch in office.watches.items() if watch.refused}
    if not any(watch.loaded for watch in office.watches.values()):
        raise ServingError(" ".join(dict.fromkeys(refused.values())))
    for target, reason in refused.items():
        say(f"{target} is not served: {reason}")
    for watch in office.watches.values():
        if watch.loaded and (otherwise := watch.loaded.bundle.says_otherwise(office.settings)):
            say(otherwise)
    return environment


@contextmanager
def running(
    environment: Environment, environ: Mapping[str, str], log: Path | None = None
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a server in processes of its own; yields its address once it answers."""
    # A home of its own for each server: two that share one would wipe each other's metrics.
    with tempfile.TemporaryDirectory(prefix="rapport-bento-") as bento_home:
        sink = log.open("ab") if log else None
        process = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", "rapport.serving.service:rapport", "--working-dir", bento_home,
             "--host", environment.host, "--port", str(environment.port), "--timeout-graceful-shutdown", "20"],
            env=_variables(environment, environ, bento_home), cwd=bento_home, start_new_session=True,
            stdout=sink, stderr=sink,
        )  # fmt: skip
        try:
            url = f"http://{_reachable(environment.host)}:{environment.port}"
            _wait_until_ready(url, process)
            yield url, process
        finally:
            _stop(process)
            if sink:
                sink.close()


def _variables(environment: Environment, environ: Mapping[str, str], bento_home: str) -> dict[str, str]:
    return {
        # Else each thread's share of the heap grows by itself: 10 MB in 10,000 requests and 110 reloads; so, none.
        "MALLOC_ARENA_MAX": "2",
        **environ,
        **as_variables(environment),
        "BENTOML_HOME": bento_home,
        "BENTOML_DO_NOT_TRACK": "True",
        # One thread for each prediction: requests are what runs side by side.
        "OMP_NUM_THREADS": "1",
    }


def _with_keys_settled(environment: Environment, say: Callable[[str], None]) -> Environment:
    if environment.keys and (environment.oidc or KeyRing(environment.home).keys()):
        return environment
    if not environment.on_loopback:
        reason = "there is no API key" if environment.keys else "RAPPORT_KEYS is off"
        raise ServingError(
            f"{environment.host} can be reached from outside, but {reason}. Make one with "
            "'rapport keys add NAME --scope read --scope score', or serve on 127.0.0.1."
        )
    say("Keys are OFF: every program on this machine can read every score. 'rapport keys add' turns them on.")
    return replace(environment, keys=False)


def _port_taken(environment: Environment) -> str | None:
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


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ServingError(f"The server did not start (exit code {process.returncode}); its log says why.")
        try:
            # Short attempts: the socket is open before any worker listens to it.
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):
                return
        except urllib.error.HTTPError as error:
            raise ServingError(f"The server started but cannot answer: {_why_not(error.read())}") from error
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise ServingError(f"The server did not answer within {_READY_SECONDS:.0f} seconds; its log says why.")


def _why_not(body: bytes) -> str:
    targets = json.loads(body).get("targets", {})
    reasons = dict.fromkeys(about["refused"] for about in targets.values() if about.get("refused"))
    return " ".join(reasons) or "nothing is loaded."


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # The supervisor itself would wait a day; the group is this server's own.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
