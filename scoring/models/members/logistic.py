"""Regularised logistic regression on a few strong features: more stable than trees with few customers."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from rapport.scoring.models.matrix import ColumnIndex, Floats, Matrix
from rapport.scoring.models.members.member import Contributions
from rapport.scoring.models.stored_values import frozen

KIND = "linear"
TRANSFORMS: Mapping[str, Callable[[Floats], Floats]] = {
    "as_is": lambda x: x,
    "log": lambda x: np.sign(x) * np.log1p(np.abs(x)),
    "root": lambda x: np.sign(x) * np.sqrt(np.abs(x)),
    "known": lambda x: np.where(np.isnan(x), 0.0, 1.0),
}


@dataclass(frozen=True)
class LogisticTerm:
    """One term of the regression: ``coefficient x (clip(transform(x)) - centre) / scale``.

    ``missing`` is the scaled value of an unknown one; ``low`` and ``high`` bound the scaled value, so that the model
    does not extrapolate far outside the training data.
    """

    feature: str
    transform: str
    centre: float
    scale: float
    coefficient: float
    missing: float = 0.0
    low: float = -4.0
    high: float = 4.0
    mean: float = 0.0

    def part(self, rows: Matrix) -> Floats:
        """Return this term's log-odds of each row."""
        return LogisticMember("", (self,), 0.0).parts(rows)[:, 0]


@dataclass(frozen=True)
class CategoryTerm:
    """The log-odds of each level of a category; the last number is for an unknown value."""

    feature: str
    effects: tuple[float, ...]
    mean: float = 0.0

    def part(self, rows: Matrix) -> Floats:
        """Return this term's log-odds of each row."""
        codes = rows.column(self.feature)
        return np.asarray(self.effects)[np.where(np.isnan(codes), len(self.effects) - 1, codes).astype(np.intp)]


@dataclass(frozen=True)
class LogisticMember:
    """A sum of terms; several terms may read one feature."""

    name: str
    terms: tuple[LogisticTerm, ...]
    intercept: float
    categories: tuple[CategoryTerm, ...] = ()

    is_card = False

    def contributions(self, rows: Matrix) -> Contributions:
        """Return the log-odds of each row, split by feature."""
        parts, columns = self.parts(rows) - self._term_values("mean"), self._columns.within(rows)
        by_feature = np.zeros((len(rows), len(rows.columns)))
        by_feature[:, columns[self._first]] = parts[:, self._first]
        for repeated in self._repeated:
            by_feature[:, columns[repeated]] += parts[:, repeated]
        for category in self.categories:
            by_feature[:, rows.positions[category.feature]] += category.part(rows) - category.mean
        mean = self.intercept + sum(term.mean for term in self.terms) + sum(term.mean for term in self.categories)
        return Contributions(mean, by_feature, {})

    def centred_on(self, rows: Matrix) -> "LogisticMember":
        """Return the same model with each term's mean over ``rows`` moved into the base."""
        means = self.parts(rows).mean(axis=0).tolist()
        terms = (replace(term, mean=mean) for term, mean in zip(self.terms, means, strict=True))
        categories = (replace(term, mean=float(term.part(rows).mean())) for term in self.categories)
        return replace(self, terms=tuple(terms), categories=tuple(categories))

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON."""
        terms, categories = [asdict(term) for term in self.terms], [asdict(term) for term in self.categories]
        stored = {"kind": KIND, "name": self.name, "intercept": self.intercept, "terms": terms}
        return stored | ({"categories": categories} if categories else {})

    def files(self) -> dict[str, str]:
        """Return no file: the model fits in the JSON."""
        return {}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "LogisticMember":
        """Load what ``to_dict`` returned."""
        terms = tuple(LogisticTerm(**term) for term in stored["terms"])
        categories = tuple(CategoryTerm(**frozen(term)) for term in stored.get("categories", ()))
        return cls(stored["name"], terms, stored["intercept"], categories)

    @cached_property
    def _columns(self) -> ColumnIndex:
        return ColumnIndex([term.feature for term in self.terms])

    @cached_property
    def _first(self) -> list[int]:
        """Return the positions of the terms that are the first of their feature."""
        return list({term.feature: at for at, term in reversed(list(enumerate(self.terms)))}.values())

    @cached_property
    def _repeated(self) -> list[int]:
        return [at for at in range(len(self.terms)) if at not in self._first]

    @cached_property
    def _terms_by_transform(self) -> dict[str, list[int]]:
        return {name: [at for at, term in enumerate(self.terms) if term.transform == name] for name in TRANSFORMS}

    def _term_values(self, name: str) -> Floats:
        return np.array([getattr(term, name) for term in self.terms])

    @cached_property
    def _scales(self) -> tuple[Floats, ...]:
        return tuple(self._term_values(name) for name in ("centre", "scale", "low", "high", "missing", "coefficient"))

    def parts(self, rows: Matrix) -> Floats:
        """Return each term's log-odds before centring, rows x terms."""
        values = rows.values[:, self._columns.within(rows)]
        transformed = np.empty_like(values)
        for name, terms in self._terms_by_transform.items():
            if terms:
                transformed[:, terms] = TRANSFORMS[name](values[:, terms])
        centre, scale, low, high, missing, coefficient = self._scales
        scaled = np.clip((transformed - centre) / scale, low, high)
        return np.asarray(coefficient * np.where(np.isnan(scaled), missing, scaled))
