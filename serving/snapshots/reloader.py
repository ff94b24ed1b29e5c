"""Hot reload: replace the live model when a champion is promoted or a scoring run is published."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rapport.errors import BundleError, RapportError
from rapport.scoring.models import model_store
from rapport.serving.errors import NotReadyError
from rapport.serving.snapshots.live_model import LiveModel, load_live_model
from rapport.serving.snapshots.store import published_run_name

_RETRY_SECONDS = 60.0


class Reloader:
    """Keeps one target up to date: loads a new champion or snapshot, and keeps the old model if that fails."""

    def __init__(self, data_dir: Path, target: str) -> None:
        self._data_dir, self._target = data_dir, target
        self._seen: tuple[str | None, str | None] | None = None
        self._tried = 0.0
        self.loaded: LiveModel | None = None
        self.refusal = ""

    @property
    def live_model(self) -> LiveModel:
        """Return the model that answers; use the one reference for the whole of an answer."""
        if self.loaded is None:
            raise NotReadyError(self.refusal or f"Nothing is loaded for {self._target} yet; try again in a moment.")
        return self.loaded

    def reload(self) -> str:
        """Load what is new: return "loaded", "refused", or "" when nothing changed."""
        try:
            seen = (_champion(self._data_dir, self._target), published_run_name(self._data_dir, self._target))
            # The disk may have caused a refusal, so it is tried again a minute later.
            retry = self.refusal and time.monotonic() > self._tried + _RETRY_SECONDS
            if seen == self._seen and not retry:
                return ""
            self._seen, self._tried = seen, time.monotonic()
            loaded = load_live_model(self._data_dir, self._target)
        except (RapportError, OSError, KeyError, ValueError) as error:
            reason = str(error) if isinstance(error, RapportError) else f"{type(error).__name__}: {error}"
            is_new, self.refusal = self.refusal != reason, reason
            return "refused" if is_new and self._seen != (None, None) else ""
        self.loaded, self.refusal = loaded, ""
        return "loaded"

    def status(self) -> dict[str, Any]:
        """Return what is loaded, for /readyz and the log."""
        if self.loaded is None:
            return {"version": None, "as_of": None, "customers": 0}
        snapshot = self.loaded.latest_snapshot
        return {
            "version": self.loaded.bundle.version,
            "as_of": snapshot.as_of.isoformat() if snapshot else None,
            "scored_at": snapshot.run.manifest.scored_at if snapshot else None,
            "customers": len(snapshot.scored) if snapshot else 0,
            "rescored": self.loaded.rescored,
        }


def _champion(data_dir: Path, target: str) -> str | None:
    try:
        return model_store.champion_version(data_dir, target)
    except BundleError:
        if model_store.history(data_dir, target):
            raise
        return None
