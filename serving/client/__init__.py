"""A small typed client of the HTTP API; it needs only httpx, and is a distribution of its own (``client/``).

    with Rapport("http://127.0.0.1:3000", key="rapport_…") as rapport:
        [answer] = rapport.score(["C-1042"])

``AsyncRapport`` has the same methods as coroutines.
"""

from .async_client import AsyncRapport
from .calls import RefusedError
from .retries import Retries
from .sync_client import Rapport

__all__ = ["AsyncRapport", "Rapport", "RefusedError", "Retries"]
