"""Published bundles, as everything that computes with one loads it: compared with its seal."""

from pathlib import Path

from rapport.integrity import check_seal
from rapport.scoring.models import model_store
from rapport.scoring.models.bundle import Bundle


def load_published(data_dir: Path, target: str, version: str | None = None) -> Bundle:
    """Load a published version, by default the champion; IntegrityError if it was changed since it was published."""
    version = version or model_store.champion_version(data_dir, target)
    folder = data_dir / "models" / target / version
    check_seal(folder, data_dir)
    return Bundle.load(folder)
