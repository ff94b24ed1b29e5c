"""The BentoML service: every endpoint is one of its APIs, BentoML runs the workers, and the console is mounted.

Our middleware stands before BentoML's router and answers the same routes, with the same shapes, in less time
(docs/decisions/middleware-answers-requests.md).
"""

import functools
import importlib
import importlib.util
import json
import os
from collections.abc import Callable
from typing import Any

import bentoml
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from rapport.serving import logging_setup
from rapport.serving.api.app_state import AppState, Page
from rapport.serving.api.bento_apis import bento_apis, client_schema
from rapport.serving.api.middleware import ApiMiddleware
from rapport.serving.console.app import create_console
from rapport.serving.environment import Environment, read_environment
from rapport.serving.first_run import FirstRun
from rapport.serving.processes import SUPERVISED, end_with_parent


class Service:
    """Churn and conversion scores with reasons that add up."""

    app_state: AppState
    on_start: Callable[[], None]

    def __init__(self) -> None:
        # The module is imported by workers and by tests; only the server's own workers follow their parent.
        if os.environ.get(SUPERVISED):
            end_with_parent()
        type(self).on_start()
        self.app_state.start()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # bentoml has no types
    def close(self) -> None:
        """Stop the background threads."""
        self.app_state.stop()


class _LazyConsole:
    """The console, built at the first page request: importing this module must write no secret to disk."""

    def __init__(self, app_state: AppState) -> None:
        self._app_state = app_state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    @functools.cached_property
    def _app(self) -> Starlette:
        state = self._app_state
        return create_console(
            state.application,
            secret=state.sessions.secret,
            secure=state.sessions.secure,
            record=state.audit.add,
            ended=state.sessions.ended,
            provider=state.provider,
            first_run=FirstRun(state.environment.data_dir, state.environment.settings),
        )


class _SchemaPage:
    """The schema that BentoML's clients read: built once for each worker."""

    def __init__(self, service: object) -> None:
        self._service = service

    def __call__(self) -> Page:
        return 200, self._body, "application/json"

    @functools.cached_property
    def _body(self) -> bytes:
        return json.dumps(client_schema(self._service), ensure_ascii=False).encode()


def _agents(app_state: AppState) -> Any:
    """Return the agent interface, if its extra is installed."""
    if importlib.util.find_spec("mcp") is None:
        return None
    return LazyAgents(app_state)


class LazyAgents:
    """The agent interface, built at the first request: most servers never get one, and its library is large."""

    def __init__(self, app_state: AppState) -> None:
        self._app_state = app_state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._endpoint(scope, receive, send)

    @functools.cached_property
    def _endpoint(self) -> Any:
        server = importlib.import_module("rapport.serving.api.agents.server")
        tools = importlib.import_module("rapport.serving.api.agents.tools")
        state = self._app_state
        return server.McpEndpoint(server.create_server(state.application, tools.AgentTools(state.dispatcher.handlers)))


def build(environment: Environment, on_start: Callable[[], None] = lambda: None) -> Any:
    """Return the service of one environment; ``on_start`` is called once in each worker."""
    app_state = AppState(environment)
    bound = type(
        "Rapport",
        (Service,),
        {"app_state": app_state, "on_start": staticmethod(on_start), "__module__": __name__, **bento_apis()},
    )
    service = bentoml.service(
        bound,
        name="rapport",
        workers=environment.workers,
        threads=environment.threads,
        # The middleware times out first, with our error shape; this is the fallback.
        traffic={"timeout": environment.timeout_seconds + 5},
        metrics={"enabled": False},
        # Nothing collects BentoML's spans, and each costs more than the answer; requests carry our own ids.
        tracing={"excluded_urls": ".*"},
        logging={"access": {"enabled": False}},
    )
    app_state.agents = _agents(app_state)
    app_state.pages["/schema.json"] = _SchemaPage(service)
    service.add_asgi_middleware(ApiMiddleware, app_state=app_state)
    service.mount_asgi_app(_LazyConsole(app_state), path="/")
    return service


rapport = build(read_environment(os.environ), on_start=logging_setup.configure_logging)
