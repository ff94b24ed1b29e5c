"""Sentiment from texts: the same values from the command, a scoring run and a request."""

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from scoring_world import churn_bundle
from sentiment_examples import AS_OF, talkative_company
from serving_world import NOW, publish, served

from rapport.cli.app import main
from rapport.features import catalog, snapshot
from rapport.history import Duration, Settings, read_history
from rapport.history.sentiment import text_sentiment
from rapport.scoring.models.blend import Blend
from rapport.scoring.models.columns import feature_columns
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.logistic import LogisticMember, LogisticTerm
from rapport.serving.snapshots.scoring_run import run_scoring

pytest.importorskip("textblob", reason="textblob is not installed (extra: sentiment)")

MOODS = ("sentiment_mean_180d", "sentiment_latest", "sentiment_change_90d", "negative_count_90d")


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talks")
    (folder / "rapport.toml").write_text('sentiment = "text"\n', encoding="utf-8")
    return talkative_company(folder / "history")


@pytest.fixture(scope="module")
def home(talks: Path) -> Path:
    """Publish a model that uses sentiment only, and publish a snapshot of its scores."""
    terms = tuple(LogisticTerm(name, "as_is", 0.0, 0.5, -1.0 - place, missing=0.3) for place, name in enumerate(MOODS))
    with read_history(talks, Settings(sentiment="text")) as history:
        rows = snapshot(history, AS_OF, catalog(), active=Duration(12))
        columns, line = feature_columns(catalog().features, "churn"), Blend({"line": 1.0})
        bundle = replace(
            churn_bundle(trees=1, count=200),
            columns=columns,
            members=(LogisticMember("line", terms, 0.1),),
            blend=line,
            model_blend=line,
            interval=None,
        ).centred_on(Matrix.of(rows, columns))
        publish(talks.parent / "home", bundle, talks.parent)
        run_scoring(history, talks.parent / "home", "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)
    return talks.parent / "home"


def test_the_command_adds_sentiment(talks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(talks.parent)
    words = ["features", talks, "--as-of", "2026-01-01", "--out", "features.parquet"]
    monkeypatch.setattr(sys, "argv", ["rapport", *map(str, words)])
    with pytest.raises(SystemExit, match="0"):
        main()
    rows = pq.read_table("features.parquet").to_pylist()
    latest = {row["customer_id"]: row["sentiment_latest"] for row in rows}
    known: dict[str, tuple[datetime, float]] = {}
    for talk in pq.read_table(talks / "interactions.parquet").to_pylist():
        mood = text_sentiment(talk["text"])
        if mood is not None:
            known[talk["customer_id"]] = max(
                (talk["occurred_at"], mood), known.get(talk["customer_id"], (datetime.min, 0.0))
            )
    assert len(known) > 30
    assert latest == {one: known[one][1] if one in known else None for one in latest}


def test_a_request_with_texts_gets_the_score_of_the_snapshot(talks: Path, home: Path) -> None:
    texts = pq.read_table(talks / "interactions.parquet").to_pylist()
    orders = pq.read_table(talks / "orders.parquet").to_pylist()
    bodies = [
        {
            "customer": {"customer_id": order["customer_id"]},
            "orders": [_plain(order)],
            "interactions": [_plain(talk) for talk in texts if talk["customer_id"] == order["customer_id"]],
        }
        for order in orders
    ]
    ids = [order["customer_id"] for order in orders]
    with served(home, keys=False, settings=talks.parent / "rapport.toml") as client:
        snapshot = client.post("/v1/score", json={"customer_ids": ids, "reasons": 5}).json()["answers"]
        asked = {"as_of": "2026-01-01", "histories": bodies, "reasons": 5}
        request = client.post("/v1/score_history", json=asked).json()["answers"]
    assert request == snapshot
    # The moods were heard: there are as many chances as there were different talks.
    assert len({answer["probability"] for answer in snapshot}) > 30


def _plain(row: dict[str, object]) -> dict[str, object]:
    return {name: cell.isoformat() if isinstance(cell, datetime) else cell for name, cell in row.items()}
