"""The Chinese font of PDF reports: a TrueType font of this machine is embedded, else the reader's own is named."""

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

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
