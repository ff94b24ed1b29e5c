"""The last scoring run that the gates refused: kept until a run is published, because nothing else would show it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rapport.files import read_json, replace_text
from rapport.history.checks.finding import Finding
from rapport.history.checks.gates import gate_facts

_FILE = "refused.json"


def record_refusal(
    data_dir: Path, target: str, findings: Sequence[Finding], *, as_of: datetime, now: datetime, by: str
) -> None:
    """Keep who started the refused run, when, for which cutoff, and why it was refused."""
    refusing = gate_facts(each for each in findings if each.level == "stop")
    record = {
        "target": target, "as_of": as_of.isoformat(), "at": now.isoformat(timespec="seconds"), "by": by,
        "reasons": refusing,
    }  # fmt: skip
    replace_text(data_dir / "scores" / target / _FILE, json.dumps(record, ensure_ascii=False, default=str))


def refused_run(data_dir: Path, target: str) -> dict[str, object] | None:
    """Return the last refused run; None if a run was published since."""
    return read_json(data_dir / "scores" / target / _FILE)


def clear_refusal(data_dir: Path, target: str) -> None:
    """Forget the refused run, because one was published."""
    (data_dir / "scores" / target / _FILE).unlink(missing_ok=True)
