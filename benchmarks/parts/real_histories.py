"""The real histories that benchmarks read: where they are, and the cutoffs that a run of some scale covers."""

import argparse
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path


def bench_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--bench``, the folder of the real histories."""
    parser.add_argument("--bench", type=Path, default=Path("../shared/bench"))


def has_histories(options: argparse.Namespace) -> bool:
    """Return whether the folder is there; say so if not."""
    is_there: bool = options.bench.is_dir()
    if not is_there:
        print(f"Skipped: {options.bench} is not there. Name the folder of the real histories with --bench.")
    return is_there


def recent_days(days: str, scale: float) -> list[str]:
    """Return the latest of these days, as many as the scale asks for; at least one."""
    listed = days.split()
    return listed[-max(1, round(min(1.0, scale) * len(listed))) :]


def cutoff_cases(
    options: argparse.Namespace, cutoffs: Mapping[str, tuple[int, str]]
) -> Iterator[tuple[Path, datetime, int]]:
    """Yield folder, cutoff and horizon in days of the latest cutoffs of each history."""
    for name, (horizon_days, days) in cutoffs.items():
        for day in recent_days(days, options.scale):
            yield options.bench / "data" / name, datetime.fromisoformat(day), horizon_days
