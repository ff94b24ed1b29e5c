"""A published model as an entry of BentoML's model store, for those who move models with BentoML's tools."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.metadata import version as version_of
from pathlib import Path

import bentoml

from rapport.errors import BundleError
from rapport.integrity import SEAL
from rapport.scoring import Bundle
from rapport.scoring.models import model_store
from rapport.scoring.models.published import load_published


def export_to_bentoml(data_dir: Path, target: str, version: str) -> Mapping[str, object]:
    """Copy a version's bundle into BentoML's model store as ``rapport-TARGET:VERSION``; return its tag and path."""
    model_store.description(data_dir, target, version)
    folder = data_dir / "models" / target / version
    bundle, tag = load_published(data_dir, target, version), bentoml.Tag(f"rapport-{target}", version)
    if any(found.tag == tag for found in bentoml.models.list()):
        raise BundleError(f"BentoML's model store has {tag} already. Remove it first: bentoml models delete {tag}.")
    about = {
        "horizon": bundle.horizon,
        "trained_until": str(bundle.provenance["as_of"]),
        "rapport-crm": version_of("rapport-crm"),
    }
    with bentoml.models.create(
        tag, module=__name__, labels={"target": target, "grade": bundle.grade}, metadata=about
    ) as entry:
        for file in sorted(folder.iterdir()):
            # The seal belongs to the data folder; BentoML has digests of its own.
            if file.name != SEAL:
                shutil.copyfile(file, Path(entry.path) / file.name)
    return {"tag": str(tag), "path": str(bentoml.models.get(tag).path)}


def load_model(tag: str | bentoml.Tag) -> Bundle:
    """Load a bundle from BentoML's model store."""
    return Bundle.load(Path(bentoml.models.get(tag).path))
