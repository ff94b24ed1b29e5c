"""Commands that read a history: ``simulate``, ``check``, ``leaks`` and ``map``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rapport.cli.options import HistorySource, Json, Language, OptionalAsOf
from rapport.cli.terminal import print_result, progress, write_table
from rapport.cli.workspace import Company, Workspace, enough_memory


def simulate(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write; the truth goes to OUT.truth.")],
    customers: Annotated[int, typer.Option(min=10, help="How many customers.")] = 2000,
    years: Annotated[int, typer.Option(min=2, max=12, help="How many years of history.")] = 4,
    seed: Annotated[int, typer.Option(help="The same seed gives the same company.")] = 7,
    as_json: Json = False,
) -> None:
    """Invent a company: fourteen tables, and beside them the true churn probabilities that no model may see."""
    from rapport.history.simulate import simulate as simulate_history

    with progress() as report:
        simulate_history(folder, customers, years, seed, progress=report)
    print_result(
        {"history": str(folder), "truth": f"{folder}.truth"},
        f"Wrote {folder} and its truth {folder}.truth.",
        as_json=as_json,
    )


def check(
    workspace: Workspace,
    source: HistorySource,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page that works offline.")] = None,
    rejected: Annotated[Path | None, typer.Option("--rejected", help="Write the rejected rows, with reasons.")] = None,
    as_of: OptionalAsOf = None,
    language: Language = None,
) -> None:
    """Report what was read, what was rejected, which models can be trained, and what is missing for the others."""
    from rapport.history.checks import check_history

    with workspace.open_history(source, lists_rejected=True) as history:
        result = check_history(history, as_of)
        if rejected is not None:
            write_table(history.rejected.rows, rejected)
        if html is not None:
            html.write_text(result.as_html(workspace.language(language)), encoding="utf-8")
        workspace.print(result.as_dict(), result.as_text(language))


def leaks(workspace: Workspace, source: HistorySource) -> None:
    """Add rows from the future to a copy of a history and count the feature cells that change; exit code 1 if any."""
    from rapport.features.leaks.self_test import check_leaks

    with workspace.open_history(source) as history, progress() as report:
        result = check_leaks(history, active=workspace.active(), progress=report)
    workspace.print_report(result)
    raise typer.Exit(0 if result.clean else 1)


def map_names(
    company: Company,
    source: HistorySource,
    preset: Annotated[
        str | None,
        typer.Option("--preset", help="The system that wrote the tables, such as hubspot."),
    ] = None,
    language: Language = None,
) -> None:
    """Propose how a company's own tables and columns fit the contract, as TOML for rapport.toml."""
    from rapport.history.mapping import propose_mapping

    with enough_memory(company.settings, source):
        proposal = propose_mapping(source, company.settings, preset)
    company.print(proposal.as_dict(), proposal.as_toml(company.language(language)))
