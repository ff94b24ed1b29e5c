"""A regularised logistic line on a few strong features: steadier than trees where there are few customers."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from rapport.scoring.experts import Reading
from rapport.scoring.matrix import Floats, Matrix, Places

KIND = "linear"
TRANSFORMS: Mapping[str, Callable[[Floats], Floats]] = {
    "as_is": lambda x: x,
    "log": lambda x: np.sign(x) * np.log1p(np.abs(x)),
    "root": lambda x: np.sign(x) * np.sqrt(np.abs(x)),
    "known": lambda x: np.where(np.isnan(x), 0.0, 1.0),
}


@dataclass(frozen=True)
class Term:
    """One feature's part of the line: ``coefficient x (clip(transform(x)) - centre) / scale``.

    ``missing`` is the scaled value that stands for an unknown one; ``low`` and ``high`` bound the scaled value, so that
    a customer far outside what was learnt from is not driven further out by the line.
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
        """Give this term's log-odds for each row."""
        return Linear("", (self,), 0.0).parts(rows)[:, 0]


@dataclass(frozen=True)
class Linear:
    """The sum of some terms; several terms may read one feature."""

    name: str
    terms: tuple[Term, ...]
    intercept: float

    is_card = False

    def read(self, rows: Matrix) -> Reading:
        """Say the line's log-odds and each feature's part."""
        parts, places = self.parts(rows) - self._numbers("mean"), self._places.within(rows)
        by_feature = np.zeros((len(rows), len(rows.columns)))
        by_feature[:, places[self._first]] = parts[:, self._first]
        for again in self._again:
            by_feature[:, places[again]] += parts[:, again]
        return Reading(self.intercept + sum(term.mean for term in self.terms), by_feature, {})

    def centred_on(self, rows: Matrix) -> "Linear":
        """Give the same line with each term's mean over ``rows`` set apart."""
        means = self.parts(rows).mean(axis=0).tolist()
        return replace(
            self, terms=tuple(replace(term, mean=mean) for term, mean in zip(self.terms, means, strict=True))
        )

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold of it."""
        terms = [asdict(term) for term in self.terms]
        return {"kind": KIND, "name": self.name, "intercept": self.intercept, "terms": terms}

    def files(self) -> dict[str, str]:
        """Give no file: the line fits in the JSON."""
        return {}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Linear":
        """Read what ``to_dict`` wrote."""
        terms = tuple(Term(**term) for term in stored["terms"])
        return cls(stored["name"], terms, stored["intercept"])

    @cached_property
    def _places(self) -> Places:
        return Places([term.feature for term in self.terms])

    @cached_property
    def _first(self) -> list[int]:
        """Give the terms that are the first on their feature."""
        return list({term.feature: at for at, term in reversed(list(enumerate(self.terms)))}.values())

    @cached_property
    def _again(self) -> list[int]:
        return [at for at in range(len(self.terms)) if at not in self._first]

    @cached_property
    def _shaped_by(self) -> dict[str, list[int]]:
        return {name: [at for at, term in enumerate(self.terms) if term.transform == name] for name in TRANSFORMS}

    def _numbers(self, name: str) -> Floats:
        return np.array([getattr(term, name) for term in self.terms])

    @cached_property
    def _scales(self) -> tuple[Floats, ...]:
        return tuple(self._numbers(name) for name in ("centre", "scale", "low", "high", "missing", "coefficient"))

    def parts(self, rows: Matrix) -> Floats:
        """Give each term's log-odds, not yet centred, rows x terms."""
        given = rows.values[:, self._places.within(rows)]
        shaped = np.empty_like(given)
        for name, terms in self._shaped_by.items():
            if terms:
                shaped[:, terms] = TRANSFORMS[name](given[:, terms])
        centre, scale, low, high, missing, coefficient = self._scales
        scaled = np.clip((shaped - centre) / scale, low, high)
        return np.asarray(coefficient * np.where(np.isnan(scaled), missing, scaled))
