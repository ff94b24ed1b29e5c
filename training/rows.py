"""Labelled rows at several cutoffs, as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features import Catalog, snapshot
from features.engine import training_parts
from features.question import Question as Asked
from history import History
from history.errors import TrainingError
from history.spans import Span
from scoring.columns import Column, columns_of
from scoring.matrix import Floats, Matrix

MOST_LEVELS = 30
MOST_ROWS = 600_000
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


NO_TIME = Span()


@dataclass(frozen=True)
class Question:
    """What is asked: a target, how far ahead, who counts as active, and when.

    ``grace`` is how long after the horizon an outcome may still change (contracts are renewed late).
    """

    target: str
    as_of: datetime
    horizon: Span
    active: Span
    grace: Span = NO_TIME

    @property
    def settled(self) -> Span:
        """Return how long after a cutoff its outcome is known."""
        return Span(self.horizon.months + self.grace.months, self.horizon.days + self.grace.days)

    @property
    def horizon_days(self) -> float:
        """Return the horizon from ``as_of`` in days."""
        return (self.horizon.after(self.as_of) - self.as_of).total_seconds() / 86400

    @property
    def eligible(self) -> str:
        """Return the state of those who are scored."""
        return "active" if self.target == "churn" else "new"


@dataclass(frozen=True)
class Rows:
    """Customers at cutoffs: ``label`` is 1 where the outcome came; ``moment`` is the place of the row's cutoff."""

    ids: npt.NDArray[np.object_]
    moment: Places
    label: Floats
    matrix: Matrix
    cutoffs: tuple[datetime, ...]

    def __len__(self) -> int:
        return len(self.label)

    def at(self, cutoffs: Sequence[datetime]) -> "Rows":
        """Keep the rows of some cutoffs."""
        places = [place for place, cutoff in enumerate(self.cutoffs) if cutoff in set(cutoffs)]
        return self.take(np.flatnonzero(np.isin(self.moment, places)))

    def take(self, chosen: Places) -> "Rows":
        """Keep some rows."""
        return replace(
            self,
            ids=self.ids[chosen],
            moment=self.moment[chosen],
            label=self.label[chosen],
            matrix=self.matrix.take(chosen),
        )

    def by_moment(self, values: dict[datetime, float]) -> Floats:
        """Spread one number a cutoff over its rows; 0 where a cutoff has none."""
        return np.array([values.get(cutoff, 0.0) for cutoff in self.cutoffs])[self.moment]

    @cached_property
    def rates(self) -> dict[datetime, float]:
        """Return the outcome's rate at each cutoff that has rows."""
        present = np.unique(self.moment)
        return {self.cutoffs[place]: float(self.label[self.moment == place].mean()) for place in present}

    @cached_property
    def rarer(self) -> int:
        """Return how many different customers showed the rarer outcome."""
        return min(len(set(self.ids[self.label == value])) for value in (0.0, 1.0))


def labelled(history: History, question: Question, cutoffs: Sequence[datetime], catalog: Catalog) -> Rows:
    """Read the labelled rows of all cutoffs, from what was known at ``question.as_of``."""
    asked = Asked(question.target, tuple(cutoffs), question.active, question.horizon, question.as_of)
    thinning = _thinning(history, question.target, len(cutoffs))
    table = pa.concat_tables(_thinned(part, thinning) for part in training_parts(history, asked, catalog))
    columns = columns_of(catalog.features, question.target, levels=_levels(table, catalog))
    place = {cutoff: at for at, cutoff in enumerate(cutoffs)}
    rows = Rows(
        ids=np.array(table["customer_id"].to_pylist(), dtype=object),
        moment=np.array([place[cutoff] for cutoff in table["cutoff"].to_pylist()], dtype=np.intp),
        label=table["label"].to_numpy().astype(np.float64),
        matrix=Matrix.of(table, columns),
        cutoffs=tuple(cutoffs),
    )
    _refuse_nothing_to_learn(rows, question)
    return rows


def everyone(history: History, question: Question, catalog: Catalog) -> pa.Table:
    """Return the snapshot of all customers at ``question.as_of``."""
    return snapshot(history, question.as_of, catalog, active=question.active)


def eligible(people: pa.Table, question: Question, columns: tuple[Column, ...]) -> Matrix:
    """Return the rows of a snapshot that are scored."""
    chosen = people.filter(pc.equal(people["state"], question.eligible))
    if chosen.num_rows == 0:
        raise TrainingError(
            f"On {question.as_of:%Y-%m-%d} nobody can be scored for {question.target}: no customer is "
            f"'{question.eligible}'. Look at the states with `rapport check`, or choose another date or active window."
        )
    return Matrix.of(chosen, columns)


def _thinning(history: History, target: str, cutoffs: int) -> int:
    """Return of how many customers one is kept, so that the rows fit: more of them teach no more, but fill memory."""
    table = "orders" if target == "churn" else "customers"
    found = history.connection.execute(f"SELECT count(DISTINCT customer_id) FROM {table}").fetchall()
    return max(1, int(found[0][0]) * cutoffs // MOST_ROWS)


def _thinned(part: pa.Table, thinning: int) -> pa.Table:
    """Keep one of ``thinning`` customers, at every cutoff the same ones."""
    if thinning == 1:
        return part
    names = part["customer_id"].to_pylist()
    return part.filter(pa.array([crc32(f"kept {name}".encode()) % thinning == 0 for name in names]))


def _levels(table: pa.Table, catalog: Catalog) -> dict[str, tuple[str, ...]]:
    levels = {}
    for feature in catalog.features:
        if feature.is_category:
            counts = pc.value_counts(table[feature.name].drop_null()).to_pylist()
            common = sorted(counts, key=lambda count: (-count["counts"], count["values"]))[:MOST_LEVELS]
            levels[feature.name] = tuple(sorted(count["values"] for count in common))
    return levels


def _refuse_nothing_to_learn(rows: Rows, question: Question) -> None:
    people = len(set(rows.ids))
    came = {"churn": "left", "conversion": "bought"}[question.target]
    if people < 2:
        raise TrainingError(
            f"There {'is only one customer' if people else 'are no customers'} to learn {question.target} from "
            f"(as of {question.as_of:%Y-%m-%d}, horizon {question.horizon}). A model needs at least two, "
            "and some dozens to be of use."
        )
    if rows.label.min() == rows.label.max():
        who = "every" if rows.label[0] else "no"
        raise TrainingError(
            f"At {len(rows.rates)} past cutoffs {who} customer {came} within {question.horizon}: with one outcome only "
            "there is nothing to learn. Choose another horizon or active window, or give an older history."
        )
