"""Finished tasks as rows of the table ``interventions``, so that a history knows what was done."""

from collections.abc import Iterable, Mapping
from typing import Any

HEADER = ("customer_id", "at", "action", "outcome", "held_out", "recorded_at")


def interventions(tasks: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Return one row for each task that was done; a task that only corrected a prediction did nothing to a customer."""
    return [
        [
            task["customer_id"],
            task["finished_at"],
            task["action_code"] or task["title"],
            task["outcome"],
            "false",
            task["finished_at"],
        ]
        for task in tasks
        if task["status"] == "done" and task["finished_at"] and task["outcome"] != "wrong_prediction"
    ]
