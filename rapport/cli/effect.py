"""``rapport effect``: what contact did, against customers that were held out at random."""

from __future__ import annotations

from rapport.cli.inputs import current_time, open_history, settings_and_data_dir
from rapport.cli.options import DataDir, HistorySource, Json, Language, OptionalAsOf, SettingsPath
from rapport.cli.terminal import print_result


def effect(
    source: HistorySource,
    as_of: OptionalAsOf = None,
    language: Language = None,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Compare contacted customers with those held out, and keep the result for the service and the next runs."""
    from rapport.serving.jobs.effect_report import as_text, effect_report

    current, folder = settings_and_data_dir(settings, data_dir)
    with open_history(source, current, folder) as history:
        report = effect_report(history, folder, current, as_of or current_time())
    print_result(report, as_text(report, language or current.language), as_json=as_json)
