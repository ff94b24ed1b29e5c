"""The agent interface on standard input and output, for one caller."""

from __future__ import annotations

from datetime import UTC, datetime

from rapport.errors import ServingError
from rapport.serving.api.agents.server import create_server
from rapport.serving.api.agents.tools import AgentTools
from rapport.serving.api.app_state import AppState
from rapport.serving.environment import Environment
from rapport.serving.security.keys import LOCAL, Viewer
from rapport.serving.security.request_context import CURRENT, RequestContext


def serve_stdio(environment: Environment) -> None:
    """Serve until the input ends; the key in RAPPORT_KEY says who asks and what it may see."""
    state = AppState(environment)
    viewer = _viewer(environment, state)
    state.reload()
    if not any(reloader.loaded for reloader in state.reloaders.values()):
        raise ServingError(" ".join(dict.fromkeys(reloader.refusal for reloader in state.reloaders.values())))
    CURRENT.set(RequestContext(viewer, route="/mcp", client="stdio"))
    create_server(state.application, AgentTools(state.dispatcher.handlers)).run("stdio")


def _viewer(environment: Environment, state: AppState) -> Viewer:
    if not environment.keys:
        return LOCAL
    viewer = state.keys.check(environment.agent_key or "", datetime.now(UTC))
    if viewer is None:
        raise ServingError(
            "RAPPORT_KEY is not a valid key. Create one with 'rapport keys add agent --scope read --scope score', "
            "or set RAPPORT_KEYS=off to read every score on this machine."
        )
    return viewer
