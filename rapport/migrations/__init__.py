"""Migrations of data folders and settings files to the current format, one step per format number."""

from rapport.migrations.runner import MigrationResult, migrate

__all__ = ["MigrationResult", "migrate"]
