"""Scores computed during a request: histories from the body, and what-if changes."""
