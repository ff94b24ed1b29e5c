"""The MCP server: the tools on stdio, or stateless over HTTP behind the service's own authentication."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from importlib.metadata import version
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import ValidationError

from rapport.scoring.models.model_store import TARGETS
from rapport.serving.api.agents.fencing import NOTICE
from rapport.serving.api.agents.tools import AgentTools, argument_error, require_scope
from rapport.serving.application.application import Application

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
TOOLS = ("score", "why", "change", "customer", "worklist", "deals", "what_if", "log_outcome", "check_draft")
_INSTRUCTIONS = (
    "Rapport scores customers of one company: how likely each is to leave, each lead to buy, and why. Take every "
    f"figure from a tool, and pass every text about a customer to check_draft before you show it. {NOTICE}"
)


class _Server(MCPServer):
    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """Call a tool; arguments that do not fit are refused in the API's words, without the value that was sent."""
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(argument_error(error.__cause__)) from None
            raise


def create_server(application: Application, tools: AgentTools) -> MCPServer:
    """Return the MCP server with its tools and resources."""
    server = _Server("rapport", instructions=_INSTRUCTIONS, version=version("rapport-crm"))
    for name in TOOLS:
        server.tool(name=name, structured_output=True)(getattr(tools, name))

    @server.resource("rapport://model/{target}", mime_type="application/json")
    def model_card(target: str) -> str:
        """Return what is known about the model that answers for a target: evaluation, gates, provenance."""
        require_scope("read")
        if target not in TARGETS:
            raise ResourceNotFoundError(f"There is no such target; the targets are {', '.join(TARGETS)}.")
        return json.dumps(application.model(target), ensure_ascii=False, default=str)

    @server.resource("rapport://cards", mime_type="application/json")
    def cards() -> str:
        """Return the scorecards of the live models: indicators, bands, weights, tiers."""
        require_scope("read")
        return json.dumps(application.cards(), ensure_ascii=False, default=str)

    @server.resource("rapport://glossary", mime_type="application/json")
    def glossary() -> str:
        """Return what the words of the answers mean."""
        return json.dumps(_GLOSSARY, ensure_ascii=False)

    return server


class McpEndpoint:
    """The server at /mcp: stateless, so that any worker answers any request; it starts with the first one."""

    def __init__(self, server: MCPServer) -> None:
        # The middleware has checked caller, host and size before.
        security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._app = server.streamable_http_app(stateless_http=True, json_response=True, transport_security=security)
        self._manager = server.session_manager
        self._running: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await self._ready.wait()
        await self._app(scope, receive, send)

    async def _run(self) -> None:
        async with self._manager.run():
            self._ready.set()
            await asyncio.Event().wait()


_GLOSSARY = {
    "probability": "Chance of the target within the horizon, calibrated; base_rate is that of all customers.",
    "points": "A reason's share of probability minus base_rate; base_rate, all points and other_points add up.",
    "evidence": "A reason in log-odds; evidence adds up exactly.",
    "tier": "The grade of the scorecard; risk_band is low, medium or high by the probability.",
    "revenue_at_risk": "probability × spend_if_retained, in the company's currency; value_at_risk is its older name.",
    "health_score": "0 to 100 from model and scorecard, with named caps.",
    "as_of": "Cutoff: rows before this day are known, later ones are not.",
}
