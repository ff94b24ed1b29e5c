"""Data quality checks of a history, and the check report."""

from rapport.history.checks.report import CheckReport, check_history

__all__ = ["CheckReport", "check_history"]
