"""The declared type of a portfolio row is that of the stored table: every column, and the kind of its values."""

from typing import get_type_hints

import pyarrow as pa
import pytest

from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.portfolio_row import CustomerRow, LeadRow

KINDS = (
    (str, pa.types.is_string),
    (bool, pa.types.is_boolean),
    (int, pa.types.is_integer),
    (float, pa.types.is_float64),
)


def _kind(column: pa.DataType) -> type:
    if pa.types.is_dictionary(column):
        return _kind(column.value_type)
    return next((kind for kind, fits in KINDS if fits(column)), list)


@pytest.mark.parametrize(("target", "declared"), [("churn", CustomerRow), ("conversion", LeadRow)])
def test_a_row_of_the_portfolio_has_the_columns_and_types_that_are_declared(company, target, declared):
    table = load_live_model(company.home, target).snapshot.run.table("portfolio")
    stored = {field.name: _kind(field.type) for field in table.schema if not field.name.startswith("card_")}
    kinds = {name: str(kind) for name, kind in get_type_hints(declared).items() if not name.startswith("card_")}
    # Nobody is held out in this company.
    assert stored.keys() | {"held_out"} == kinds.keys() | {"held_out"}
    wrong = {name: kinds[name] for name, kind in stored.items() if kind.__name__ not in kinds[name]}
    assert wrong == {}
    # What is declared as known always is.
    known = [name for name, kind in kinds.items() if "None" not in kind and name in stored]
    assert {name for name in known if table[name].null_count} == set()
