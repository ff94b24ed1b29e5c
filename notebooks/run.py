"""Run the notebooks and write each with its output as .ipynb next to its script.

    python notebooks/run.py [NAME ...]

NOTEBOOK_CUSTOMERS sets the size of the invented companies; BENCH names the folder of the real histories.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
MINUTES = 15


def scripts(names: list[str]) -> list[Path]:
    """Return the scripts of all notebooks, or of the named ones."""
    every = sorted(path for path in HERE.glob("*.py") if path != Path(__file__))
    return [path for path in every if not names or path.stem in names]


def skip_reason(script: Path) -> str | None:
    """Return why a notebook cannot run here, or None."""
    bench = Path(os.environ.get("BENCH", "../shared/bench"))
    if '"BENCH"' in script.read_text(encoding="utf-8") and not bench.is_dir():
        return f"{bench} does not exist; set BENCH to the folder of the real histories"
    return None


def execute(script: Path) -> Path:
    """Run a script as a notebook and write it with its output."""
    try:
        import jupytext  # noqa: PLC0415 - an extra
        from jupyter_client import AsyncKernelManager  # noqa: PLC0415
        from nbclient import NotebookClient  # noqa: PLC0415
    except ImportError as error:
        sys.exit(f"{error.name} is not installed. Install it with: pip install 'rapport-crm[notebooks]'")
    notebook = jupytext.read(script)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    resources = {"metadata": {"path": str(HERE.parent)}}
    with tempfile.TemporaryDirectory(prefix="rapport-") as sockets:
        # File system sockets: unlike a port, no other user of the machine can connect.
        kernel = AsyncKernelManager(transport="ipc", ip=f"{sockets}/kernel", kernel_name="python3")
        NotebookClient(notebook, km=kernel, timeout=60 * MINUTES, resources=resources).execute()
    output = script.with_suffix(".ipynb")
    jupytext.write(notebook, output)
    return output


def main() -> None:
    """Run the notebooks one after the other and print how long each took."""
    for script in scripts(sys.argv[1:]):
        started, reason = time.monotonic(), skip_reason(script)
        result = f"skipped: {reason}" if reason else str(execute(script))
        print(f"{script.stem}: {result} ({time.monotonic() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
