"""How big a benchmark is: ``small`` for a minute in CI, ``full`` for the figures in the documents, or a number."""

import argparse
import tempfile
from pathlib import Path

NAMED = {"small": 0.01, "full": 1.0}


def scale(written: str) -> float:
    """Read a scale; argparse says what is wrong with another word."""
    try:
        return NAMED[written] if written in NAMED else float(written)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{written!r} is neither small, full nor a number") from None


def options(document: str, default: str = "full", *, folder: bool = False) -> argparse.ArgumentParser:
    """Return a parser that knows ``--scale``, and with ``folder`` also where large histories are kept."""
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=scale, default=scale(default), help="small, full, or a number such as 0.1")
    if folder:
        parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "rapport-bench")
    return parser
