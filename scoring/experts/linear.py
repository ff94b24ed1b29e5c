"""A regularised logistic line on a few strong features: steadier than trees where there are few customers."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from history.errors import BundleError
from scoring.experts import Reading
from scoring.matrix import Floats, Matrix

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
        """Give the term's log-odds for each row, centred on the reference population."""
        shaped = TRANSFORMS[self.transform](rows.number(self.feature))
        scaled = np.clip((shaped - self.centre) / self.scale, self.low, self.high)
        return self.coefficient * np.where(np.isnan(scaled), self.missing, scaled) - self.mean


@dataclass(frozen=True)
class Linear:
    """The sum of some terms; several terms may read one feature."""

    name: str
    terms: tuple[Term, ...]
    intercept: float

    is_card = False

    def read(self, rows: Matrix) -> Reading:
        """Say the line's log-odds and each feature's part."""
        by_feature = np.zeros((len(rows), len(rows.columns)))
        mean = self.intercept
        for term in self.terms:
            if term.feature not in rows.place:
                raise BundleError(f"the line '{self.name}' reads '{term.feature}', which this bundle does not have.")
            by_feature[:, rows.place[term.feature]] += term.part(rows)
            mean += term.mean
        return Reading(mean, by_feature, {})

    def centred_on(self, rows: Matrix) -> "Linear":
        """Give the same line with each term's mean over ``rows`` set apart."""
        terms = (replace(term, mean=float(replace(term, mean=0.0).part(rows).mean())) for term in self.terms)
        return replace(self, terms=tuple(terms))

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
