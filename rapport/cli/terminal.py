"""What every command shares: how it shows progress, prints its result, reads a date, and fails."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from rapport.errors import RapportError, SettingsError
from rapport.history import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from rapport.history import History

SETTINGS_FILE = Path("rapport.toml")
MODULES_OF_EXTRAS = {
    "train": ("mlflow", "sklearn", "scipy", "matplotlib", "pandas", "shap"),
    "search": ("optuna",),
    "serve": ("bentoml", "pydantic", "prometheus_client", "starlette", "itsdangerous", "jwt", "xlsxwriter"),
    "spark": ("pyspark",),
    "sentiment": ("textblob",),
    "sql": ("adbc_driver_postgresql", "adbc_driver_manager"),
    "notebooks": ("jupytext", "nbclient"),
}

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
SettingsPath = Annotated[
    Path | None, typer.Option("--settings", help="The company's rapport.toml; by default the one in this folder.")
]
HistorySource = Annotated[str, typer.Argument(metavar="HISTORY", help="A folder of tables, or a database URL.")]
DATE_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]


def settings_of(path: Path | None) -> Settings:
    """Read the named settings, else ``rapport.toml`` in this folder, else the defaults."""
    return Settings.read(path or (SETTINGS_FILE if SETTINGS_FILE.exists() else None))


@contextmanager
def opened(source: str, settings: Settings) -> Iterator[History]:
    """Read a history and say what was refused; closed at the end."""
    from duckdb import OutOfMemoryException

    from rapport.history import read_history

    try:
        with read_history(source, settings) as history:
            refused = history.rejected.total
            if refused:
                words = f"[yellow]{refused:,} rows were set aside[/]; `rapport check {source}` says which and why."
                err.print(words, style="dim")
            yield history
    except OutOfMemoryException as error:
        raise SettingsError(
            f"memory_limit = {settings.memory_limit!r} is too little for the engine to work on {source}. "
            "Write more into rapport.toml, such as '4GB', or fewer `threads`."
        ) from error


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Show a bar on the terminal; gives ``report(message, share)``, share from 0 to 1."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)

        def report(message: str, share: float) -> None:
            bar.update(task, description=message, completed=share)

        yield report


def tell(result: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print a result: as JSON for programs, as text for people."""
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, default=str))
    else:
        out.print(text, markup=False)


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet or CSV, told by the file's ending; whole or not at all."""
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    if path.suffix == ".parquet":
        pq.write_table(table, part)
    elif path.suffix == ".csv":
        pa_csv.write_csv(table, part)
    else:
        raise SettingsError(f"{path}: unknown ending {path.suffix or '(none)'}. Use .parquet or .csv.")
    part.replace(path)


def now() -> datetime:
    """Return the time at which a command runs; the rooms are given it, never ask for it."""
    return datetime.now().astimezone()


def clear_up(home: Path, settings: Settings) -> None:
    """Clear what killed runs left in the home and in the scratch folder."""
    from rapport.history.leftovers import clear_leftovers

    scratch = Path(settings.scratch or tempfile.gettempdir())
    parts = [*home.glob("models/*/.*.part"), *home.glob("scores/**/.*.part"), *home.glob(".mlflow.db.*")]
    # A server's own folder is as old as the server.
    ours = [path for path in scratch.glob("rapport-*") if not path.name.startswith("rapport-bento-")]
    clear_leftovers([*parts, *ours], now())


def guarded(run: Callable[[], None]) -> None:
    """Run the program; a user's mistake becomes one sentence and its exit code."""
    # MLflow tells of its own tables while it is imported and first touched; that is not what was asked.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    try:
        run()
    except RapportError as mistake:
        err.print(str(mistake), style="red", markup=False)
        sys.exit(mistake.exit_code)
    except ModuleNotFoundError as missing:
        extra = next(
            (name for name, parts in MODULES_OF_EXTRAS.items() if (missing.name or "").split(".")[0] in parts), None
        )
        if extra is None:
            raise
        err.print(
            f"This command needs {missing.name}. Install it with: pip install 'rapport[{extra}]'",
            style="red",
            markup=False,
        )
        sys.exit(3)
    except (OSError, MemoryError) as trouble:
        err.print(f"The machine refused: {trouble}. Check the path, the rights and the free space.", style="red")
        sys.exit(4)
    except KeyboardInterrupt:
        err.print("Stopped; what was there before is untouched.")
        sys.exit(130)
