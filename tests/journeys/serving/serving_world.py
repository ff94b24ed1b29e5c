"""Helpers of the serving tests: a small ensemble, its publication, a whole service in this process."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lightgbm as lgb
import numpy as np
from httpx import Response
from starlette.testclient import TestClient

from rapport.durations import parse_duration
from rapport.features import Vocabulary, catalog, training_rows
from rapport.history import History
from rapport.history.contract import FEATURE_TABLES
from rapport.scoring import Answer, build_answers
from rapport.scoring.cards import load_card
from rapport.scoring.cards.card_scores import fit_bands
from rapport.scoring.models import model_store
from rapport.scoring.models.blend import Blend
from rapport.scoring.models.bundle import Bundle, Fallback
from rapport.scoring.models.columns import feature_columns
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.card import CardMember
from rapport.scoring.models.members.trees import TreesMember
from rapport.scoring.models.spend_model import SpendModel
from rapport.scoring.models.timing.event_timing import CONSTANT, ORDER, PURCHASE, EventTiming
from rapport.serving.api.service import build
from rapport.serving.environment import Environment
from rapport.serving.snapshots.live_model import LiveModel
from rapport.training.data.data_sufficiency import DataSufficiency
from rapport.training.evaluation.grade import grade_model
from rapport.training.registry.promotion_gates import as_dicts, evaluate_gates

YEAR = parse_duration("12mo")
AS_OF = datetime.fromisoformat("2026-11-01")
MONTH_BEFORE = datetime.fromisoformat("2026-10-01")
NOW = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Company:
    """The history, bundle and folders of the small company."""

    folder: Path
    home: Path
    history: History
    bundle: Bundle


def make_bundle(history: History, target: str, version: str, *, trees: int = 30, seed: int = 1) -> Bundle:
    """Fit a small ensemble on two past cutoffs: just enough to have every kind of reason."""
    features = catalog()
    cutoffs = [datetime.fromisoformat("2025-05-01"), datetime.fromisoformat("2025-11-01")]
    rows = training_rows(history, target, cutoffs, active=YEAR, horizon=YEAR, known_by=AS_OF, features=features)
    columns = feature_columns(features.features, target, levels={})
    matrix = Matrix.of(rows, columns)
    fit = lgb.Dataset(matrix.values, rows.column("label").to_numpy(), feature_name=[c.name for c in columns])
    shape = {
        "objective": "binary",
        "num_leaves": 7,
        "verbose": -1,
        "num_threads": 1,
        "seed": seed,
        "min_data_in_leaf": 10,
    }
    text = lgb.train(shape, fit, trees).model_to_string()
    card = fit_bands(load_card({"churn": "relationship", "conversion": "behaviour"}[target]), rows)
    bundle = Bundle(
        target=target, version=version, horizon="12mo", active_window="12mo", columns=columns,
        fingerprint=features.fingerprint, tables=tuple(sorted(history.present)),
        vocabulary={"actions": list(Vocabulary().actions), "channels": [], "attributes": []},
        members=(TreesMember("trees", (text,)), CardMember(card, 1.0, -0.5)),
        blend=Blend({"trees": 0.8, "card": 0.3}, 1.0, -0.1), model_blend=Blend({"trees": 1.0}),
        provenance={"as_of": AS_OF.isoformat()}, evaluation=evaluation(),
        spend_model=SpendModel("spend_sum_365d", (0.0, 1000.0), (0.0, 900.0)),
        timing=EventTiming({"churn": ORDER, "conversion": PURCHASE}[target], CONSTANT, 365.0, 400.0),
    )  # fmt: skip
    return bundle.centred_on(matrix)


def evaluation() -> dict:
    """Return the sentences of a grade and of gates as training writes them."""
    size = DataSufficiency(customers=600, minority_count=200, recent_minority_count=100, fallback=Fallback())
    said = {name: np.linspace(0.1, 0.9, 200) for name in ("blend", "base_rate", "recency", "card")}
    known = {name: {"average_precision": 0.5, "lift_10": 2.0, "calibration_error": 0.02} for name in said}
    grade = grade_model({"label": np.arange(200) % 2.0, **said}, known, size, out_of_time=False).as_dict()
    return {"measures": {}, "grade": grade, "gates": as_dicts(evaluate_gates({"grade": grade}, "1"))}


def publish(home: Path, bundle: Bundle, beside: Path) -> None:
    """Publish a bundle to the model store and make it champion."""
    folder = bundle.save(beside / f"{bundle.target}-{bundle.version}")
    model_store.publish(folder, home, bundle.target, bundle.version)
    model_store.set_champion(home, bundle.target, bundle.version, NOW)


def served(home: Path, **changes) -> TestClient:
    """Return a client of a whole service in this process; ``changes`` set the environment."""
    environment = Environment(data_dir=home, reload_seconds=0.1).model_copy(update=changes)
    return TestClient(
        build(environment).to_asgi(),
        base_url="http://127.0.0.1",
        client=("127.0.0.1", 50_000),
        raise_server_exceptions=False,
    )


def stored_answers(model: LiveModel, ids: Sequence[str], reasons: int, language: str = "en") -> list[Answer | None]:
    """Give the snapshot's answers; None for an id that it does not have."""
    rows = [model.snapshot.ids.row_of(one) for one in ids]
    found = iter(build_answers(model.snapshot.scored, reasons, language, [row for row in rows if row is not None]))
    return [None if row is None else next(found) for row in rows]


def linked_data_dir(company: Company, folder: Path) -> Path:
    """Return a new data folder with the company's models and scores, without keys."""
    for name in ("models", "scores"):
        (folder / name).symlink_to(company.home / name)
    return folder


def copy_home(company: Company, home: Path) -> Path:
    """Return a new copy of the company's whole data folder; the logs of open SQLite files come and go meanwhile."""
    return Path(shutil.copytree(company.home, home, ignore=shutil.ignore_patterns("*-wal", "*-shm", "*-journal")))


def bearer(secret: str) -> dict[str, str]:
    """Return the headers of a caller with this key or token."""
    return {"authorization": f"Bearer {secret}"}


def error_of(response: Response) -> dict[str, str]:
    """Return the error; fails on any other shape."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "where"}
    assert response.headers["x-request-id"]
    return body["error"]


def history_body(company: Company, customer_id: str) -> dict:
    """Return one customer's whole history as a caller would send it."""
    body = {}
    for table in FEATURE_TABLES:
        rows = company.history.connection.execute(f"SELECT * FROM {table.name} WHERE customer_id = ?", [customer_id])
        names = [column[0] for column in rows.description]
        body[table.name] = [
            {name: _plain(value) for name, value in zip(names, row, strict=True) if value is not None}
            for row in rows.fetchall()
        ]
    return {"customer": body.pop("customers")[0], **body}


def _plain(value):
    return value.isoformat() if isinstance(value, datetime) else value
