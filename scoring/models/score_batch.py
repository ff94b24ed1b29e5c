"""The scores of many customers, column by column: every number and the evidence of each family."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.scoring.models.blend import secant_slope
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.leading_features import FeatureIndex
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.stable_sum import row_sums

NUMERIC_COLUMNS = (
    "logit", "probability", "model_probability", "rule_probability", "rule_score", "low", "high", "value_at_risk",
)  # fmt: skip
TEXT_COLUMNS = ("customer_id", "state", "tier")
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class ScoreBatch:
    """The scores of some customers at one moment by one bundle. Numbers are nan where a state gets no probability.

    Parameters
    ----------
    percentile : -1 where there is no probability.
    evidence, leading : rows x families; the log-odds of each family, and the column of its leading feature.
    rows : the features, for the facts in the reasons.
    """

    bundle: Bundle
    as_of: datetime
    rows: Matrix
    customer_id: Texts
    state: Texts
    tier: Texts
    logit: Floats
    probability: Floats
    model_probability: Floats
    rule_probability: Floats
    rule_score: Floats
    low: Floats
    high: Floats
    value_at_risk: Floats
    percentile: npt.NDArray[np.int64]
    evidence: Floats
    leading: FeatureIndex

    def __len__(self) -> int:
        return len(self.probability)

    @property
    def base(self) -> float:
        """Return the log-odds that all evidence is measured from."""
        return self.bundle.base

    @property
    def base_rate(self) -> float:
        """Return the probability of a customer without evidence in either direction."""
        return self.bundle.base_rate

    @cached_property
    def eligible(self) -> npt.NDArray[np.bool_]:
        """Mark the rows that have a probability."""
        return ~np.isnan(self.probability)

    @cached_property
    def slopes(self) -> Floats:
        """Return each row's points of probability per unit of evidence."""
        return secant_slope(self.base, row_sums(self.evidence))

    @property
    def points(self) -> Floats:
        """Return each family's share of ``probability - base_rate``, rows x families."""
        return self.evidence * self.slopes[:, None]

    def take(self, rows: Sequence[int] | npt.NDArray[Any]) -> "ScoreBatch":
        """Return some rows, in the given order."""
        kept = {
            item.name: getattr(self, item.name)[rows]
            for item in fields(self)
            if item.name not in ("bundle", "as_of", "rows")
        }
        return replace(self, rows=self.rows.take(np.asarray(rows)), **kept)

    def to_table(self) -> pa.Table:
        """Return one row per customer with every number, and an evidence and a lead column for each family."""
        columns: dict[str, object] = {name: pa.array(getattr(self, name), pa.string()) for name in TEXT_COLUMNS}
        columns |= {name: pa.array(getattr(self, name)) for name in (*NUMERIC_COLUMNS, "percentile")}
        for position, family in enumerate(self.bundle.families):
            columns[f"evidence_{family}"] = pa.array(np.ascontiguousarray(self.evidence[:, position]))
            columns[f"lead_{family}"] = pa.array(np.ascontiguousarray(self.leading[:, position]))
        return pa.table(columns)

    @classmethod
    def of(cls, table: pa.Table, rows: Matrix | pa.Table, bundle: Bundle, as_of: datetime) -> "ScoreBatch":
        """Restore what ``to_table`` returned, with the features it was computed from; equal to the last bit."""
        families = bundle.families
        evidence = [table.column(f"evidence_{family}").to_numpy() for family in families]
        leading = [table.column(f"lead_{family}").to_numpy() for family in families]
        return cls(
            bundle=bundle,
            as_of=as_of,
            rows=rows if isinstance(rows, Matrix) else Matrix.of(rows, bundle.columns),
            **{name: _texts(table.column(name)) for name in TEXT_COLUMNS},
            **{name: table.column(name).to_numpy() for name in (*NUMERIC_COLUMNS, "percentile")},
            evidence=np.column_stack(evidence),
            leading=np.column_stack(leading),
        )


def _texts(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Return a column as Python strings, equal ones as one object."""
    encoded = column.combine_chunks().dictionary_encode()
    distinct = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    texts: npt.NDArray[Any] = distinct[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return texts
