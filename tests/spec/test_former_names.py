"""Former names of commands, options and variables still work, and print the current name."""

import pytest
import typer
from typer.testing import CliRunner

from rapport import aliases
from rapport.cli.app import app
from rapport.cli.workspace import Workspace


@pytest.mark.parametrize(
    ("former", "today"),
    [
        ("models repeat H 3", "models reproduce H 3"),
        ("score H --as-of 2025-11-01 --due --out due.csv", "due H --as-of 2025-11-01 --out due.csv"),
        ("check --leaks H --json", "leaks H --json"),
        ("models list --home elsewhere", "models list --data-dir elsewhere"),
        ("serve --home=elsewhere", "serve --data-dir=elsewhere"),
        ("models repeat H 3 --home elsewhere", "models reproduce H 3 --data-dir elsewhere"),
    ],
)
def test_a_former_name_becomes_the_name_of_today(former, today):
    arguments, notes = aliases.current_arguments(former.split())
    assert arguments == today.split()
    assert notes
    assert aliases.current_arguments(arguments) == (arguments, [])


@pytest.mark.parametrize("words", ["train repeat", "due H --due", "map --leaks", "keys add home", "card check --due"])
def test_a_word_that_only_looks_like_a_former_name_is_left_alone(words):
    assert aliases.current_arguments(words.split()) == (words.split(), [])


def test_every_name_of_today_in_the_table_exists():
    program = typer.main.get_command(app)
    for path in [*aliases.COMMANDS.values(), *((command,) for command in aliases.MODES.values())]:
        command = program
        for name in path:
            command = command.commands[name]
    options = {option for command in program.commands.values() for param in command.params for option in param.opts}
    assert set(aliases.OPTIONS.values()) <= options


def test_the_program_answers_to_a_former_name_and_prints_the_new_one(tmp_path):
    ran = CliRunner().invoke(app, ["keys", "list", "--home", str(tmp_path)])
    assert ran.exit_code == 0
    assert "No keys yet" in ran.stdout
    assert "`--home` is an old name; use `--data-dir`." in ran.stderr


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({}, "from-settings"),
        ({"RAPPORT_HOME": "old"}, "old"),
        ({"RAPPORT_DATA_DIR": "new"}, "new"),
        ({"RAPPORT_HOME": "old", "RAPPORT_DATA_DIR": "new"}, "new"),
    ],
)
def test_the_data_folder_comes_from_the_newest_name_that_is_set(monkeypatch, tmp_path, environ, folder):
    for name in ("RAPPORT_HOME", "RAPPORT_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = tmp_path / "rapport.toml"
    settings.write_text('data_dir = "from-settings"')
    assert str(Workspace(settings).data_dir) == folder
