"""What is seen, as CSV and Excel files in which no cell is ever a formula."""

import csv
import io
from collections.abc import Sequence

from xlsxwriter import Workbook

Cell = str | float | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def as_csv(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    """Write rows as UTF-8 CSV that Excel reads; a text that looks like a formula gets a quote before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def as_excel(header: Sequence[str], rows: Sequence[Sequence[Cell]], sheet: str) -> bytes:
    """Write rows as an Excel workbook; texts are stored as texts, so they need no quote."""
    out = io.BytesIO()
    with Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        page = book.add_worksheet(sheet)
        page.freeze_panes(1, 0)
        page.write_row(0, 0, header, book.add_format({"bold": True}))
        for at, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    page.write_string(at, column, cell)
                elif cell is not None:
                    page.write_number(at, column, cell)
        page.autofit()
    return out.getvalue()


def _harmless(cell: Cell) -> Cell:
    # Spreadsheets also skip leading blanks before they look for a formula.
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" \u00a0\ufeff").startswith(_FORMULA) else cell
