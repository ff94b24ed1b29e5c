"""``rapport init``: from files to ``rapport.toml``, with the open questions asked one by one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.inputs import SETTINGS_FILE
from rapport.cli.options import HistorySource, Json
from rapport.cli.terminal import out, print_result
from rapport.errors import SettingsError
from rapport.history import Settings

if TYPE_CHECKING:
    from rapport.history import History
    from rapport.history.checks import CheckReport
    from rapport.history.mapping.proposal import MappingProposal

SAMPLES = 3

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
    as_json: Json = False,
) -> None:
    """Look at a company's files, show what was understood, ask what is open, and write rapport.toml."""
    from rapport.history import read_history
    from rapport.history.checks import check_history
    from rapport.history.mapping import propose_mapping

    if path.exists() and not force:
        raise SettingsError(f"{path}: is there already. Name another file with --out, or replace it with --force.")
    proposal = propose_mapping(source, None, preset)
    asking = not (yes or as_json)
    answers = _answers(proposal, ask=asking)
    written = {name: value for name, value in {**proposal.as_dict(), **answers}.items() if value != ""}
    settings = Settings.of({name: value for name, value in written.items() if name not in ("questions", "preset")})
    with read_history(source, settings) as history:
        if asking:
            out.print("\n".join(_samples(history)), markup=False)
        report = check_history(history)
    path.write_text(_toml(proposal, answers), encoding="utf-8")
    lines = [f"Wrote {path}.", *_trainable(report), *_findings(report)]
    result = {"settings": str(path), "preset": proposal.preset, "answers": answers, "check": report.as_dict()}
    print_result(result, "\n".join(lines), as_json=as_json)


def _answers(proposal: MappingProposal, *, ask: bool) -> dict[str, Any]:
    """Return the answers to what the files leave open: order of day and month, decimal mark, currency, churn."""
    found: dict[str, Any] = {}
    open_dates = any("date_format" in question for question in proposal.questions)
    open_decimals = any("decimal" in question for question in proposal.questions)
    for question in proposal.questions if ask else ():
        out.print(question, markup=False)
    if open_dates and not ask:
        raise SettingsError("The files do not show whether 03/04 is in March or April: run rapport init without --yes.")
    if open_dates:
        found["date_format"] = _choice("How is 03/04/2026 meant", ("day_first", "month_first"), "day_first")
    if open_decimals and ask:
        found["decimal"] = _choice("Which is the decimal mark", (".", ","), ".")
    if ask and "currency" not in proposal.settings:
        found["currency"] = typer.prompt("Currency of all amounts", default=Settings().currency)
    tables = {each.table.name for each in proposal.tables}
    if "churn" not in proposal.settings and "contracts" in tables:
        usual = "contracts" if "orders" not in tables else "orders"
        choices = ("orders", "contracts", "subscriptions")
        found["churn"] = _choice("A customer leaves by", choices, usual) if ask else usual
    return found


def _choice(question: str, choices: tuple[str, ...], usual: str) -> str:
    while True:
        answer = str(typer.prompt(f"{question} ({' or '.join(choices)})", default=usual))
        if answer in choices:
            return answer


def _samples(history: History) -> list[str]:
    """Return, for each table, its rows and sample values of its required columns."""
    from rapport.history.contract import by_name

    lines = []
    for name, rows in history.rows.items():
        lines.append(f"{name}: {rows:,} rows")
        for column in by_name(name).required:
            values = history.connection.execute(
                f'SELECT DISTINCT "{column}" FROM "{name}" WHERE "{column}" IS NOT NULL LIMIT {SAMPLES}'
            ).fetchall()
            lines.append(f"  {column}: {', '.join(str(value) for (value,) in values) or 'no values'}")
    return lines


def _toml(proposal: MappingProposal, answers: dict[str, Any]) -> str:
    """Return the settings file: the answers first, then the mapping."""
    decided = [f'{name} = "{value}"' for name, value in answers.items()]
    lines = proposal.as_toml().splitlines()
    # A setting that was asked for replaces the proposed one, and an answered question is no question.
    kept = [line for line in lines if not line.startswith(("# question:", *(f"{name} = " for name in answers)))]
    begin = next((place for place, line in enumerate(kept) if not line.startswith("#")), len(kept))
    return "\n".join([*kept[:begin], *decided, *kept[begin:]]) + "\n"


def _trainable(report: CheckReport) -> list[str]:
    """Return what can be trained now, and what would have to be added for the rest."""
    verdicts = {"yes": "can be trained", "weak": "can be trained, with little to validate on", "no": "needs more data"}
    return [
        f"{each.target} {each.horizon}: {verdicts[each.verdict]}"
        + (f"; add: {'; '.join(need.en for need in each.needs)}" if each.needs else "")
        for each in report.trainable
    ]


def _findings(report: CheckReport) -> list[str]:
    return [f"{each.level.upper()}: {each.message.en}" for each in report.findings if each.level != "note"]
