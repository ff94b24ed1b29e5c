"""``rapport mcp``: the agent interface on standard input and output."""

from __future__ import annotations

import os
from typing import Any

from rapport.cli.options import DataDir, SettingsPath


def mcp(data_dir: DataDir = None, settings: SettingsPath = None) -> None:
    """Serve the agent interface (MCP) on stdio; RAPPORT_KEY identifies the caller unless RAPPORT_KEYS is off."""
    from rapport.serving.api.agents.stdio import serve_stdio
    from rapport.serving.environment import read_environment

    environment = read_environment(os.environ)
    given: dict[str, Any] = {
        name: value for name, value in {"data_dir": data_dir, "settings": settings}.items() if value is not None
    }
    serve_stdio(environment.model_copy(update=given))
