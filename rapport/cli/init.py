"""``rapport init``: from files to ``rapport.toml``, with the open questions asked one by one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.options import HistorySource, Json, Language
from rapport.cli.terminal import out, print_result
from rapport.cli.workspace import SETTINGS_FILE, enough_memory
from rapport.errors import SettingsError
from rapport.history.settings import Settings

if TYPE_CHECKING:
    from rapport.history.mapping.proposal import MappingProposal

Yes = Annotated[bool, typer.Option("--yes", help="Take the proposed answers without asking.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a rapport.toml that is there.")]
Preset = Annotated[str | None, typer.Option("--preset", help="The system that wrote the tables, such as hubspot.")]
Out = Annotated[Path, typer.Option("--out", help="The settings file to write.")]


def init(
    source: HistorySource,
    preset: Preset = None,
    path: Out = SETTINGS_FILE,
    yes: Yes = False,
    force: Force = False,
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Look at a company's files, show what was understood, ask what is open, and write rapport.toml."""
    from rapport.history import read_history
    from rapport.history.checks import check_history
    from rapport.history.checks.rendering import finding_lines, trainable_lines
    from rapport.history.mapping import propose_mapping
    from rapport.history.mapping.messages import MESSAGES
    from rapport.history.mapping.settings_file import samples, settings_of, settings_text
    from rapport.localized import localize

    if path.exists() and not force:
        raise SettingsError(f"{path}: is there already. Name another file with --out, or replace it with --force.")
    with enough_memory(Settings(), source):
        proposal = propose_mapping(source, None, preset)
    asking = not (yes or as_json)
    spoken = language or "en"
    answers = ({"language": spoken} if language else {}) | _answers(proposal, spoken, ask=asking)
    settings = settings_of(proposal, answers)
    with enough_memory(settings, source), read_history(source, settings) as history:
        for name, (rows, columns) in samples(history).items() if asking else ():
            out.print(localize(MESSAGES.message("rows_of", name=name, rows=rows), spoken), markup=False)
            for column, values in columns.items():
                out.print(f"  {column}: {', '.join(values) or '–'}", markup=False)
        report = check_history(history)
    path.write_text(settings_text(proposal, answers), encoding="utf-8")
    lines = [localize(each, spoken) for each in (() if asking else proposal.doubts)]
    lines += [localize(MESSAGES.message("wrote", path=path), spoken), *trainable_lines(report, spoken)]
    lines += finding_lines((each for each in report.findings if each.level != "note"), spoken)
    result = {"settings": str(path), "preset": proposal.preset, "answers": answers, "check": report.as_dict()}
    print_result(result, "\n".join(lines), as_json=as_json)


def _answers(proposal: MappingProposal, language: str, *, ask: bool) -> dict[str, str]:
    """Return the answers to what the files leave open."""
    from rapport.history.mapping.settings_file import open_questions
    from rapport.localized import localize

    for line in (*proposal.questions, *proposal.doubts) if ask else ():
        out.print(localize(line, language), markup=False)
    found: dict[str, str] = {}
    for question in open_questions(proposal):
        if ask and question.choices:
            found[question.name] = _choice(localize(question.text, language), question.choices, question.usual)
        elif ask:
            found[question.name] = typer.prompt(localize(question.text, language), default=question.usual)
        elif question.ambiguous:
            raise SettingsError(
                f"The files do not answer: {question.text.en}? To be asked, run rapport init without --yes."
            )
        elif question.name == "churn":
            found[question.name] = question.usual
    return found


def _choice(question: str, choices: tuple[str, ...], usual: str) -> str:
    while True:
        answer = str(typer.prompt(f"{question} ({' / '.join(choices)})", default=usual))
        if answer in choices:
            return answer
