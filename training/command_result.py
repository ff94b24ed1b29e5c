"""The result of a command: sentences for people, the same as plain values for programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CommandResult:
    """A result that can be printed and written as JSON."""

    text: str
    plain: Mapping[str, Any]

    def as_text(self) -> str:
        """Return the lines for people."""
        return self.text

    def as_dict(self) -> dict[str, Any]:
        """Return the values for programs."""
        return dict(self.plain)


def text_table(rows: list[list[str]]) -> str:
    """Format rows in columns: the first column left-aligned, the others right-aligned."""
    if not rows:
        return ""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )
