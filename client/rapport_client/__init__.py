"""Client of Rapport's HTTP API, synchronous and asynchronous."""

from .client import AsyncRapport, Rapport, RefusedError, Retries

__all__ = ["AsyncRapport", "Rapport", "RefusedError", "Retries"]
