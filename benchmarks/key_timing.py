"""Whether the time that a wrong key takes says anything about how near it was.

    python benchmarks/key_timing.py [--tries 4000]

Keys are tried over HTTP against the real server and in this process against the key ring, in random order, so that
whatever the machine does meanwhile falls on all kinds alike. Each kind is compared with keys that have nothing in
common with a right one: by medians, by the chance that one of it takes longer (0.5: no difference), and by
Mann-Whitney's test, corrected for the number of comparisons (Holm).
"""

import argparse
import os
import random
import secrets
import statistics
import string
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

from parts.processes import free_port
from scipy.stats import mannwhitneyu
from serving_load import prepare

from rapport.serving.environment import Environment
from rapport.serving.run import running
from rapport.serving.security.keys import KeyRing

KEYS = 40
USUAL = "nothing in common"
Times = dict[str, list[float]]
Kinds = dict[str, Callable[[str], str]]


def main() -> None:
    """Measure both and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=("small", "full"), default="full")
    parser.add_argument("--tries", type=int)
    parser.add_argument("--customers", type=int, default=300)
    said = parser.parse_args()
    said.tries = said.tries or {"small": 500, "full": 4_000}[said.scale]
    with tempfile.TemporaryDirectory(prefix="rapport-keys-") as folder:
        prepare(Path(folder), said.customers)
        home, now = Path(folder) / "home", datetime.current(UTC)
        ring = KeyRing(home)
        right = [ring.add(f"key-{place}", ["feedback"], now) for place in range(KEYS)][KEYS // 2]
        ended = ring.add("ended", ["score"], now, expires_at=now - timedelta(days=1))
        gone = ring.add("gone", ["score"], now)
        ring.revoke("gone")
        kinds = _kinds(right, ended, gone)
        show("in this process, the key ring alone", _measured(kinds, said.tries * 5, lambda one: ring.check(one, now)))
        environment = Environment(data_dir=home, port=free_port(), workers=1, requests_per_minute=10**9)
        with running(environment, os.environ, Path(folder) / "log"):
            show("over HTTP, the whole refusal", _measured(kinds, said.tries, _asker(environment.port)))


def _kinds(right: str, ended: str, gone: str) -> Kinds:
    half = len(right) // 2
    letters = [one for one in string.ascii_letters if one != right[-1]]
    return {
        USUAL: lambda new: new,
        "half of a right one": lambda new: right[:half] + new[half:],
        "all but its last letter": lambda new: right[:-1] + letters[ord(new[-1]) % len(letters)],
        "a right one that ended": lambda _: ended,
        "one that was revoked": lambda _: gone,
        "(a right one: wrong scope)": lambda _: right,
    }


def _new() -> str:
    return f"rapport_{secrets.token_urlsafe(32)}"


def _measured(kinds: Kinds, tries: int, ask: Callable[[str], object]) -> Times:
    """Try each kind as often, in random order; the first tries warm up and are not counted."""
    order, times = list(kinds) * tries, {kind: [] for kind in kinds}
    random.shuffle(order)
    for place, kind in enumerate(order):
        # Made in the same steps and a text of its own for every kind: else what is timed is the processor's memory.
        secret = bytes(bytearray(kinds[kind](_new()), "ascii")).decode()
        begun = time.perf_counter_ns()
        ask(secret)
        if place > len(order) // 20:
            times[kind].append((time.perf_counter_ns() - begun) / 1000)
    return times


def _asker(port: int) -> Callable[[str], object]:
    connection, body = HTTPConnection("127.0.0.1", port, timeout=10), b'{"customer_ids": ["x"]}'

    def ask(secret: str) -> int:
        headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}
        connection.request("POST", "/v1/score", body, headers)
        response = connection.getresponse()
        response.read()
        return response.status

    assert (ask(_new()), ask("")) == (401, 401)
    return ask


def show(name: str, times: Times) -> None:
    """Print one line a kind, beside keys that have nothing in common with a right one."""
    print(f"{name}: {len(times[USUAL]):,} tries each")
    print(f"  {'':28s}{'median us':>10s}{'apart us':>10s}{'P(longer)':>11s}{'p (Holm)':>10s}")
    usual = times[USUAL]
    tests = {kind: mannwhitneyu(took, usual) for kind, took in times.items() if kind != USUAL}
    raw = {kind: float(test.pvalue) for kind, test in tests.items()}
    for kind, took in times.items():
        median = statistics.median(took)
        line = f"  {kind:28s}{median:10.2f}"
        if kind in tests:
            chance = float(tests[kind].statistic) / (len(took) * len(usual))
            line += f"{median - statistics.median(usual):+10.2f}{chance:11.3f}{_holm(raw, kind):10.3f}"
        print(line)


def _holm(raw: dict[str, float], kind: str) -> float:
    ordered = sorted(raw, key=raw.__getitem__)
    steps = [min(1.0, raw[one] * (len(raw) - place)) for place, one in enumerate(ordered)]
    return max(steps[: ordered.index(kind) + 1])


if __name__ == "__main__":
    main()
