"""Features and scores on Spark equal those of the embedded engine."""

import importlib.util
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scoring_world import churn_bundle
from sentiment_examples import AS_OF as AS_OF_TALKS
from sentiment_examples import talkative_company

from rapport.durations import Duration
from rapport.errors import SettingsError, TableError
from rapport.features import Vocabulary, catalog, snapshot, vocabulary_of
from rapport.features.spark import spark_features
from rapport.history import Settings, read_history
from rapport.history.simulate import simulate
from rapport.scoring import Scorer
from rapport.scoring.models.spark import spark_score

AS_OF = datetime(2025, 3, 4, 15, 30)
ACTIVE = Duration(12)
ZONE = Settings(timezone="Asia/Shanghai", fixed_attributes=("industry", "employees"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed (extra: spark)"),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17, and there is no java here"),
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with a table as a folder, ids with blanks, and its own channels and time column."""
    folder = tmp_path_factory.mktemp("company") / "history"
    simulate(folder, customers=150, years=3, seed=11)
    shutil.rmtree(f"{folder}.truth")
    talks = pq.read_table(folder / "interactions.parquet")
    ids = pa.array([f" {each} " for each in talks["customer_id"].to_pylist()])
    channels = pa.array([each if index % 3 else "微信" for index, each in enumerate(talks["channel"].to_pylist())])
    times = talks["occurred_at"].cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    talks = talks.set_column(talks.schema.get_field_index("customer_id"), "customer_id", ids)
    talks = talks.set_column(talks.schema.get_field_index("channel"), "channel", channels)
    talks = talks.set_column(talks.schema.get_field_index("occurred_at"), "Occurred At", times)
    (folder / "interactions.parquet").unlink()
    (folder / "interactions").mkdir()
    for part in range(3):
        pq.write_table(
            talks.slice(part * 1000, 1000 if part < 2 else None), folder / "interactions" / f"{part}.parquet"
        )
    return folder


# A plain path is read and written by the workers, a URL by Spark.
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_spark_gives_the_cells_of_the_embedded_engine(company: Path, tmp_path: Path, scheme: str) -> None:
    source, out = f"{scheme}{company}", f"{scheme}{tmp_path / 'out'}"
    count = spark_features(source, out, as_of=AS_OF, active=ACTIVE, settings=ZONE, master="local[2]")
    there = pq.read_table(tmp_path / "out").sort_by("customer_id")
    with read_history(company, ZONE) as history:
        here = snapshot(history, AS_OF, catalog(vocabulary_of(history, AS_OF)), active=ACTIVE).sort_by("customer_id")
    assert count == len(here) > 150
    assert there.column_names == here.column_names
    assert there.cast(here.schema).equals(here)


def test_sentiment_of_texts_equals_that_of_the_embedded_engine(tmp_path: Path) -> None:
    pytest.importorskip("textblob", reason="textblob is not installed (extra: sentiment)")
    talks, asked = talkative_company(tmp_path / "talks"), Settings(sentiment="text")
    spark_features(talks, tmp_path / "out", as_of=AS_OF_TALKS, active=ACTIVE, settings=asked, master="local[2]")
    there = pq.read_table(tmp_path / "out").sort_by("customer_id")
    with read_history(talks, asked) as history:
        here = snapshot(history, AS_OF_TALKS, catalog(vocabulary_of(history, AS_OF_TALKS)), active=ACTIVE)
    assert here["sentiment_latest"].null_count < 10
    assert there.cast(here.schema).equals(here.sort_by("customer_id"))


def test_scores_by_partition_are_the_scores_of_one_batch(company: Path, tmp_path: Path) -> None:
    words = Vocabulary(attributes=("region",))
    bundle = replace(churn_bundle(trees=10), vocabulary=vars(words), fingerprint=catalog(words).fingerprint)
    saved = bundle.save(tmp_path / "bundle")
    count = spark_score(company, saved, tmp_path / "out", as_of=AS_OF, settings=ZONE, master="local[2]")
    there = pq.read_table(tmp_path / "out").sort_by("customer_id")
    with read_history(company, ZONE) as history:
        table = snapshot(history, AS_OF, catalog(words), active=ACTIVE).sort_by("customer_id")
    here = Scorer(bundle).score(table, AS_OF).to_table()
    assert count == len(here) > 150
    # NaN is not equal to itself; its text is.
    assert [list(map(str, row.values())) for row in there.to_pylist()] == [
        list(map(str, row.values())) for row in here.to_pylist()
    ]


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_an_existing_folder_is_not_overwritten(company: Path, tmp_path: Path, scheme: str) -> None:
    out = f"{scheme}{tmp_path}"
    with pytest.raises(SettingsError, match="exists already"):
        spark_features(company, out, as_of=AS_OF, active=ACTIVE, settings=ZONE, master="local[2]")
    assert list(tmp_path.iterdir()) == []


def test_relatives_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    settings = Settings(fixed_attributes=("parent_id",))
    with pytest.raises(SettingsError, match="not those of its relatives"):
        spark_features(tmp_path, tmp_path / "out", as_of=AS_OF, active=ACTIVE, settings=settings, master="local[2]")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_without_orders_is_refused(tmp_path: Path, scheme: str) -> None:
    pq.write_table(pa.table({"customer_id": ["a"]}), tmp_path / "customers.parquet")
    with pytest.raises(TableError, match="no Parquet table orders"):
        spark_features(f"{scheme}{tmp_path}", tmp_path / "out", as_of=AS_OF, active=ACTIVE, master="local[2]")


def test_too_many_rejected_rows_are_an_error(tmp_path: Path) -> None:
    orders = {"customer_id": ["a", "b", "c"], "order_id": ["1", "2", "3"], "amount": [1.0, 2.0, 3.0]}
    times = {"ordered_at": ["2025-01-01", "never", "soon"]}
    pq.write_table(pa.table(orders | times), tmp_path / "orders.parquet")
    with pytest.raises(TableError, match="orders: 2 of 3 rows cannot be used"):
        spark_features(tmp_path, tmp_path / "out", as_of=AS_OF, active=ACTIVE, master="local[2]")
