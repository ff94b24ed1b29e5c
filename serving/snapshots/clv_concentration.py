"""How much of the customer lifetime value a few customers bring: those above the average, and the best fifth."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

_COLUMN = "clv_3y"
_TOP_SHARE = 0.2


def clv_concentration(portfolio: pa.Table) -> pa.Table:
    """Return customers and three-year CLV of all, of those above the average, and of the best fifth, with shares.

    Customers without a CLV are left out; a portfolio of leads has none.
    """
    known = np.empty(0)
    if _COLUMN in portfolio.column_names:
        values = np.asarray(portfolio[_COLUMN].to_numpy(zero_copy_only=False), dtype=np.float64)
        known = np.sort(values[~np.isnan(values)])[::-1]
    if not len(known):
        return pa.Table.from_pylist([], _SCHEMA)
    groups = {
        "all": known,
        "above_average": known[known > known.mean()],
        "top_20_percent": known[: int(np.ceil(_TOP_SHARE * len(known)))],
    }
    total = float(known.sum())
    rows = [
        {
            "group": name,
            "customers": len(group),
            "share_of_customers": len(group) / len(known),
            "clv": float(group.sum()),
            "share_of_clv": float(group.sum()) / total if total else None,
        }
        for name, group in groups.items()
    ]
    return pa.Table.from_pylist(rows, _SCHEMA)


_SCHEMA = pa.schema(
    {"group": pa.string(), "customers": pa.int64(), "share_of_customers": pa.float64(), "clv": pa.float64(),
     "share_of_clv": pa.float64()}
)  # fmt: skip
