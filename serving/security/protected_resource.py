"""What an agent reads to find out who issues tokens for the agent interface (RFC 9728, protected resource metadata)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from rapport.serving.environment import Oidc
from rapport.serving.security.roles import SCOPES

WELL_KNOWN = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True)
class ProtectedResource:
    """The agent interface as a resource; its name is the audience that every token must carry."""

    resource: str
    issuer: str

    @classmethod
    def of(cls, oidc: Oidc | None) -> ProtectedResource | None:
        """Return the resource; None unless tokens are accepted and their audience is an address."""
        if oidc is None or urlsplit(oidc.audience).scheme not in ("https", "http"):
            return None
        return cls(oidc.audience, oidc.issuer)

    @property
    def path(self) -> str:
        """Return where its description stands: after the well-known path, its own."""
        return WELL_KNOWN + urlsplit(self.resource).path.rstrip("/")

    @property
    def challenge(self) -> str:
        """Return the header of a 401, which names the description."""
        parts = urlsplit(self.resource)
        return f'Bearer resource_metadata="{urlunsplit((parts.scheme, parts.netloc, self.path, "", ""))}"'

    def page(self) -> tuple[int, bytes, str]:
        """Return the description."""
        body = {
            "resource": self.resource,
            "resource_name": "Rapport",
            "authorization_servers": [self.issuer],
            "bearer_methods_supported": ["header"],
            "scopes_supported": [f"rapport:{scope}" for scope in SCOPES],
        }
        return 200, json.dumps(body).encode(), "application/json"
