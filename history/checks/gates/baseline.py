"""What a history is compared with: the tables that the model was trained on, and the last published run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True)
class Baseline:
    """What is known of earlier states of the same history.

    ``tables`` had ``trained_rows`` when the model was trained, at ``trained_as_of``, and their last rows were of
    ``ends``; ``rows`` are the rows of each table in the last published run. ``now`` is the time of the run. Everything
    may be unknown.
    """

    tables: tuple[str, ...] = ()
    trained_as_of: datetime | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    trained_rows: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[str, date] = field(default_factory=dict)
    now: datetime | None = None
