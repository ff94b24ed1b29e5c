"""Searches every file of a data folder, decoded, for customers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa

from rapport.serving.privacy.run_files import read_table


def files_naming(data_dir: Path, customer_ids: Sequence[str]) -> list[str]:
    """Return the files that still name one of the customers, as whole values or as words of a text."""
    either = "|".join(re.escape(one) for one in sorted(customer_ids, key=len, reverse=True))
    whole, ids = re.compile(rf"(?<![\w-])(?:{either})(?![\w-])"), frozenset(customer_ids)
    # A short number is also a word of other texts.
    words = [one for one in customer_ids if len(one) >= 5 and not one.isdecimal()]
    paths = sorted(path for path in data_dir.rglob("*") if path.is_file() and "locks" not in path.parts)
    return [
        path.relative_to(data_dir).as_posix()
        for path in paths
        if any(value in ids or (words and whole.search(value)) for value in values_of(path))
    ]


def values_of(path: Path) -> Iterator[str]:
    """Return every text in a file, decoded by its format."""
    if path.suffix in (".arrow", ".parquet"):
        table = read_table(path)
        for field in table.schema:
            if pa.types.is_string(field.type) or pa.types.is_nested(field.type):
                yield from map(str, table.column(field.name).unique().to_pylist()
                               if pa.types.is_string(field.type) else table.column(field.name).to_pylist())  # fmt: skip
        yield str(table.schema.metadata or "")
    elif path.suffix == ".npy":
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.dtype.kind in "SU":
            yield from (one.decode() if isinstance(one, bytes) else str(one) for one in array.tolist())
    elif path.suffix == ".db":
        yield from _database_values(path)
    yield from _raw(path) if path.suffix not in (".arrow", ".parquet", ".npy") else ()


def _database_values(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as store:
        for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in store.execute(f'SELECT * FROM "{name}"'):
                for value in row:
                    if isinstance(value, (str, bytes)):
                        yield value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _raw(path: Path) -> Iterator[str]:
    # Also the free pages and the log of a database; a running service may remove a log meanwhile.
    with suppress(FileNotFoundError):
        yield path.read_bytes().decode("utf-8", "replace")
