"""What may be wrong with the data: features that know too much, doubled rows, drift, directions that the data deny."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from rapport.history.contract import Words
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.committee import Making, logits_of
from rapport.training.fitting.linear import auc
from rapport.training.fitting.trees import fit_trees, varying
from rapport.training.pages import words
from rapport.training.rows import Rows

from rapport.errors import TrainingError

TOO_GOOD = 0.95
MOSTLY = 0.85
DRIFTED = 0.25
PARTS = 10
CONTRADICTED = 0.55
FEW = 200
# A leak, a wrong direction and its cost show on some rows as well as on all.
ENOUGH = 60_000


@dataclass(frozen=True)
class Guards:
    """What was found, each with the names that it speaks of."""

    leaks: tuple[str, ...]
    doubled: int
    drifted: tuple[tuple[str, float], ...]
    contradicted: tuple[tuple[str, float], ...]
    direction_cost: float | None

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON can hold of it, with the sentences that the summary prints."""
        return {
            "leaks": list(self.leaks),
            "doubled": self.doubled,
            "drifted": [{"feature": name, "psi": psi} for name, psi in self.drifted],
            "contradicted": [{"feature": name, "auc": found} for name, found in self.contradicted],
            "direction_cost": self.direction_cost,
            "sentences": [each.en for each in self._sentences()],
            "sentences_zh": [each.zh for each in self._sentences()],
        }

    def _sentences(self) -> list[Words]:
        said = [words("guard.leak", leak=leak) for leak in self.leaks]
        if self.doubled:
            said.append(words("guard.doubled", rows=self.doubled))
        if self.drifted:
            names = ", ".join(f"{name} ({psi:.2f})" for name, psi in self.drifted[:3])
            said.append(words("guard.drifted", names=names))
        if self.contradicted:
            names = ", ".join(name for name, _ in self.contradicted[:3])
            said.append(words("guard.contradicted", names=names))
        if self.direction_cost is not None:
            said.append(words("guard.direction_cost", cost=self.direction_cost))
        return said


def refuse_leaks(rows: Rows) -> tuple[str, ...]:
    """Stop the run where one feature alone ranks the outcome almost perfectly; return those that come near.

    Such a feature knows the outcome: a status kept up afterwards, a churn flag under another name.
    """
    if rows.rarer < FEW / 10:
        return ()
    near, some = [], rows.at_most(ENOUGH)
    for place in varying(some.matrix):
        column = some.matrix.columns[place]
        found = _alone(some.label, some.matrix.values[:, place], column)
        if found > TOO_GOOD:
            raise TrainingError(
                f"{column.name} alone tells the customers with the outcome from the rest with an AUC of {found:.3f}. "
                "No honest fact about the past does that: look where its table gets it from, whether it is filled in "
                "or overwritten after the outcome, and leave it out or give its recorded_at."
            )
        if found > MOSTLY and column.name.startswith("attribute_"):
            near.append(f"{column.name} (AUC {found:.3f} by itself)")
    return tuple(near)


def guards_of(rows: Rows, leaks: tuple[str, ...], cost: float | None) -> Guards:
    """Look at the rows that were learnt from."""
    moments = np.unique(rows.moment)
    newest, oldest = rows.at([rows.cutoffs[moments[0]]]), rows.at([rows.cutoffs[moments[-1]]])
    return Guards(
        leaks, _doubled(rows), _drifted(oldest.matrix, newest.matrix), _contradicted(rows.at_most(ENOUGH)), cost
    )


def direction_cost(early: Rows, later: Rows, making: Making) -> float | None:
    """Return what the declared directions cost: AUC of free trees less that of directed ones, on later rows."""
    early = early.at_most(ENOUGH)
    base = float(np.log(early.label.mean() / (1 - early.label.mean())))
    found = []
    for directed in (False, True):
        trees = fit_trees(
            "many",
            early,
            making.many,
            offset=np.full(len(early), base),
            weight=np.ones(len(early)),
            directed=directed,
        )
        if trees is None:
            return None
        found.append(auc(later.label, logits_of(trees, later.matrix)))
    return found[0] - found[1]


def psi(then: Floats, now: Floats) -> float:
    """Return the population stability index over tenths of ``then``, unknown values in a part of their own."""
    known = then[~np.isnan(then)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1])) if len(known) else np.zeros(0)
    shares = [_shares(values, edges) for values in (then, now)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def _shares(values: Floats, edges: Floats) -> Floats:
    place = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
    counts = np.bincount(place.astype(np.int64), minlength=len(edges) + 2)
    # Half a row in each part keeps the logarithm finite.
    return np.asarray((counts + 0.5) / (len(values) + 0.5 * (len(edges) + 2)))


def _alone(label: Floats, values: Floats, column: Column) -> float:
    if column.is_category:
        levels = np.where(np.isnan(values), -1, values).astype(np.int64) + 1
        rates = np.bincount(levels, weights=label) / np.maximum(np.bincount(levels), 1)
        return auc(label, rates[levels])
    known = np.where(np.isnan(values), np.nanmin(values) - 1, values)
    found = auc(label, known)
    return max(found, 1 - found)


def _doubled(rows: Rows) -> int:
    keys = list(zip(rows.ids.tolist(), rows.moment.tolist(), strict=True))
    return len(keys) - len(set(keys))


def _drifted(then: Matrix, now: Matrix) -> tuple[tuple[str, float], ...]:
    if len(then) < FEW or len(now) < FEW:
        return ()
    found = [
        (column.name, psi(then.values[:, place], now.values[:, place])) for place, column in enumerate(now.columns)
    ]
    return tuple(sorted((each for each in found if each[1] > DRIFTED), key=lambda each: -each[1])[:20])


def _contradicted(rows: Rows) -> tuple[tuple[str, float], ...]:
    found = []
    for place in varying(rows.matrix):
        column = rows.matrix.columns[place]
        known = ~np.isnan(rows.matrix.values[:, place])
        if column.direction and not column.is_category and known.sum() > FEW:
            alone = auc(rows.label[known], rows.matrix.values[known, place])
            if (alone - 0.5) * column.direction < 0.5 - CONTRADICTED:
                found.append((column.name, alone))
    return tuple(sorted(found, key=lambda each: -abs(each[1] - 0.5)))
