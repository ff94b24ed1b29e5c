"""``rapport dossier``: model card, data lineage, fairness, oversight and rights, from stored records only."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from rapport.cli.options import Language
from rapport.cli.workspace import Workspace
from rapport.errors import SettingsError

Out = Annotated[Path, typer.Option("--out", help="The file to write: .html or .md.")]
Day = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], help="Champions, runs and audit trail at the end of that day; by default all."
    ),
]


def dossier(workspace: Workspace, out: Out, language: Language = None, as_of: Day = None) -> None:
    """Write the dossier of models and data for auditors: card, lineage, errors by group, oversight and rights."""
    from rapport.files import atomic_write
    from rapport.serving.dossier.dossier import dossier_report, markdown_report
    from rapport.serving.dossier.records import dossier_records
    from rapport.serving.report.content import html_report

    forms = {".html": html_report, ".htm": html_report, ".md": markdown_report}
    render = forms.get(out.suffix.lower())
    if render is None:
        raise SettingsError(f"--out {out}: write a name that ends in .html or .md.")
    records = dossier_records(workspace.data_dir, workspace.settings, as_of.date() if as_of else None)
    content = render(dossier_report(records, workspace.language(language)))
    with atomic_write(out) as part:
        part.write_bytes(content)
    models = ", ".join(f"{model['target']} {model['version']}" for model in records["models"])
    workspace.print(
        {"out": str(out), "bytes": len(content), "records": records}, f"Wrote the dossier of {models} to {out}."
    )
