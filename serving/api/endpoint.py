"""What is declared about one endpoint of the API."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

IDEMPOTENCY_KEY_LENGTH = 200


@dataclass(frozen=True)
class Endpoint:
    """One endpoint: its path, the scope that it requires, its request and response, and an example of each."""

    path: str
    scope: str
    summary: str
    request: type[BaseModel]
    response: Any
    example: dict[str, Any]
    answer: dict[str, Any]

    @cached_property
    def name(self) -> str:
        """Return the name of its handler: the path after the version, with underscores."""
        return self.path.removeprefix("/v1/").replace("/", "_")
