"""``rapport analysis``: an analysis of the latest scoring run as a CSV file, such as the key figures by owner."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rapport.cli.options import Language
from rapport.cli.workspace import Workspace
from rapport.errors import SettingsError

Name = Annotated[str | None, typer.Argument(help="The analysis; without it, the names are listed.")]
Out = Annotated[Path | None, typer.Option("--out", help="The file to write, .csv; by default the rows are printed.")]
_ALL_ROWS = 10_000_000


def analysis(workspace: Workspace, name: Name = None, out: Out = None, language: Language = None) -> None:
    """Write an analysis of the latest scoring run as CSV, such as key_figures (by owner), or list the names."""
    from rapport.serving.application.stored import stored_application
    from rapport.serving.security.keys import LOCAL

    if out is not None and (name is None or out.suffix.lower() != ".csv"):
        raise SettingsError(f"--out {out}: name an analysis, and a file that ends in .csv.")
    insights = stored_application(workspace.settings, workspace.data_dir).insights
    chosen = workspace.language(language)
    if name is None:
        names = insights.names(chosen)
        lines = [f"{each['name']}: {each['title']}. {each['note']}" for each in names]
        workspace.print({"names": names}, "\n".join(lines))
        return
    found = insights.analysis(LOCAL, name, limit=_ALL_ROWS, language=chosen)
    content = _csv(found)
    if out is None:
        workspace.print(found, content.decode("utf-8-sig"))
        return
    _write(out, content)
    workspace.print(
        {"name": name, "out": str(out), "rows": len(found["rows"])},
        f"Wrote {len(found['rows'])} rows of {found['title']} to {out}.",
    )


def _csv(found: Mapping[str, Any]) -> bytes:
    """Return the rows as CSV; each starts with the date of the scoring run."""
    from rapport.serving.console.export import to_csv

    rows = found["rows"]
    header = list(rows[0]) if rows else []
    cells = [[found["as_of"], *(_cell(row[column]) for column in header)] for row in rows]
    return to_csv(["as_of", *header], cells)


def _cell(value: Any) -> str | float | None:
    """Return a value as one cell: lists as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _write(out: Path, content: bytes) -> None:
    from rapport.files import atomic_write

    with atomic_write(out) as part:
        part.write_bytes(content)
