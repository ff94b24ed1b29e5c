"""The live model: one bundle and the snapshot that it scored, loaded together or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from rapport.errors import ServingError
from rapport.features import Catalog, Vocabulary, catalog
from rapport.languages import CODES
from rapport.scoring import build_answers
from rapport.scoring.models import model_store
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.published import load_published
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.scorer import Scorer
from rapport.scoring.models.stored_matrix import StoredMatrix
from rapport.serving.errors import NotReadyError
from rapport.serving.snapshots.contract_rows import ContractRows
from rapport.serving.snapshots.customer_index import CustomerIndex
from rapport.serving.snapshots.store import ScoringRun, published_run, published_run_name

TARGETS = model_store.TARGETS
_CHECKED_ROWS = 16


@dataclass(frozen=True, eq=False)
class ScoreSnapshot:
    """The scores of all customers at one cutoff, with the scoring run that they come from."""

    run: ScoringRun
    ids: CustomerIndex
    scored: ScoreBatch

    @cached_property
    def as_of(self) -> datetime:
        """Return the cutoff."""
        return self.scored.as_of

    @cached_property
    def customers(self) -> pa.Table:
        """Return the attributes of the customers, row by row as they were scored."""
        customers = self.run.cached_table("customers")
        if customers is None or customers.num_rows != len(self.scored):
            return pa.table({"customer_id": pa.array(self.scored.customer_id, pa.string())})
        return customers

    @cached_property
    def contract_rows(self) -> ContractRows:
        """Return the contract rows that the run read, by customer."""
        return ContractRows(self.run.folder)

    def owner(self, row: int) -> str | None:
        """Return the account owner of the customer in ``row``."""
        found: str | None = self._owners[row].as_py() if self._owners is not None else None
        return found

    @cached_property
    def _owners(self) -> pa.ChunkedArray | None:
        return self.customers.column("owner") if "owner" in self.customers.column_names else None


@dataclass(frozen=True, eq=False)
class LiveModel:
    """A bundle with the snapshot that it scored; replaced as a whole, so that no answer mixes two."""

    target: str
    bundle: Bundle
    scorer: Scorer
    catalog: Catalog
    latest_snapshot: ScoreSnapshot | None
    rescored: bool = False

    @cached_property
    def snapshot(self) -> ScoreSnapshot:
        """Return the snapshot; raises NotReadyError before the first scoring run."""
        if self.latest_snapshot is None:
            raise NotReadyError(
                f"Nothing is scored for {self.target} yet; run: rapport score HISTORY --target {self.target}."
            )
        return self.latest_snapshot


def load_live_model(data_dir: Path, target: str) -> LiveModel:
    """Load the champion and the published run, and check them before they answer a request."""
    bundle = load_published(data_dir, target)
    features = catalog_of(bundle)
    bundle.check_catalog(features)
    # Compile now, so that the first request does not wait for it.
    _ = features.plan
    scorer = Scorer(bundle)
    if published_run_name(data_dir, target) is None:
        return LiveModel(target, bundle, scorer, features, None)
    run = published_run(data_dir, target)
    stored = _stored(run, bundle)
    fresh = stored is None or not _reproduces(scorer, stored)
    scored = rescore(scorer, run) if fresh else stored
    assert scored is not None
    _warm_up(scored)
    return LiveModel(target, bundle, scorer, features, ScoreSnapshot(run, run.ids, scored), rescored=fresh)


def _warm_up(scored: ScoreBatch) -> None:
    """Render one customer in every language, so that no request waits for caches that the first answer fills."""
    for language in CODES:
        build_answers(scored, 1, language, np.flatnonzero(scored.eligible)[:1].tolist())


def catalog_of(bundle: Bundle) -> Catalog:
    """Return the catalog of the features that the bundle reads."""
    vocabulary = bundle.vocabulary or {}
    return catalog(Vocabulary(**{name: tuple(values) for name, values in vocabulary.items()}))


def rescore(scorer: Scorer, run: ScoringRun) -> ScoreBatch:
    """Score the features of a run again, as after a promotion."""
    features = run.table("features")
    if features is None:
        raise ServingError(f"{run.folder}: features.parquet is missing; score the history again.")
    return scorer.score(features, datetime.fromisoformat(run.manifest.as_of))


def _stored(run: ScoringRun, bundle: Bundle) -> ScoreBatch | None:
    """Return the stored scores of a run; None when another bundle computed them."""
    scores = run.table("scores")
    if scores is None or run.manifest.version != bundle.version:
        return None
    rows = StoredMatrix.open(bundle.columns, run.folder)
    return ScoreBatch.of(scores, rows, bundle, datetime.fromisoformat(run.manifest.as_of))


def _reproduces(scorer: Scorer, stored: ScoreBatch) -> bool:
    """Return whether this machine reproduces the stored scores of some rows to the last bit."""
    sample = stored.take(np.flatnonzero(stored.eligible)[:_CHECKED_ROWS])
    again = scorer.score_rows(sample.rows, sample.customer_id, sample.state, sample.as_of)
    return np.array_equal(again.logit, sample.logit) and np.array_equal(again.evidence, sample.evidence)
