"""The report of one training run."""

import json
from pathlib import Path

from training.recipe import Trained


def write_report(trained: Trained, folder: Path) -> None:
    """Write what the run measured and what it was made from."""
    for name, content in (("evaluation", trained.bundle.evaluation), ("record", trained.bundle.record)):
        text = json.dumps(content, indent=1, ensure_ascii=False, default=str)
        (folder / f"{name}.json").write_text(text, "utf-8")
