"""The layout of a text file: its encoding, its separator, and the line that names the columns."""

import csv
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from rapport.errors import TableError
from rapport.history.messages import message
from rapport.history.sources.encodings import detect_encoding, is_utf8

SEPARATORS = ",;\t|"
SAMPLE = 1 << 20
# A title and the time of an export stand in the first lines, if they are there.
_FIRST_LINES = 60
# The header names at least this share of the columns; a title fills one or two cells.
_FILLED = 0.6
_LINE_END = re.compile("\r\n|\n|\r")


@dataclass(frozen=True)
class TextLayout:
    """How a text file is read: ``skipped`` lines stand above the line with the names of the columns."""

    encoding: str
    separator: str
    skipped: int
    names: tuple[str, ...]


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file that may be compressed with gzip; TableError while it is read if it is damaged."""
    try:
        with cast(BinaryIO, gzip.open(path)) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TableError(message("not_unpacked", origin=path.name, error=error)) from error


def text_layout(path: Path, encoding: str = "") -> TextLayout:
    """Return the layout of a file; TableError if it has no header or its encoding is not known."""
    with open_bytes(path) as file:
        sample = file.read(SAMPLE)
    encoding = encoding or _encoding(path, sample)
    try:
        text = sample.decode(encoding, errors="ignore")
    except LookupError as error:
        raise TableError(message("no_encoding", origin=path.name, encoding=encoding)) from error
    lines = _LINE_END.split(text.removeprefix("\ufeff"))
    if not "".join(lines).strip():
        raise TableError(message("no_header", origin=path.name))
    separator, skipped = _named_separator(lines)
    lines = lines[skipped : skipped + _FIRST_LINES]
    separator = separator or _separator(lines)
    above, header = _header(lines, separator)
    names = tuple(distinct_names([name.strip() or f"column {number}" for number, name in enumerate(header, 1)]))
    return TextLayout(encoding, separator, skipped + above, names)


def _encoding(path: Path, sample: bytes) -> str:
    """Return the encoding; a file that begins with ASCII only is read until its first other bytes."""
    if not sample.isascii() or len(sample) < SAMPLE:
        return detect_encoding(sample, path)
    with open_bytes(path) as file:
        while chunk := file.read(1 << 22):
            if not chunk.isascii():
                # The line that the end of the chunk cuts is left out.
                whole = chunk[: chunk.rfind(b"\n") + 1] or chunk
                return "utf-8" if is_utf8(whole) else detect_encoding(whole, path)
    return "utf-8"


def _named_separator(lines: Sequence[str]) -> tuple[str, int]:
    """Return the separator that a first line such as ``sep=;`` names, and how many lines that takes."""
    first = lines[0].strip().strip('"').lower()
    named = lines[0].strip().strip('"')[4:5] if first.startswith("sep=") else ""
    if first == "sep=" and lines[0].endswith("\t"):
        named = "\t"
    return (named, 1) if named else ("", 0)


def _separator(lines: Sequence[str]) -> str:
    """Return the separator that divides most lines into the same number of columns."""
    first = next(line for line in lines if line.strip())
    candidates = {each: _usual_width(_rows(lines, each)) for each in SEPARATORS}
    if all(width == 1 for width, _ in candidates.values()):
        return max(SEPARATORS, key=first.count)
    return max(SEPARATORS, key=lambda each: (candidates[each][1] * (candidates[each][0] > 1), candidates[each][0]))


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return list(csv.reader((line + "\n" for line in lines), delimiter=separator))
    except csv.Error:
        return []


def _usual_width(rows: Sequence[Sequence[str]]) -> tuple[int, float]:
    """Return the most frequent number of columns, and the share of rows that have it."""
    if not rows:
        return 1, 0.0
    width, count = Counter(len(row) for row in rows).most_common(1)[0]
    return width, count / len(rows)


def _header(lines: Sequence[str], separator: str) -> tuple[int, list[str]]:
    """Return how many lines stand above the header, and its cells."""
    rows = _rows(lines, separator)
    above = header_row(rows)
    # A title in quotes may have several lines.
    reader = csv.reader((line + "\n" for line in lines), delimiter=separator)
    for _ in range(above):
        next(reader)
    skipped = reader.line_num
    return skipped, rows[above]


def header_row(rows: Sequence[Sequence[str]]) -> int:
    """Return the index of the first row that fills most of the columns, as only names or values do."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    counts = sorted(count for count in filled if count)
    usual = counts[len(counts) * 3 // 4] if counts else 0
    return next((index for index, count in enumerate(filled) if count and count >= _FILLED * usual), 0)


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return the names with repeated ones numbered, since the database ignores case."""
    taken = {name.lower() for name in names}
    seen: set[str] = set()
    distinct = []
    for name in names:
        own, number = name, 1
        while own.lower() in seen or (number > 1 and own.lower() in taken):
            number += 1
            own = f"{name} {number}"
        seen.add(own.lower())
        distinct.append(own)
    return distinct
