"""What answers now: one bundle and the night that it scored, taken up together or not at all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rapport.features import Catalog, Vocabulary, catalog
from rapport.features.engine import array_plan
from rapport.scoring import shelf
from rapport.scoring.answer import Answer
from rapport.scoring.bundle import Bundle
from rapport.scoring.matrix import Matrix
from rapport.scoring.scored import Scored
from rapport.scoring.scorer import Scorer
from rapport.serving.problem import NotReadyError
from rapport.serving.store import Ids, Run, current_run, pointer

from rapport.errors import BundleError, RapportError, ServingError

TARGETS = ("churn", "conversion")
_SMOKE_ROWS = 16
_RETRY_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class Night:
    """One night's customers, all of them, as the bundle scored them."""

    run: Run
    ids: Ids
    scored: Scored

    @property
    def as_of(self) -> datetime:
        """Return the cutoff."""
        return self.scored.as_of

    @cached_property
    def people(self) -> pa.Table:
        """Return who the customers are, row by row as they were scored."""
        people = self.run.kept("customers")
        if people is None or people.num_rows != len(self.scored):
            return pa.table({"customer_id": pa.array(self.scored.customer_id, pa.string())})
        return people

    def owner(self, row: int) -> str | None:
        """Return who looks after the customer in ``row``."""
        found: str | None = self.people.column("owner")[row].as_py() if "owner" in self.people.column_names else None
        return found


@dataclass(frozen=True, eq=False)
class Current:
    """A bundle with the night that it scored; replaced whole, so no answer mixes two."""

    target: str
    bundle: Bundle
    scorer: Scorer
    catalog: Catalog
    last_night: Night | None
    rescored: bool = False

    @property
    def night(self) -> Night:
        """Return the night; NotReadyError before the first."""
        if self.last_night is None:
            raise NotReadyError(
                f"Nothing is scored for {self.target} yet; run: rapport score HISTORY --target {self.target}."
            )
        return self.last_night

    def answers(self, customer_ids: Sequence[str], reasons: int, language: str) -> list[Answer | None]:
        """Answer for each id in turn; None for one that the night did not know."""
        places = [self.night.ids.find(customer_id) for customer_id in customer_ids]
        known = [place for place in places if place is not None]
        said = iter(self.night.scored.answers(reasons, language, known))
        return [None if place is None else next(said) for place in places]


class Watch:
    """Keeps one target current: takes up a new champion or night, refuses a bad one and keeps the old."""

    def __init__(self, home: Path, target: str) -> None:
        self._home, self._target = home, target
        self._seen: tuple[str | None, str | None] | None = None
        self._tried = 0.0
        self.loaded: Current | None = None
        self.refused = ""

    @property
    def current(self) -> Current:
        """Return what answers; hold on to the one reference for the whole of an answer."""
        if self.loaded is None:
            raise NotReadyError(self.refused or f"Nothing is loaded for {self._target} yet; try again in a moment.")
        return self.loaded

    def look(self) -> str:
        """Take up what is new: "taken", "refused", or "" when nothing moved."""
        try:
            seen = (_champion(self._home, self._target), pointer(self._home, self._target))
            # A refusal may have been the disk's; a minute later it is tried again.
            again = self.refused and time.monotonic() > self._tried + _RETRY_SECONDS
            if seen == self._seen and not again:
                return ""
            self._seen, self._tried = seen, time.monotonic()
            loaded = load(self._home, self._target)
        except (RapportError, OSError, KeyError, ValueError) as error:
            reason = str(error) if isinstance(error, RapportError) else f"{type(error).__name__}: {error}"
            news, self.refused = self.refused != reason, reason
            return "refused" if news and self._seen != (None, None) else ""
        self.loaded, self.refused = loaded, ""
        return "taken"

    def about(self) -> dict[str, Any]:
        """Say what is loaded, for people and machines that watch."""
        if self.loaded is None:
            return {"version": None, "as_of": None, "customers": 0}
        night = self.loaded.last_night
        return {
            "version": self.loaded.bundle.version,
            "as_of": night.as_of.isoformat() if night else None,
            "scored_at": night.run.manifest.scored_at if night else None,
            "customers": len(night.scored) if night else 0,
            "rescored": self.loaded.rescored,
        }


def load(home: Path, target: str) -> Current:
    """Load the champion and the night, and try them before anyone else does."""
    bundle = Bundle.load(shelf.champion(home, target))
    features = catalog_of(bundle)
    bundle.refuse_unless_fits(features)
    # The first caller should not pay for compiling.
    array_plan(features)
    scorer = Scorer(bundle)
    if pointer(home, target) is None:
        return Current(target, bundle, scorer, features, None)
    run = current_run(home, target)
    stored = _stored(run, bundle)
    fresh = stored is None or not _repeats(scorer, stored)
    scored = rescore(scorer, run) if fresh else stored
    assert scored is not None
    _warm(scored)
    return Current(target, bundle, scorer, features, Night(run, run.ids, scored), rescored=fresh)


def _warm(scored: Scored) -> None:
    """Say one customer in both languages: what is made once is made at the first answer, which is nobody's then."""
    for language in ("en", "zh"):
        scored.answers(1, language, np.flatnonzero(scored.eligible)[:1].tolist())


def catalog_of(bundle: Bundle) -> Catalog:
    """Return the catalog that measures what the bundle reads."""
    words = bundle.vocabulary or {}
    return catalog(Vocabulary(**{name: tuple(values) for name, values in words.items()}))


def rescore(scorer: Scorer, run: Run) -> Scored:
    """Score a night's features again, as after a promotion."""
    features = run.table("features")
    if features is None:
        raise ServingError(f"{run.folder}: features.arrow is missing; score the history again.")
    return scorer.score(features, datetime.fromisoformat(run.manifest.as_of))


def _champion(home: Path, target: str) -> str | None:
    try:
        return shelf.champion_version(home, target)
    except BundleError:
        if shelf.history(home, target):
            raise
        return None


def _stored(run: Run, bundle: Bundle) -> Scored | None:
    """Return the scores as the night wrote them; None when another bundle made them."""
    scores = run.table("scores")
    if scores is None or run.manifest.version != bundle.version:
        return None
    matrix = np.load(run.folder / "matrix.npy", mmap_mode="r")
    rows = Matrix(bundle.columns, matrix)
    return Scored.of(scores, rows, bundle, datetime.fromisoformat(run.manifest.as_of))


def _repeats(scorer: Scorer, stored: Scored) -> bool:
    """Say whether this machine finds the stored numbers again, to the last bit, on some rows."""
    some = stored.take(np.flatnonzero(stored.eligible)[:_SMOKE_ROWS])
    again = scorer.score_rows(some.rows, some.customer_id, some.state, some.as_of)
    return np.array_equal(again.logit, some.logit) and np.array_equal(again.evidence, some.evidence)
