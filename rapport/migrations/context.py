"""What every migration is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Context:
    """The data folder, the environment, and whether to list the changes without making them."""

    data_dir: Path
    environ: Mapping[str, str]
    check: bool = False
