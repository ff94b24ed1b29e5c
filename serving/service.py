"""The BentoML service: it keeps workers running and drains them; the edge answers, and the console is mounted.

The addresses are not BentoML's own APIs: its router, schemas and error shapes cost more than an answer does, and were
hidden behind ours anyway (docs/decisions/the-edge-answers.md).
"""

import functools
import os
from collections.abc import Callable
from typing import Any

import bentoml
from rapport.serving import journal
from rapport.serving.audit import AuditTrail
from rapport.serving.console.app import console
from rapport.serving.edge import Edge
from rapport.serving.environment import Environment, read_environment
from rapport.serving.office import Office
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from rapport.files import secret_of


class Addresses:
    """Churn and conversion scores with reasons that add up."""

    office: Office
    on_start: Callable[[], None]

    def __init__(self) -> None:
        type(self).on_start()
        self.office.open_up()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # bentoml has no types
    def close(self) -> None:
        """Stop looking for news."""
        self.office.close()


class _Pages:
    """The console, made when the first page is asked for: importing this module must write no secret to disk."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    @functools.cached_property
    def _app(self) -> Starlette:
        environment = self._office.environment
        secret = secret_of(environment.home, "console.secret")
        record = AuditTrail(environment.home).add
        return console(self._office.desk, secret=secret, secure=environment.secure_cookies, record=record)


def build(environment: Environment, on_start: Callable[[], None] = lambda: None) -> Any:
    """Return the service of one environment; ``on_start`` is called once in each worker."""
    office = Office(environment)
    bound = type(
        "Rapport", (Addresses,), {"office": office, "on_start": staticmethod(on_start), "__module__": __name__}
    )
    service = bentoml.service(
        bound,
        name="rapport",
        workers=environment.workers,
        threads=environment.threads,
        # The edge gives up first, in our shape; this is the second rope.
        traffic={"timeout": environment.timeout_seconds + 5},
        metrics={"enabled": False},
        # Nobody collects its spans, and each costs more than the answer; requests carry ids of their own.
        tracing={"excluded_urls": ".*"},
        logging={"access": {"enabled": False}},
    )
    service.add_asgi_middleware(Edge, office=office)
    service.mount_asgi_app(_Pages(office), path="/")
    return service


rapport = build(read_environment(os.environ), on_start=journal.configure)
