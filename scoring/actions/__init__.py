"""Recommended actions: the playbook that a company edits, and the cadence of reviews."""
