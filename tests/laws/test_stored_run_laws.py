"""What a run stores in few bytes is read again to the last digit, and each customer's rows are found."""

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.errors import ServingError
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.stored_matrix import MatrixLayout, StoredMatrix
from rapport.serving.snapshots.contract_rows import share_rows
from rapport.serving.snapshots.customer_index import CustomerIndex, id_bytes, row_offsets
from rapport.serving.snapshots.row_reader import RowReader
from rapport.serving.snapshots.store import RUN_FORMAT, Manifest, ScoringRun, read_run

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 2048.0, 2049.0, 65504.0, 65520.0, 0.1, 1e300, 2.0**24 + 1, np.nan, np.inf])
MATRICES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1, max_size=9)
)


@settings(deadline=None)
@given(MATRICES, st.integers(1, 9))
def test_a_stored_matrix_has_every_bit_of_the_one_it_was_made_from(rows, size):
    values = np.array(rows)
    columns = tuple(FeatureColumn(f"f{n}", "value", "", 0, False, "", "") for n in range(values.shape[1]))
    parts = [values[begin : begin + size] for begin in range(0, len(values), size)]
    layout = MatrixLayout(values.shape[1])
    for part in parts:
        layout.see(part)
    with TemporaryDirectory() as folder:
        layout.write(Path(folder), parts)
        stored = StoredMatrix.open(columns, Path(folder))
        assert len(stored) == len(values)
        assert _bits(stored.values) == _bits(values)
        assert _bits(np.array([stored.row(row) for row in range(len(values))])) == _bits(values)
        assert _bits(stored.take(np.array([len(values) - 1, 0])).values) == _bits(values[[-1, 0]])


IDS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), unique=True)


@settings(deadline=None)
@given(IDS, st.data())
def test_the_rows_of_each_customer_are_found(names, data):
    names = sorted(names, key=str.encode)
    has_rows = sorted(data.draw(st.lists(st.sampled_from([*names, "~"]), max_size=20)), key=str.encode)
    scored = sorted(data.draw(st.lists(st.sampled_from(names), unique=True)) if names else [], key=str.encode)
    ids = pa.chunked_array([pa.array(scored, pa.string())])
    table = pa.table({"customer_id": pa.array(has_rows, pa.string())})
    assert [one.decode() for one in id_bytes(ids)] == scored
    index = CustomerIndex.of(ids)
    assert [index.row_of(name) for name in scored] == list(range(len(scored)))
    run = ScoringRun(Path(), Manifest("churn", "", "", "1", "f", rows=len(scored)))
    vars(run).update(_opened={"t": table}, ids=index)
    starts = np.load(pa.BufferReader(row_offsets(ids, {"t": table})["t.npy"]))
    run._by_customer["t"] = (RowReader(table), starts)
    # Rows of customers who are not in the run are nobody's.
    found = {name: [each["customer_id"] for each in run.customer_rows("t", row)] for row, name in enumerate(scored)}
    assert found == {name: [name] * has_rows.count(name) for name in scored}


def test_equal_rows_of_two_runs_are_one_file(tmp_path):
    for name, content in {"one": b"same", "two": b"same", "three": b"else"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows_orders.arrow").write_bytes(content)
        share_rows(tmp_path / name, [tmp_path / "one"] if name != "one" else [])
    files = [tmp_path / name / "rows_orders.arrow" for name in ("one", "two", "three")]
    assert [path.stat().st_nlink for path in files] == [2, 2, 1]
    assert files[2].read_bytes() == b"else"


def test_a_run_of_a_newer_format_is_refused_by_name(tmp_path):
    manifest = Manifest("churn", "2026-01-01", "2026-01-02", "1", "f", rows=0, format=RUN_FORMAT + 1)
    (tmp_path / "manifest.json").write_text(json.dumps(asdict(manifest)))
    with pytest.raises(ServingError, match=rf"format {RUN_FORMAT + 1}; this one reads up to {RUN_FORMAT}"):
        read_run(tmp_path)


def _bits(values):
    # Every nan is the same unknown.
    return np.where(np.isnan(values), np.nan, values).view(np.int64).tolist()


PARTS = pa.list_(pa.struct([("name", pa.string()), ("points", pa.float64())]))
CELLS = {
    pa.float64(): st.floats(),
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"])),
    pa.dictionary(pa.int8(), pa.string()): st.sampled_from(["a", "中"]),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(),
    PARTS: st.lists(st.fixed_dictionaries({"name": st.text("aé中"), "points": st.none() | st.floats(allow_nan=False)})),
}


@settings(deadline=None)
@given(st.data(), st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=4), st.integers(0, 9))
def test_a_row_that_is_read_from_buffers_is_the_row_of_the_table(data, kinds, rows):
    columns = [data.draw(st.lists(st.none() | CELLS[kind], min_size=rows, max_size=rows)) for kind in kinds]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    whole = pa.table(arrays, [*"abcd"[: len(kinds)]])
    table = whole.slice(data.draw(st.integers(0, rows)))
    reader = RowReader(table)
    # As text: nan is not equal to itself.
    assert [str(reader.rows([row])) for row in range(len(table))] == [str([each]) for each in table.to_pylist()]
