"""``rapport report``: the evaluation report of one customer, from the latest scoring run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rapport.cli.options import Language
from rapport.cli.workspace import Workspace
from rapport.errors import SettingsError

_FORMATS = {".pdf": "pdf", ".html": "html", ".htm": "html"}
CustomerId = Annotated[str, typer.Argument(help="The customer's number.")]
Out = Annotated[Path, typer.Option("--out", help="The file to write: .pdf or .html.")]


def report(workspace: Workspace, customer_id: CustomerId, out: Out, language: Language = None) -> None:
    """Write the evaluation report of one customer: health, problem points, reasons, hierarchy, deals and plan."""
    from rapport.files import atomic_write
    from rapport.serving.application.evaluation import customer_report
    from rapport.serving.application.stored import stored_application
    from rapport.serving.security.keys import LOCAL

    form = _FORMATS.get(out.suffix.lower())
    if form is None:
        raise SettingsError(f"--out {out}: write a name that ends in .pdf or .html.")
    application = stored_application(workspace.settings, workspace.data_dir)
    chosen = workspace.language(language)
    content = customer_report(application, LOCAL, customer_id, language=chosen, form="pdf" if form == "pdf" else "html")
    with atomic_write(out) as part:
        part.write_bytes(content)
    workspace.print(
        {"customer_id": customer_id, "out": str(out), "language": chosen, "bytes": len(content)},
        f"Wrote the evaluation report of {customer_id} to {out}.",
    )
