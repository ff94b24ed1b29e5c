"""``rapport effect``: what contact did, against customers that were held out at random."""

from __future__ import annotations

from rapport.cli.inputs import current_time
from rapport.cli.options import HistorySource, Language, OptionalAsOf
from rapport.cli.workspace import Workspace


def effect(workspace: Workspace, source: HistorySource, as_of: OptionalAsOf = None, language: Language = None) -> None:
    """Compare contacted customers with those held out, and keep the result for the service and the next runs."""
    from rapport.serving.jobs.effect_report import as_text, effect_report

    with workspace.open_history(source) as history:
        report = effect_report(history, workspace.data_dir, workspace.settings, as_of or current_time())
    workspace.print(report, as_text(report, workspace.language(language)))
