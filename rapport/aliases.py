"""Names of commands, options and environment variables that Rapport used before; each still works as its new name."""

from __future__ import annotations

from collections.abc import Mapping

COMMANDS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("models", "repeat"): ("models", "reproduce"),
}
"""A command whose name changed, as it is written after ``rapport``."""

MODES: Mapping[tuple[str, str], str] = {
    ("score", "--due"): "due",
    ("check", "--leaks"): "leaks",
}
"""A command and the option that made it do something else, which is a command of its own now."""

OPTIONS: Mapping[str, str] = {"--home": "--data-dir"}
"""Options of any command."""

VARIABLES: Mapping[str, str] = {"RAPPORT_HOME": "RAPPORT_DATA_DIR"}
"""Environment variables."""


def current_arguments(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return command-line arguments in today's names, and one note for each name that was replaced."""
    notes: list[str] = []
    renamed = _renamed_command(_renamed_options(arguments, notes), notes)
    return _mode_as_command(renamed, notes), notes


def variable(environ: Mapping[str, str], name: str) -> str | None:
    """Return an environment variable by its name of today; an older name answers where today's is not set."""
    if name in environ:
        return environ[name]
    return next((environ[old] for old, new in VARIABLES.items() if new == name and old in environ), None)


def _renamed_options(arguments: list[str], notes: list[str]) -> list[str]:
    renamed = []
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if option in OPTIONS:
            notes.append(_note(option, OPTIONS[option]))
            argument = OPTIONS[option] + equals + value
        renamed.append(argument)
    return renamed


def _renamed_command(arguments: list[str], notes: list[str]) -> list[str]:
    for old, new in COMMANDS.items():
        if tuple(arguments[: len(old)]) == old:
            notes.append(_note(f"rapport {' '.join(old)}", f"rapport {' '.join(new)}"))
            return [*new, *arguments[len(old) :]]
    return arguments


def _mode_as_command(arguments: list[str], notes: list[str]) -> list[str]:
    for (command, option), new in MODES.items():
        if arguments[:1] == [command] and option in arguments:
            notes.append(_note(f"rapport {command} {option}", f"rapport {new}"))
            return [new, *(argument for argument in arguments[1:] if argument != option)]
    return arguments


def _note(old: str, new: str) -> str:
    return f"`{old}` is an old name; use `{new}`."
