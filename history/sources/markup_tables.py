"""Workbooks that are web pages or XML: many systems export an HTML table or an XML spreadsheet and name it .xls."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

from rapport.history.sources.encodings import detect_encoding
from rapport.history.sources.text_layout import open_bytes

# Both formats name a table, a row and a cell by one of these.
_TABLES, _ROWS, _CELLS = {"table"}, {"tr", "row"}, {"td", "th", "cell"}
_ENCODING = re.compile(rb"(?:encoding|charset)\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)


def is_markup(path: Path) -> bool:
    """Return whether a file begins as HTML or XML does."""
    with open_bytes(path) as file:
        return file.read(256).lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<")


def is_text(path: Path) -> bool:
    """Return whether a file named as a workbook is none, but lines of text: many systems name a CSV file .xls."""
    with open_bytes(path) as file:
        head = file.read(4096)
    return (
        not is_markup(path) and (head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" not in head) and head[:2] != b"PK"
    )


def markup_tables(path: Path) -> list[Sequence[Sequence[str]]]:
    """Return the rows of each table of a file that has at least two rows; tables inside a table stand apart."""
    content = path.read_bytes()
    named = _ENCODING.search(content[:2048])
    encoding = named[1].decode("ascii") if named else detect_encoding(content, path)
    try:
        text = content.decode(encoding, errors="replace")
    except LookupError:
        text = content.decode("utf-8", errors="replace")
    parser = _TableParser()
    parser.feed(text)
    parser.close()
    return [rows for rows in parser.tables if len(rows) > 1]


class _TableParser(HTMLParser):
    """Collects the text of the cells; a cell over several columns or with a place of its own keeps the order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self._open: list[list[list[str]]] = []
        self._cell: list[str] | None = None
        self._width = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _TABLES:
            self.tables.append([])
            self._open.append(self.tables[-1])
        elif tag in _ROWS and self._open:
            self._finish_cell()
            self._open[-1].append([])
        elif tag in _CELLS and self._open and self._open[-1]:
            self._finish_cell()
            row, named = self._open[-1][-1], dict(attrs)
            # An XML spreadsheet leaves out empty cells and says the number of the next one.
            place = named.get("ss:index") or ""
            row.extend([""] * (int(place) - 1 - len(row) if place.isdigit() else 0))
            self._cell = []
            self._width = int(span) if (span := named.get("colspan") or "").isdigit() else 1
        elif tag == "br" and self._cell is not None:
            self._cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _CELLS or tag in _ROWS:
            self._finish_cell()
        elif tag in _TABLES and self._open:
            self._finish_cell()
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def close(self) -> None:
        """Read what is left; a page may end within its last cell."""
        super().close()
        self._finish_cell()

    def _finish_cell(self) -> None:
        if self._cell is not None and self._open and self._open[-1]:
            text = " ".join("".join(self._cell).split())
            self._open[-1][-1].extend([text, *[""] * (min(self._width, 100) - 1)])
        self._cell = None
