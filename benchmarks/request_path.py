"""How many files and functions of Rapport one warm ``/v1/score`` of a stored row passes, from the socket's side inward.

    python benchmarks/request_path.py [--customers 200] [--list]

A function counts once, however often it is called; lambdas and comprehensions belong to the function around them.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from serving_load import prepare

import rapport
from rapport.serving.api.app_state import AppState
from rapport.serving.api.middleware import ApiMiddleware
from rapport.serving.environment import Environment

PRODUCT = Path(rapport.__file__).parent.parent


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--reasons", type=int, default=5)
    parser.add_argument("--list", action="store_true", help="name every function")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-path-") as scratch:
        ids, _, _ = prepare(Path(scratch), chosen.customers)
        state = AppState(Environment(data_dir=Path(scratch) / "home", workers=1, keys=False, requests_per_minute=10**9))
        state.reload()
        body = json.dumps({"customer_ids": ids[:1], "reasons": chosen.reasons}).encode()
        middleware = ApiMiddleware(_nothing, state)
        found = passed(lambda: _request(middleware, body))
    files = sorted({name for name, _ in found})
    for name in files if chosen.list else ():
        print(name, *sorted(function for file, function in found if file == name))
    print(f"{len(files)} files, {len(found)} functions")


def passed(work: Callable[[], Any]) -> set[tuple[str, str]]:
    """Return the file and name of every function of Rapport that the third call of ``work`` passes."""
    work(), work()
    found: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        path, name = Path(frame.f_code.co_filename), frame.f_code.co_qualname.split(".<locals>.<")[0]
        if path.is_absolute() and path.is_relative_to(PRODUCT) and not name.startswith("<"):
            found.add((str(path.relative_to(PRODUCT)), name))

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


async def _nothing(*_: Any) -> None:
    """Stand where BentoML's router is: no request of the API reaches it."""
    raise AssertionError


def _request(middleware: ApiMiddleware, body: bytes) -> None:
    fields = {"content-type": "application/json", "content-length": str(len(body)), "host": "127.0.0.1:3000"}
    scope = {
        "type": "http", "method": "POST", "path": "/v1/score", "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
    }  # fmt: skip
    sent: list[Mapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(middleware(scope, receive, send))
    assert sent[0]["status"] == 200, sent


if __name__ == "__main__":
    main()
