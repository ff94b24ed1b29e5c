"""A proposed mapping as ``rapport.toml``: what the files leave open, and the file with the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapport.history.contract import by_name
from rapport.history.mapping.messages import message, question_line
from rapport.history.settings import Settings
from rapport.localized import LocalizedText

if TYPE_CHECKING:
    from rapport.history.mapping.proposal import MappingProposal
    from rapport.history.reading.history import History

SAMPLES = 3
NO_SETTINGS = ("questions", "doubts", "columns", "preset")
"""What a proposal says about the mapping, and no setting."""


@dataclass(frozen=True)
class OpenQuestion:
    """A setting that the files do not decide; without ``choices`` any text answers it.

    ``ambiguous`` says that a wrong answer misreads the values, so none may be taken silently.
    """

    name: str
    text: LocalizedText
    usual: str
    choices: tuple[str, ...] = ()
    ambiguous: bool = False


def open_questions(proposal: MappingProposal) -> tuple[OpenQuestion, ...]:
    """Return what the files leave open: order of day and month, decimal mark, currency, churn."""
    found = []
    if any("date_format" in question.en for question in proposal.questions):
        choices = ("day_first", "month_first")
        found.append(_question("date_format", "day_first", choices, ambiguous=True))
    if any("decimal" in question.en for question in proposal.questions):
        found.append(_question("decimal", ".", (".", ","), ambiguous=True))
    if "currency" not in proposal.settings:
        found.append(_question("currency", ""))
    tables = {each.table.name for each in proposal.tables}
    if "churn" not in proposal.settings and "contracts" in tables:
        usual = "contracts" if "orders" not in tables else "orders"
        found.append(_question("churn", usual, ("orders", "contracts", "subscriptions")))
    return tuple(found)


def _question(name: str, usual: str, choices: tuple[str, ...] = (), *, ambiguous: bool = False) -> OpenQuestion:
    return OpenQuestion(name, message(f"open.{name}"), usual, choices, ambiguous)


def settings_of(proposal: MappingProposal, answers: Mapping[str, str]) -> Settings:
    """Return the settings that the file will hold."""
    written = {name: value for name, value in {**proposal.as_dict(), **answers}.items() if value != ""}
    return Settings.of({name: value for name, value in written.items() if name not in NO_SETTINGS})


def settings_text(proposal: MappingProposal, answers: Mapping[str, str]) -> str:
    """Return the settings file: the answers first, then the mapping."""
    decided = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in answers.items()]
    language = answers.get("language", "en")
    lines = proposal.as_toml(language).splitlines()
    # A setting that was asked for replaces the proposed one, and an answered question is no question.
    answered = {question_line(each, language) for each in proposal.questions}
    asked = tuple(f"{name} = " for name in answers)
    kept = [line for line in lines if line not in answered and not line.startswith(asked)]
    begin = next((place for place, line in enumerate(kept) if not line.startswith("#")), len(kept))
    return "\n".join([*kept[:begin], *decided, *kept[begin:]]) + "\n"


def samples(history: History) -> dict[str, tuple[int, dict[str, list[str]]]]:
    """Return, for each table, its rows and sample values of its required columns."""
    found: dict[str, tuple[int, dict[str, list[str]]]] = {}
    for name, rows in history.rows.items():
        values = {}
        for column in by_name(name).required:
            sql = f'SELECT DISTINCT "{column}" FROM "{name}" WHERE "{column}" IS NOT NULL LIMIT {SAMPLES}'
            values[column] = [str(value) for (value,) in history.connection.execute(sql).fetchall()]
        found[name] = (rows, values)
    return found
