"""The generated pages of docs/: write them, or check that they are up to date with the code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from rapport import aliases
from rapport.cli.exit_codes import EXIT_CODES
from rapport.cli.terminal import err

DOCS = Path(__file__).resolve().parents[2] / "docs"


def commands() -> str:
    """Return docs/commands.md: the exit codes, and every command, argument and option."""
    import typer.main

    from rapport.cli.app import app

    lines = ["# Commands", "", "`rapport COMMAND --help` prints the same.", "", "## Exit codes", ""]
    lines += [
        "| code | meaning |",
        "| --- | --- |",
        *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()),
    ]
    for name, command in _walk(typer.main.get_command(app), "rapport"):
        lines += ["", f"## `{name}`", "", (command.help or "").strip()]
        rows = [_parameter(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            lines += ["", "| option | meaning | default |", "| --- | --- | --- |", *rows]
    renamed = {" ".join(former): " ".join(current) for former, current in aliases.COMMANDS.items()}
    modes = {" ".join(former): current for former, current in aliases.MODES.items()}
    lines += _former_names("Former names", {**renamed, **modes, **aliases.OPTIONS})
    return "\n".join(lines) + "\n"


def _walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", {})
    if not inner:
        yield name, command
    for part, child in inner.items():
        yield from _walk(child, f"{name} {part}")


def _parameter(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    shown = (
        ", ".join((*parameter.opts, *parameter.secondary_opts))
        if is_option
        else parameter.metavar or parameter.name.upper()
    )
    default = getattr(parameter.default, "value", parameter.default)
    default = "required" if parameter.required else "" if default in (None, False, ()) else f"`{default}`"
    variable = f" Or the variable `{parameter.envvar}`." if parameter.envvar else ""
    return f"| `{shown}` | {parameter.help or ''}{variable} | {default} |"


def settings() -> str:
    """Return docs/settings.md: every setting of rapport.toml and every environment variable."""
    from rapport.history import Settings
    from rapport.history.settings import CURRENT_NAMES
    from rapport.serving.environment import variables

    lines = [
        "# Settings",
        "",
        "A company's decisions are in `rapport.toml`; addresses, limits and secrets of a server in the environment.",
        "",
        "## rapport.toml",
        "",
        "| setting | meaning | default |",
        "| --- | --- | --- |",
    ]
    for field in fields(Settings):
        default = getattr(Settings(), field.name)
        lines.append(f"| `{field.name}` | {field.metadata['description']} | {_default(default)} |")
    lines += ["", "## The environment", "", "| variable | meaning | default |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {meaning} | {default} |" for name, meaning, default in variables()]
    lines += [
        "| `MLFLOW_TRACKING_URI` | Tracking server or store of MLflow. | an SQLite file in the data folder |",
    ]
    lines += _former_names("Former names", {**CURRENT_NAMES, **aliases.VARIABLES})
    return "\n".join(lines) + "\n"


def _former_names(heading: str, names: Mapping[str, str]) -> list[str]:
    rows = [f"| `{old}` | `{new}` |" for old, new in names.items()]
    return ["", f"## {heading}", "", "These still work.", "", "| former | current |", "| --- | --- |", *rows]


def _default(value: object) -> str:
    return f"`{dict(value) if isinstance(value, Mapping) else value}`" if value not in ("", (), None) and value else ""


def pages() -> dict[str, Callable[[], str]]:
    """Return the function that renders each generated page, by file name."""
    from rapport.features.catalog.features_page import features_page
    from rapport.history.contract.reference_page import contract_page
    from rapport.history.mapping.presets import presets_page
    from rapport.scoring.reasons.docs_page import reasons_page
    from rapport.serving.application.analysis_catalog import analyses_page

    return {
        "analyses.md": analyses_page,
        "commands.md": commands,
        "contract.md": contract_page,
        "features.md": features_page,
        "presets.md": presets_page,
        "reasons.md": reasons_page,
        "settings.md": settings,
    }


def main() -> None:
    """Write the pages, or with ``--check`` list those that are out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is out of date")
    parser.add_argument("--language-template", metavar="CODE", help="print the file of a language, to be translated")
    arguments = parser.parse_args()
    if arguments.language_template:
        from rapport.cli.language_template import language_template

        sys.stdout.write(language_template(arguments.language_template))
        return
    check = arguments.check
    stale = []
    for name, render in pages().items():
        path, text = DOCS / name, render()
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            stale.append(name)
        elif not check:
            path.write_text(text, encoding="utf-8")
    if stale:
        err.print(f"Out of date in docs/: {', '.join(stale)}. Run `make docs` and commit.", style="red")
        sys.exit(1)


if __name__ == "__main__":
    main()
