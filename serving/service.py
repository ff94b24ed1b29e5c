"""The BentoML service: each address is one line, and what it says is the desk's."""

import functools
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import anyio.to_thread
import bentoml
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from history.errors import RapportError
from serving import journal, schemas
from serving.asked import asked
from serving.audit import AuditTrail
from serving.console.app import console
from serving.edge import Edge
from serving.environment import Environment, read_environment
from serving.files import secret_of
from serving.office import Office
from serving.problem import of_error

Handler = Callable[[Any, Any], dict[str, Any]]
_LIGHT = 10


def _address(path: str, light: Callable[[Any], bool] = lambda _: False) -> Callable[[Handler], Any]:
    """Make a handler an address: what the desk refuses becomes the status that fits.

    Work that is ``light`` is done on the event loop: handing it to a thread and back takes longer than the work itself.
    All else goes to threads, so that a long request holds up no other.
    """

    def decorate(handler: Handler) -> Any:
        @functools.wraps(handler)
        async def answer(self: Any, request: Any, /) -> Any:
            if light(request):
                return _answered(handler, self, request)
            return await anyio.to_thread.run_sync(_answered, handler, self, request, limiter=self.threads)

        # BentoML looks through wrappers for the innermost function, and would take this one for a plain one.
        del answer.__dict__["__wrapped__"]
        return bentoml.api(answer, route=path)

    return decorate


def _answered(handler: Handler, service: Any, request: Any) -> Response:
    try:
        return _json(200, handler(service, request))
    except RapportError as error:
        return _json(*of_error(error))
    except ValidationError as error:
        # BentoML would blame the caller (400) for a mistake of ours.
        raise RuntimeError("a pydantic error inside the desk") from error


def _json(status: int, body: Mapping[str, Any]) -> Response:
    # Python prints the shortest text that reads back to the same float: no digit is lost on the way.
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text.encode(), status_code=status, media_type="application/json")


class Addresses:
    """Churn and conversion scores with reasons that add up."""

    office: Office
    on_start: Callable[[], None]

    def __init__(self) -> None:
        type(self).on_start()
        self.threads = anyio.CapacityLimiter(self.office.environment.threads)
        self.office.open_up()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # bentoml has no types
    def close(self) -> None:
        """Stop looking for news."""
        self.office.close()

    @_address("/v1/score", light=lambda request: len(request.customer_ids) <= _LIGHT)
    def score(self, request: schemas.ScoreRequest, /) -> dict[str, Any]:
        """Score known customers from the latest snapshot."""
        return self.office.api.score(request, asked())

    @_address("/v1/score_history")
    def score_history(self, request: schemas.ScoreHistoryRequest, /) -> dict[str, Any]:
        """Score customers whose history is in the body."""
        return self.office.api.score_history(request, asked())

    @_address("/v1/what_if")
    def what_if(self, request: schemas.WhatIfRequest, /) -> dict[str, Any]:
        """Score a customer as it would be."""
        return self.office.api.what_if(request, asked())

    @_address("/v1/change")
    def change(self, request: schemas.ChangeRequest, /) -> dict[str, Any]:
        """Say why a score moved."""
        return self.office.api.change(request, asked())

    @_address("/v1/customer")
    def customer(self, request: schemas.CustomerRequest, /) -> dict[str, Any]:
        """Say all of one customer."""
        return self.office.api.customer(request, asked())

    @_address("/v1/customers")
    def customers(self, request: schemas.CustomersRequest, /) -> dict[str, Any]:
        """List the scored customers."""
        return self.office.api.customers(request, asked())

    @_address("/v1/feedback")
    def feedback(self, request: schemas.FeedbackRequest, /) -> dict[str, Any]:
        """Keep what a person says."""
        return self.office.api.feedback(request, asked())


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
