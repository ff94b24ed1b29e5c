"""The worklist as CSV and Excel files in which no cell is ever a formula."""

import csv
import io
from collections.abc import Sequence

from xlsxwriter import Workbook

Cell = str | float | None
_FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def to_csv(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    """Write rows as UTF-8 CSV that Excel reads; a text that looks like a formula is escaped with a quote."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_escape_formula(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def to_excel(header: Sequence[str], rows: Sequence[Sequence[Cell]], sheet: str) -> bytes:
    """Write rows as an Excel workbook; texts are stored as strings, so they need no escape."""
    out = io.BytesIO()
    with Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as workbook:
        worksheet = workbook.add_worksheet(sheet)
        worksheet.freeze_panes(1, 0)
        worksheet.write_row(0, 0, header, workbook.add_format({"bold": True}))
        for index, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    worksheet.write_string(index, column, cell)
                elif cell is not None:
                    worksheet.write_number(index, column, cell)
        worksheet.autofit()
    return out.getvalue()


def _escape_formula(cell: Cell) -> Cell:
    # Spreadsheets also skip leading blanks before they look for a formula.
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" \u00a0\ufeff").startswith(_FORMULA_PREFIXES) else cell
