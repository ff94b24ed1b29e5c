"""What a command writes: progress and notes to stderr, its result to stdout, tables to files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from rapport.errors import SettingsError
from rapport.files import atomic_write

if TYPE_CHECKING:
    import pyarrow as pa

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

TABLE_ENDINGS = (".parquet", ".csv")


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Show a progress bar; yields ``report(message, share)`` with a share from 0 to 1."""
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


def print_result(result: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Print a result: JSON for programs, text for people."""
    if as_json:
        typer.echo(json.dumps(without_nan(result), ensure_ascii=False, default=str, allow_nan=False))
    else:
        out.print(text, markup=False)


class Report(Protocol):
    """What a stage returns to its command."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""

    def as_text(self) -> str:
        """Return it for people."""


def without_nan(value: object) -> object:
    """Return a value with null for every number that JSON does not have, at any depth."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: without_nan(each) for key, each in value.items()}
    return [without_nan(each) for each in value] if isinstance(value, list | tuple) else value


def check_table_ending(path: Path) -> None:
    """Refuse a table's file that could not be written after the long work."""
    if path.suffix not in TABLE_ENDINGS:
        raise SettingsError(f"{path}: unknown ending {path.suffix or '(none)'}. Use .parquet or .csv.")


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet or CSV, as the file's ending says; a failed write leaves the old file in place."""
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    check_table_ending(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, private=False) as part:
        (pq.write_table if path.suffix == ".parquet" else pa_csv.write_csv)(table, part)
