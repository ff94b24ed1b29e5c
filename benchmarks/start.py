"""How long commands take where there is next to nothing to do: the start of Python, of its libraries, of the plan.

Scale 1 is a company with 5,000 customers; small, with 50, is the default.

python benchmarks/start.py [--scale small] [--times 5]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from parts.scale import options

from rapport.history.simulate import simulate

COMMANDS = {
    "rapport --help": ["--help"],
    "rapport score --help": ["score", "--help"],
    "rapport check": ["check", "company"],
    "rapport features": ["features", "company", "--as-of", "2026-01-01", "--out", "features.parquet"],
}


def seconds(command: list[str], folder: Path, times: int) -> float:
    """Return the shortest of some runs; one before them fills the caches."""
    environ = os.environ | {"OMP_NUM_THREADS": "1"}
    took = []
    for _ in range(times + 1):
        began = time.perf_counter()
        run = [sys.executable, "-m", "rapport", *command]
        subprocess.run(run, cwd=folder, env=environ, check=True, capture_output=True)
        took.append(time.perf_counter() - began)
    return min(took[1:])


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, default="small")
    parser.add_argument("--times", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
        simulate(Path(scratch) / "company", customers=round(5_000 * chosen.scale))
        for name, command in COMMANDS.items():
            print(f"{name:30s}{seconds(command, Path(scratch), chosen.times):8.2f} s")


if __name__ == "__main__":
    main()
