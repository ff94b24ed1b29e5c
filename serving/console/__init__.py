"""The web console: pages drawn on the server from what the desk answers."""

from serving.console.app import console

__all__ = ["console"]
