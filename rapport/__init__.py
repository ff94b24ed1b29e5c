"""The front door: one command a stage of the journey."""

from rapport.app import main

__all__ = ["main"]
