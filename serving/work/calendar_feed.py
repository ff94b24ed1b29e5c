"""Open tasks as a calendar feed (iCalendar, RFC 5545), to which calendar programs subscribe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

_MAX_OCTETS = 75


def calendar(tasks: Iterable[Mapping[str, object]], *, title: str, now: datetime) -> str:
    """Return the tasks with a due day as all-day events of one calendar."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Rapport//Tasks//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_escape(title)}",
        *(line for task in tasks if task["due"] for line in _event(task, now)),
        "END:VCALENDAR",
    ]
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _event(task: Mapping[str, Any], now: datetime) -> list[str]:
    due = date.fromisoformat(task["due"])
    about = "\n".join(str(part) for part in (task.get("name") or task["customer_id"], task["note"]) if part)
    return [
        "BEGIN:VEVENT",
        f"UID:task-{task['id']}@rapport",
        f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{due:%Y%m%d}",
        f"DTEND;VALUE=DATE:{due + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escape(task['title'])}",
        f"DESCRIPTION:{_escape(about)}",
        *([f"URL:{task['url']}"] if task.get("url") else []),
        "END:VEVENT",
    ]


def _escape(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r", "").replace("\n", "\\n")


def _fold(line: str) -> str:
    """Break a line into parts of at most 75 octets, never within a character."""
    parts, size = [""], 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > _MAX_OCTETS:
            parts.append(" ")
            size = 1
        parts[-1] += letter
        size += octets
    return "\r\n".join(parts)
