"""Excel workbooks: each sheet with rows is a table; every cell is read as the text that a CSV export would have."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from rapport.errors import TableError
from rapport.history.rejected_rows import FILE, LINE
from rapport.history.sources.markup_tables import is_markup, markup_tables
from rapport.history.sources.text_layout import distinct_names, header_row
from rapport.history.sql import literal, quoted

_FIRST_ROWS = 60
_BATCH = 100_000


@dataclass(frozen=True)
class Sheet:
    """A sheet with rows: its names stand in row ``header``, counted from 0; ``rows`` returns all rows of the sheet."""

    path: Path
    name: str
    header: int
    names: tuple[str, ...]
    rows: Callable[[], Sequence[Sequence[Any]]]


def excel_sheets(path: Path) -> list[Sheet]:
    """Return the visible sheets that hold a table, or the tables of a web page that is named as a workbook."""
    if is_markup(path):
        tables = markup_tables(path)
        if not tables:
            raise TableError(
                f"{path.name}: is a web page or XML without a table. Is it the page of a sign-in or of an error? "
                "Export it again."
            )
        found = [_sheet(path, f"table {number}", rows, partial(list, rows)) for number, rows in enumerate(tables, 1)]
    else:
        workbook = _open(path)
        found = [_workbook_sheet(path, workbook, name) for name in _visible(workbook)]
    sheets = [sheet for sheet in found if sheet is not None]
    if not sheets:
        raise TableError(f"{path.name}: has no sheet with rows. Put the names of the columns in its first row.")
    return sheets


def load_sheet(part: str, sheet: Sheet, connection: duckdb.DuckDBPyConnection) -> None:
    """Load a sheet as text into the table ``part`` (an SQL identifier)."""
    schema = pa.schema([(name, pa.string()) for name in (*sheet.names, "row")])
    batches = pa.RecordBatchReader.from_batches(schema, _batches(sheet, schema))
    connection.register("sheet rows", batches)
    try:
        connection.execute(
            f"CREATE TEMP TABLE {part} AS SELECT * EXCLUDE (row), {literal(sheet.path.name)} AS {quoted(FILE)}, "
            f'CAST("row" AS BIGINT) AS {quoted(LINE)} FROM {quoted("sheet rows")}'
        )
    finally:
        connection.unregister("sheet rows")


def _open(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError as error:
        raise TableError(f"{path.name}: is protected by a password. Save it without one.") from error
    except (CalamineError, OSError) as error:
        raise TableError(
            f"{path.name}: cannot be read as an Excel workbook: {error}. Save it again as .xlsx."
        ) from error


def _visible(workbook: CalamineWorkbook) -> list[str]:
    return [about.name for about in workbook.sheets_metadata if about.visible is SheetVisibleEnum.Visible]


def _workbook_sheet(path: Path, workbook: CalamineWorkbook, name: str) -> Sheet | None:
    try:
        sheet = workbook.get_sheet_by_name(name)
    except CalamineError:
        # A sheet of charts has no cells.
        return None
    first = sheet.to_python(nrows=_FIRST_ROWS, skip_empty_area=False)
    return _sheet(path, name, first, partial(_workbook_rows, path, name))


def _workbook_rows(path: Path, name: str) -> Sequence[Sequence[object]]:
    return _open(path).get_sheet_by_name(name).to_python(skip_empty_area=False)


def _sheet(path: Path, name: str, rows: Sequence[Sequence[Any]], read: Callable[[], Sequence[Any]]) -> Sheet | None:
    first = [[_text(cell) or "" for cell in row] for row in rows[:_FIRST_ROWS]]
    if not any(any(row) for row in first):
        return None
    header = header_row(first)
    names = [cell.strip() or f"column {number}" for number, cell in enumerate(first[header], 1)]
    return Sheet(path, name, header, tuple(distinct_names(names)), read)


def _batches(sheet: Sheet, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rows, width = sheet.rows(), len(sheet.names)
    for start in range(sheet.header + 1, len(rows), _BATCH):
        # A row of a web page may end early.
        part = [
            row if len(row) >= width else [*row, *[""] * (width - len(row))] for row in rows[start : start + _BATCH]
        ]
        columns: list[Sequence[str | None]] = [[_text(row[index]) for row in part] for index in range(width)]
        numbers = [str(start + offset + 1) for offset in range(len(part))]
        filled = [any(cell is not None for cell in row) for row in zip(*columns, strict=True)]
        arrays = [pa.array(column, pa.string()) for column in (*columns, numbers)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        yield batch if all(filled) else batch.filter(pa.array(filled))


def _text(cell: Any) -> str | None:
    """Return a cell as text: a whole number without a decimal point, a time as ISO 8601, an error as missing."""
    kind = type(cell)
    if kind is str:
        return None if cell == "" or cell in _ERRORS else cell
    if kind is float:
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return _other_text(cell)


def _other_text(cell: object) -> str | None:
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, timedelta):
        return str(cell.total_seconds())
    if isinstance(cell, date | time):
        return cell.isoformat()
    return None if cell is None else str(cell)


_ERRORS = frozenset({"#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!"})
