"""The evaluation report as a PDF of one or two pages (A4), with a Chinese font of this machine."""

import io
import logging
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import HRFlowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from rapport.serving.report.content import Report, Section

_CHINESE = re.compile("[\u2e80-\u9fff\u3000-\u303f\uff00-\uffef]+")
_LATIN = "Helvetica"
_FRAME_PADDING = 6
_LONG_VALUE = 34
_GREY, _LINE, _HEADING = "#52606d", "#cfd8e0", "#1f5f99"
# Helvetica has no such letters in its encoding.
_PLAIN = str.maketrans({"\u2212": "-", "▲": "+", "▼": "-", "≥": ">=", "≤": "<="})


def pdf_report(report: Report) -> bytes:
    """Return the report as a PDF."""
    buffer, width = io.BytesIO(), A4[0] - 36 * mm - 2 * _FRAME_PADDING
    document = SimpleDocTemplate(
        buffer, pagesize=A4, leftMargin=18 * mm, rightMargin=18 * mm, topMargin=16 * mm, bottomMargin=16 * mm,
        title=f"{report.title} – {report.subtitle}", author="Rapport", invariant=1,
    )  # fmt: skip
    story: list[object] = [
        _text(report.title, 16, bold=True),
        _text(report.subtitle, 10, color=_GREY),
        Spacer(1, 2 * mm),
    ]
    for section in report.sections:
        story += _section(section, width)
    story += [Spacer(1, 3 * mm), HRFlowable(width="100%", color=_LINE), _text(report.footer, 8, color=_GREY)]
    document.build(story)
    return buffer.getvalue()


def _section(section: Section, width: float) -> list[object]:
    head = [
        _text(section.title, 11, bold=True, color=_HEADING),
        HRFlowable(width="100%", color=_LINE, spaceBefore=1, spaceAfter=2),
    ]
    body: list[object] = []
    if section.pairs:
        body.append(_pairs(section.pairs, width))
    body += [_text(f"• {line}", 9) for line in section.lines]
    if section.rows:
        header = [_text(cell, 8, color=_GREY) for cell in section.header]
        rows = [[_text(cell, 8.5) for cell in row] for row in section.rows]
        body.append(_grid([header, *rows], width, section.widths, lines=True))
    for flowable in head:
        # The title stays with the first block of its section.
        flowable.keepWithNext = 1
    return [*head, *body, Spacer(1, 2.5 * mm)]


def _pairs(pairs: Sequence[tuple[str, str]], width: float) -> object:
    """Lay out two short pairs a row; a long value has a row of its own."""
    rows: list[list[object]] = []
    for label, value in pairs:
        cells = [_text(label, 9, color=_GREY), _text(value, 9)]
        long = len(value) > _LONG_VALUE
        if not long and rows and len(rows[-1]) == 2:
            rows[-1] += cells
        else:
            rows.append([*cells, "", ""] if long else cells)
    rows = [[*row, "", ""][:4] for row in rows]
    table = _grid(rows, width, (0.2, 0.3, 0.2, 0.3))
    for at, row in enumerate(rows):
        if row[2] == "":
            table.setStyle(TableStyle([("SPAN", (1, at), (3, at))]))
    return table


def _grid(cells: object, width: float, shares: tuple[float, ...], *, lines: bool = False) -> Any:
    style: list[object] = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0),
             ("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]  # fmt: skip
    if lines:
        style.append(("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor(_LINE)))
    return Table(cells, [share * width for share in shares], style=TableStyle(style), repeatRows=int(lines))


def _text(text: str, size: float, *, bold: bool = False, color: str = "#1d2733") -> object:
    """Return a paragraph whose Chinese runs have a Chinese font and whose Latin runs a Latin one."""
    chinese = _CHINESE.search(text) is not None
    wrap = "CJK" if chinese else None
    style = ParagraphStyle(
        "text",
        fontName=_LATIN,
        fontSize=size,
        leading=size * 1.35,
        textColor=color,
        wordWrap=wrap,
    )
    marked = _CHINESE.sub(lambda run: f'<font name="{chinese_font()}">{run[0]}</font>', escape(text.translate(_PLAIN)))
    return Paragraph(f"<b>{marked}</b>" if bold and not chinese else marked, style)


EMBEDDED, NOT_EMBEDDED = "RapportChinese", "STSong-Light"
FILES = (
    "msyh.ttc", "simhei.ttf", "simsun.ttc", "NotoSansSC-Regular.ttf", "NotoSansSC[wght].ttf", "wqy-microhei.ttc",
    "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "uming.ttc", "Arial Unicode.ttf",
)  # fmt: skip
"""Common fonts with Chinese in TrueType outlines, the only kind that reportlab embeds; the first found is used."""
FOLDERS = (
    Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts",
    Path.home() / ".fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts"), Path("C:/Windows/Fonts"),
)  # fmt: skip
_LOG = logging.getLogger(__name__)


@cache
def chinese_font(folders: tuple[Path, ...] = FOLDERS) -> str:
    """Register the Chinese font once, and return its name."""
    for path in _found(folders):
        try:
            pdfmetrics.registerFont(TTFont(EMBEDDED, path))
        except (TTFError, OSError):
            continue
        return EMBEDDED
    _LOG.warning(
        "No TrueType font with Chinese characters is installed, so PDF reports do not embed one: a reader without a "
        "Chinese font shows gaps. Install one of %s into %s.", ", ".join(FILES[1:6]), FOLDERS[2],
    )  # fmt: skip
    pdfmetrics.registerFont(UnicodeCIDFont(NOT_EMBEDDED))
    return NOT_EMBEDDED


def _found(folders: tuple[Path, ...]) -> Iterator[Path]:
    files = {path.name: path for folder in folders if folder.is_dir() for path in folder.rglob("*.tt[fc]")}
    return (files[name] for name in FILES if name in files)
