"""Labelled rows at several cutoffs, as numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rapport.features import BY_ORDERS, Catalog, ChurnRule, snapshot
from rapport.features.engine import training_parts
from rapport.features.question import Question as Asked
from rapport.history import History
from rapport.history.sample import sampled
from rapport.scoring.columns import Column, columns_of
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.whole import Whole

from rapport.durations import Span
from rapport.errors import TrainingError

HELD = 600_000
"""Most rows that are held as numbers: 1 GB of 200 features. All but the trees need no more (docs/training.md)."""

MOST_LEVELS = 30
AT_ONCE = 50_000
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Question:
    """What is asked: a target, how far ahead, who counts as active, and when; ``rule`` says what churn is judged by."""

    target: str
    as_of: datetime
    horizon: Span
    active: Span
    rule: ChurnRule = BY_ORDERS

    @property
    def settled(self) -> Span:
        """Return how long after a cutoff its outcome is known: contracts may be renewed late."""
        return self.rule.outcome_span(self.target, self.horizon)

    @property
    def by_contract(self) -> bool:
        """Tell whether contracts decide the outcome."""
        return self.target == "churn" and self.rule.is_by_contract

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
    """Customers at cutoffs: ``label`` is 1 where the outcome came; ``moment`` is the place of the row's cutoff.

    ``whole`` holds the bins of everyone's rows at the same cutoffs where these are only a sample's.
    """

    ids: npt.NDArray[np.object_]
    moment: Places
    label: Floats
    matrix: Matrix
    cutoffs: tuple[datetime, ...]
    whole: Whole | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def held(self) -> "Rows":
        """Return what is held as numbers, alone."""
        return replace(self, whole=None)

    def at(self, cutoffs: Sequence[datetime]) -> "Rows":
        """Keep the rows of some cutoffs."""
        places = [place for place, cutoff in enumerate(self.cutoffs) if cutoff in set(cutoffs)]
        kept = self.take(np.flatnonzero(np.isin(self.moment, places)))
        return replace(kept, whole=self.whole.at(np.unique(kept.moment).tolist())) if self.whole else kept

    def take(self, chosen: Places) -> "Rows":
        """Keep some rows of those held."""
        return replace(
            self.held,
            ids=self.ids[chosen],
            moment=self.moment[chosen],
            label=self.label[chosen],
            matrix=self.matrix.take(chosen),
        )

    def at_most(self, count: int) -> "Rows":
        """Keep no more than about ``count`` rows, evenly spread over cutoffs and customers."""
        step = len(self) // count
        return self.held if step <= 1 else self.take(np.arange(0, len(self), step))

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


@dataclass(frozen=True)
class Part:
    """Whom is learnt from: one of ``one_of`` customers, and by the trees ``shares`` times as many.

    ``rows`` counts everyone's rows, ``scored_now`` all that can be scored; None where all are held.
    """

    one_of: int = 1
    shares: int = 1
    rows: int | None = None
    scored_now: int | None = None

    @classmethod
    def of(cls, history: History, question: Question, cutoffs: Sequence[datetime]) -> "Part":
        """Choose the part so that the rows stay below the setting ``training_rows``, and those held below ``HELD``."""
        table = "orders" if question.target == "churn" else "customers"
        found = history.connection.execute(f"SELECT count(DISTINCT customer_id) FROM {table}").fetchall()
        people, most = int(found[0][0]), history.settings.training_rows
        held = min(HELD, most)
        if people * len(cutoffs) <= held:
            return cls()
        rows = sum(len(some) for some in training_parts(history, _asked(question, cutoffs), Catalog(())))
        # Of very many customers, few of whom are eligible, not even all are looked at.
        one_of = max(-(-rows // held), -(-people // most))
        if one_of == 1:
            return cls()
        shares = max(1, min(one_of, one_of * most // max(rows, 1)))
        states = snapshot(history, question.as_of, Catalog(()), active=question.active, rule=question.rule)["state"]
        return cls(one_of, shares, rows, pc.sum(pc.equal(states, question.eligible)).as_py())


def labelled(history: History, question: Question, cutoffs: Sequence[datetime], catalog: Catalog) -> Rows:
    """Read the labelled rows of all cutoffs, from what was known at ``question.as_of``."""
    parts = list(training_parts(history, _asked(question, cutoffs), catalog))
    columns = columns_of(catalog.features, question.target, levels=_levels(parts, catalog))
    place = {cutoff: at for at, cutoff in enumerate(cutoffs)}
    rows = Rows(
        ids=np.array([name for part in parts for name in part["customer_id"].to_pylist()], dtype=object),
        moment=np.array([place[cutoff] for part in parts for cutoff in part["cutoff"].to_pylist()], dtype=np.intp),
        label=np.concatenate([part["label"].to_numpy() for part in parts]).astype(np.float64),
        matrix=_matrix(parts, columns),
        cutoffs=tuple(cutoffs),
    )
    _refuse_nothing_to_learn(rows, question)
    return rows


def beyond(
    history: History, question: Question, part: Part, cutoffs: Sequence[datetime], catalog: Catalog
) -> Iterator[pa.Table]:
    """Yield the labelled rows of all customers whom the trees learn from, always in the same order."""
    asked = _asked(question, cutoffs)
    if not any(feature.relatives for feature in catalog.features):
        with sampled(history, part.one_of, shares=part.shares) as some:
            yield from training_parts(some, asked, catalog)
        return
    # Relatives are measured together: as many customers at a time as are held in the sample.
    for share in range(part.shares):
        with sampled(history, part.one_of, first=share) as some:
            yield from training_parts(some, asked, catalog)


def everyone(history: History, question: Question, catalog: Catalog) -> pa.Table:
    """Return the snapshot of all customers at ``question.as_of``."""
    return snapshot(history, question.as_of, catalog, active=question.active, rule=question.rule)


def eligible(people: pa.Table, question: Question, columns: tuple[Column, ...]) -> Matrix:
    """Return the rows of a snapshot that are scored."""
    chosen = people.filter(pc.equal(people["state"], question.eligible))
    if chosen.num_rows == 0:
        raise TrainingError(
            f"On {question.as_of:%Y-%m-%d} nobody can be scored for {question.target}: no customer is "
            f"'{question.eligible}'. Look at the states with `rapport check`, or choose another date or active window."
        )
    return Matrix.of(chosen, columns)


def _asked(question: Question, cutoffs: Sequence[datetime]) -> Asked:
    return Asked(question.target, tuple(cutoffs), question.active, question.horizon, question.as_of, question.rule)


def _matrix(parts: list[pa.Table], columns: tuple[Column, ...]) -> Matrix:
    """Lay the parts out as one matrix, and empty the list on the way: both at once would be twice the memory."""
    values = np.empty((sum(len(part) for part in parts), len(columns)))
    at = 0
    while parts:
        part = parts.pop(0)
        for first in range(0, len(part), AT_ONCE):
            some = Matrix.of(part.slice(first, AT_ONCE), columns).values
            values[at : at + len(some)] = some
            at += len(some)
    return Matrix(columns, values)


def _levels(parts: Sequence[pa.Table], catalog: Catalog) -> dict[str, tuple[str, ...]]:
    levels = {}
    for feature in catalog.features:
        if feature.is_category:
            words = pa.chunked_array([chunk for part in parts for chunk in part[feature.name].chunks], pa.string())
            counts = pc.value_counts(words.drop_null()).to_pylist()
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
