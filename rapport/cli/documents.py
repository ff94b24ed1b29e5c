"""The pages of docs/ that are made from the code: write them, or check that they are as the code is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from rapport.cli.terminal import err

DOCS = Path(__file__).resolve().parents[2] / "docs"


def commands() -> str:
    """Return docs/commands.md: every command, argument and option."""
    import typer.main

    from rapport.cli.app import app

    lines = ["# Commands", "", "`rapport COMMAND --help` prints the same. Exit codes are listed in the README."]
    for name, command in _walk(typer.main.get_command(app), "rapport"):
        lines += ["", f"## `{name}`", "", (command.help or "").strip()]
        rows = [_parameter(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            lines += ["", "| option | meaning | default |", "| --- | --- | --- |", *rows]
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
    return f"| `{shown}` | {parameter.help or ''} | {default} |"


def settings() -> str:
    """Return docs/settings.md: what rapport.toml and the environment can say."""
    from rapport.history import Settings
    from rapport.serving.environment import variables

    lines = [
        "# Settings",
        "",
        "What a company decides stands in `rapport.toml`; addresses and limits of a server come from the environment.",
        "",
        "## rapport.toml",
        "",
        "| setting | meaning | default |",
        "| --- | --- | --- |",
    ]
    for each in fields(Settings):
        default = getattr(Settings(), each.name)
        lines.append(f"| `{each.name}` | {each.metadata['says']} | {_default(default)} |")
    lines += ["", "## The environment", "", "| variable | meaning | default |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {meaning} | {default} |" for name, meaning, default in variables()]
    lines += [
        "| `MLFLOW_TRACKING_URI` | Where MLflow keeps its records. | an SQLite file in the home folder |",
    ]
    return "\n".join(lines) + "\n"


def _default(value: object) -> str:
    return f"`{dict(value) if isinstance(value, Mapping) else value}`" if value not in ("", (), None) and value else ""


def pages() -> dict[str, Callable[[], str]]:
    """Return the makers of every generated page, by file name."""
    from rapport.features.document import features_page
    from rapport.history.page import contract_page
    from rapport.scoring.wording.page import reasons_page

    return {
        "commands.md": commands,
        "contract.md": contract_page,
        "features.md": features_page,
        "reasons.md": reasons_page,
        "settings.md": settings,
    }


def main() -> None:
    """Write the pages, or with ``--check`` say which are not as the code is."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--check", action="store_true", help="change nothing; end with 1 where a page is out of date")
    check = ask.parse_args().check
    stale = []
    for name, make in pages().items():
        path, text = DOCS / name, make()
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            stale.append(name)
        elif not check:
            path.write_text(text, encoding="utf-8")
    if stale:
        err.print(f"docs/ is not as the code is: {', '.join(stale)}. Run `make docs` and commit.", style="red")
        sys.exit(1)


if __name__ == "__main__":
    main()
