"""What a command works with: the settings, the data folder, a history, and how the result is printed.

A command declares one parameter ``company: Company`` or ``workspace: Workspace``; ``Commands`` replaces it by the
options that the class declares as fields.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from rapport.aliases import variable
from rapport.cli.options import DataDir, Json, SettingsPath
from rapport.cli.terminal import Report, err, print_result
from rapport.data_format import check_format
from rapport.durations import Duration, parse_duration
from rapport.errors import SettingsError
from rapport.history import Settings

if TYPE_CHECKING:
    from rapport.history import History

SETTINGS_FILE = Path("rapport.toml")


@dataclass(frozen=True)
class Company:
    """The company's settings, and the form of the result."""

    settings_file: SettingsPath = None
    as_json: Json = False

    @property
    def settings_path(self) -> Path | None:
        """The named file, else ``rapport.toml`` in the current folder if it is there."""
        return self.settings_file or (SETTINGS_FILE if SETTINGS_FILE.exists() else None)

    @cached_property
    def settings(self) -> Settings:
        """The settings of the file, else the defaults."""
        return Settings.read(self.settings_path)

    def language(self, option: str | None) -> str:
        """Return the language of the option, else that of the settings."""
        return option or self.settings.language

    def horizon(self, option: str | None = None) -> Duration:
        """Return the horizon of the option, else that of the settings."""
        return parse_duration(option or self.settings.horizon)

    def active(self, option: str | None = None) -> Duration:
        """Return how recent an order makes a customer active: by the option, else by the settings."""
        return parse_duration(option or self.settings.active_window)

    def print(self, result: Mapping[str, Any], text: str) -> None:
        """Print a result: JSON for programs, text for people."""
        print_result(result, text, as_json=self.as_json)

    def print_report(self, report: Report) -> None:
        """Print what a stage returned: JSON for programs, text for people."""
        self.print(report.as_dict(), report.as_text())


@dataclass(frozen=True)
class Workspace(Company):
    """A company with its folder of models and scores."""

    data_dir_option: DataDir = None

    @property
    def location(self) -> Path:
        """The data folder, unchecked: ``--data-dir``, else RAPPORT_DATA_DIR, else the settings."""
        return self.data_dir_option or Path(variable(os.environ, "RAPPORT_DATA_DIR") or self.settings.data_dir)

    @cached_property
    def data_dir(self) -> Path:
        """The data folder; a note is printed if it has an older format, and a newer one is refused."""
        if note := check_format(self.location):
            err.print(note, style="dim", markup=False)
        return self.location

    @contextmanager
    def open_history(self, source: str, *, lists_rejected: bool = False) -> Iterator[History]:
        """Read a history without forgotten customers, and close it at the end.

        How many rows were rejected is printed, unless the command ``lists_rejected`` rows itself.
        """
        from rapport.history import read_history
        from rapport.history.suppressed_rows import leave_out_suppressed

        settings = replace(self.settings, data_dir=str(self.data_dir))
        with enough_memory(settings, source), read_history(source, settings) as history:
            if (rejected := history.rejected.total) and not lists_rejected:
                err.print(
                    f"[yellow]{rejected:,} rows were set aside[/]; `rapport check {source}` lists them with reasons.",
                    style="dim",
                )
            leave_out_suppressed(history, self.data_dir)
            yield history


@contextmanager
def enough_memory(settings: Settings, source: str) -> Iterator[None]:
    """Name the setting where the engine has too little memory for a history; SettingsError."""
    from duckdb import OutOfMemoryException

    try:
        yield
    except OutOfMemoryException as error:
        raise SettingsError(
            f"memory_limit = {settings.memory_limit!r} is too little for the engine to work on {source}. "
            "Write more into rapport.toml, such as '4GB', or fewer `threads`."
        ) from error


class Commands(typer.Typer):
    """A group of commands, each with the options of its company or workspace."""

    def command(  # type: ignore[override]  # typer types every option of a command
        self, name: str | None = None, **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a command."""
        register = super().command(name, **options)

        def registered(command: Callable[..., Any]) -> Callable[..., Any]:
            register(_with_options(command))
            return command

        return registered


def _with_options(command: Callable[..., object]) -> Callable[..., object]:
    """Return the command with the fields of its company or workspace as parameters in place of it."""
    signature = inspect.signature(command, eval_str=True)
    found = [each for each in signature.parameters.values() if each.annotation in (Company, Workspace)]
    if not found:
        return command
    context = found[0]
    hints = get_type_hints(context.annotation, include_extras=True)
    options = [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(context.annotation)
    ]

    @wraps(command)
    def run(**values: object) -> object:
        chosen = {each.name: values.pop(each.name) for each in options}
        return command(**values, **{context.name: context.annotation(**chosen)})

    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in signature.parameters.values()
        if each.name != context.name
    ]
    run.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]  # inspect reads it
    run.__annotations__ = {each.name: each.annotation for each in (*own, *options)}
    del run.__wrapped__  # It would bring the parameter back.
    return run
