"""Bulk scoring: jobs that run beside the requests, their progress and their results on disk."""
