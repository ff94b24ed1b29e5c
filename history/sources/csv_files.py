"""CSV files: every value is read as text; a line that does not fit the header is rejected with its reason."""

import codecs
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from rapport.errors import TableError
from rapport.history.rejected_rows import FILE, LINE, RejectedRow
from rapport.history.sources.text_layout import TextLayout, open_bytes
from rapport.history.sql import literal, quoted

_REASONS = {
    "TOO MANY COLUMNS": "The line has more columns than the header: quote the values that hold a separator.",
    "MISSING COLUMNS": "The line has fewer columns than the header.",
    "UNQUOTED VALUE": "The line has a quote that is not closed.",
    "LINE SIZE OVER MAXIMUM": "The line is too long; is a quote not closed?",
    "INVALID ENCODING": "The line has a character that is not valid in the file's encoding.",
}
_BAD_BYTE = "rapport-bad-byte"
codecs.register_error(_BAD_BYTE, lambda error: ("\udcff", getattr(error, "end", 0)))
_CHUNK = 1 << 22
_MAX_RENUMBERED = 1000


def load_csv(part: str, path: Path, layout: TextLayout, connection: duckdb.DuckDBPyConnection) -> list[RejectedRow]:
    """Load a file as text into the table ``part`` (an SQL identifier); return the lines that do not fit the header."""
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in layout.names)
    with _as_utf8(path, layout) as readable:
        read = (
            f"read_csv({literal(str(readable))}, columns = {{{columns}}}, delim = {literal(layout.separator)}, "
            f"quote = '\"', escape = '\"', header = true, skip = {layout.skipped}, auto_detect = false, "
            "store_rejects = true)"
        )
        try:
            connection.execute(_with_line_numbers(part, path, read, layout.skipped))
        except duckdb.OutOfMemoryException:
            # The file is not at fault: the memory limit is too low.
            raise
        except duckdb.Error as error:
            raise TableError(f"{path.name}: cannot be read as CSV: {str(error).splitlines()[0]}") from error
    return _rejects(part, path, connection)


@contextmanager
def _as_utf8(path: Path, layout: TextLayout) -> Iterator[Path]:
    """Yield the file, or a copy of it in UTF-8 whose lines all end alike.

    A bad byte stays a bad byte, so that only its line is rejected.
    """
    if layout.encoding in ("utf-8", "utf-8-sig") and not _has_mixed_ends(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="rapport-") as folder:
        copy = Path(folder) / "utf8.csv"
        decoder = codecs.getincrementaldecoder(layout.encoding)(_BAD_BYTE)
        ends = io.IncrementalNewlineDecoder(None, translate=True)
        with open_bytes(path) as source, copy.open("wb") as target:
            while chunk := source.read(_CHUNK):
                target.write(ends.decode(decoder.decode(chunk)).encode("utf-8", "surrogateescape"))
            rest = ends.decode(decoder.decode(b"", final=True), final=True)
            target.write(rest.encode("utf-8", "surrogateescape"))
        yield copy


def _has_mixed_ends(path: Path) -> bool:
    """Return whether some lines end as on Windows and some do not, as in files of two writers: no row would be read."""
    ends = windows = 0
    with open_bytes(path) as file:
        while chunk := file.read(_CHUNK):
            # A chunk may cut an end in two: its first half is counted for both.
            windows += chunk.count(b"\r\n") + chunk.endswith(b"\r")
            ends += chunk.count(b"\n")
    return 0 < windows < ends


def _with_line_numbers(part: str, path: Path, read: str, skipped: int) -> str:
    """Return the SQL that loads a file and adds its name and the line number of each row."""
    return (
        f"CREATE TEMP TABLE {part} AS SELECT *, {literal(path.name)} AS {quoted(FILE)}, "
        f"row_number() OVER () + {skipped + 1} AS {quoted(LINE)} FROM {read}"
    )


def _rejects(part: str, path: Path, connection: duckdb.DuckDBPyConnection) -> list[RejectedRow]:
    """Return the skipped lines, and correct the line numbers of the rows after them."""
    rows = connection.execute(
        "SELECT line, min(error_type::VARCHAR), min(csv_line) FROM reject_errors GROUP BY line ORDER BY line"
    ).fetchall()
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    # Beyond this many, exact line numbers are not worth the updates.
    for line, _, _ in rows[:_MAX_RENUMBERED]:
        connection.execute(f"UPDATE {part} SET {quoted(LINE)} = {quoted(LINE)} + 1 WHERE {quoted(LINE)} >= {line}")
    return [
        RejectedRow(path.name, line, "", _REASONS.get(kind, "The line cannot be read."), text)
        for line, kind, text in rows
    ]
