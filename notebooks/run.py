"""Execute the notebooks, and keep each beside its script as .ipynb with its pictures.

    python notebooks/run.py [NAME ...]

NOTEBOOK_CUSTOMERS makes the invented companies smaller; BENCH names the folder of the real histories.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
MINUTES = 15


def scripts(names: list[str]) -> list[Path]:
    """Return the notebooks' scripts, all of them or the named ones."""
    every = sorted(path for path in HERE.glob("*.py") if path != Path(__file__))
    return [path for path in every if not names or path.stem in names]


def lacking(script: Path) -> str | None:
    """Return why a notebook cannot run here, or None."""
    bench = Path(os.environ.get("BENCH", "../shared/bench"))
    if '"BENCH"' in script.read_text(encoding="utf-8") and not bench.is_dir():
        return f"{bench} is not there: name the folder of the real histories in BENCH"
    return None


def execute(script: Path) -> Path:
    """Run a script as a notebook and write it with its output."""
    try:
        import jupytext  # noqa: PLC0415 - an extra
        from jupyter_client import AsyncKernelManager  # noqa: PLC0415
        from nbclient import NotebookClient  # noqa: PLC0415
    except ImportError as lack:
        sys.exit(f"{lack.name} is not installed: .venv/bin/pip install -e '.[notebooks]' brings what runs notebooks.")
    notebook = jupytext.read(script)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    place = {"metadata": {"path": str(HERE.parent)}}
    with tempfile.TemporaryDirectory(prefix="rapport-") as sockets:
        # Sockets of the file system: nobody else on the machine can listen in, as on a port.
        kernel = AsyncKernelManager(transport="ipc", ip=f"{sockets}/kernel", kernel_name="python3")
        NotebookClient(notebook, km=kernel, timeout=60 * MINUTES, resources=place).execute()
    written = script.with_suffix(".ipynb")
    jupytext.write(notebook, written)
    return written


def main() -> None:
    """Run them one after the other, and say how long each took."""
    for script in scripts(sys.argv[1:]):
        began, reason = time.monotonic(), lacking(script)
        done = f"skipped: {reason}" if reason else str(execute(script))
        print(f"{script.stem}: {done} ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
