"""Parts of the soak: a client that survives a killed worker, who kills it, and what the server uses meanwhile."""

from __future__ import annotations

import http.client
import json
import os
import signal
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from parts.processes import cpu_of, memory_of, workers_of

_PATIENCE_SECONDS = 180.0
_MEMORY_SECONDS = 60.0
_REQUESTS_PER_CONNECTION = 10


class Client:
    """One connection that is opened again while a worker is away; an event's id makes a retry safe.

    Like a pool's, it is renewed after some requests: else a worker that was started again would get none.
    """

    def __init__(self, url: str) -> None:
        self._host, self._connection, self._used = urlsplit(url).netloc, None, 0

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Post JSON and return the answer."""
        return self._request("POST", path, json.dumps(body))

    def get(self, path: str) -> Any:
        """Return a JSON page."""
        return self._request("GET", path, None)

    def _request(self, method: str, path: str, body: str | None) -> Any:
        until = time.monotonic() + _PATIENCE_SECONDS
        self._used += 1
        if self._connection is not None and self._used % _REQUESTS_PER_CONNECTION == 0:
            self._connection.close()
            self._connection = None
        while time.monotonic() < until:
            try:
                self._connection = self._connection or http.client.HTTPConnection(self._host, timeout=20)
                self._connection.request(method, path, body, {"Content-Type": "application/json"})
                response = self._connection.getresponse()
                text = response.read()
                if response.status == 200:
                    return json.loads(text)
                if response.status not in (429, 503, 504):
                    raise RuntimeError(f"{path}: {response.status} {text[:500]!r}")
            except (OSError, http.client.HTTPException):
                self._connection = None
            time.sleep(0.05)
        raise RuntimeError(f"{path}: no answer")


class _Background:
    """Something that goes on beside the traffic."""

    def __init__(self) -> None:
        self._over, self._threads = threading.Event(), list[threading.Thread]()

    def every(self, seconds: float, work: Callable[[], None]) -> None:
        """Do some work every so many seconds until the traffic is over."""

        def loop() -> None:
            while not self._over.wait(seconds):
                work()

        self._threads.append(threading.Thread(target=loop))

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


class Disturber(_Background):
    """Kills a worker from time to time, and does other things to the server.

    The oldest first, which leads; then always the youngest, so that one worker lives as long as the traffic.
    """

    def __init__(self, server: int, kill_every: float) -> None:
        super().__init__()
        self._server, self.killed, self.done = server, 0, 0
        if kill_every:
            self.every(kill_every, self._kill)

    def also_every(self, seconds: float, work: Callable[[int], None]) -> None:
        """Do something else every so many seconds; it is given its number."""

        def numbered() -> None:
            work(self.done + 1)
            self.done += 1

        self.every(seconds, numbered)

    def _kill(self) -> None:
        workers = workers_of(self._server)
        if workers:
            os.kill(workers[-1] if self.killed else workers[0], signal.SIGKILL)
            self.killed += 1


class ServerFigures(_Background):
    """Memory of the workers, time of the processor, and how far the change feed is behind."""

    def __init__(self, url: str, server: int) -> None:
        super().__init__()
        self._client, self._server = Client(url), server
        self._memory: list[dict[int, int]] = []
        self._started = time.monotonic()
        self._lags: list[float] = []
        self._seconds: dict[int, float] = {}
        self._before: dict[int, float] = {one: cpu_of(one) for one in workers_of(server)}
        self.every(1.0, self._look)

    def _look(self) -> None:
        workers = workers_of(self._server)
        if time.monotonic() > self._started + _MEMORY_SECONDS * len(self._memory):
            self._memory.append(self._memory_now())
        self._seconds |= {one: cpu_of(one) for one in workers}
        self._lags.append(self._client.get("/readyz")["live"]["lag_seconds"])

    def _memory_now(self) -> dict[int, int]:
        found = {}
        for one in (self._server, *workers_of(self._server)):
            # The last victim may be gone by now.
            with suppress(OSError):
                found[one] = round(memory_of(one))
        return found

    def found(self, events: int) -> dict[str, Any]:
        """Return the figures; memory of each process by its id, at the start, every minute and at the end."""
        used = sum(seconds - self._before.get(one, 0.0) for one, seconds in self._seconds.items())
        return {
            "server_cpu_ms_per_event": round(used / max(1, events) * 1000, 1),
            "memory_mb": [*self._memory, self._memory_now()],
            "feed_lag_p50_s": statistics.median(self._lags),
            "feed_lag_max_s": max(self._lags),
        }


def quantile(seconds: Sequence[float], share: float) -> float:
    """Return a quantile in milliseconds."""
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1) if ordered else 0.0
