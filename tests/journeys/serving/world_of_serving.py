"""What serving tests are made of: a small committee, its publication, a whole service in this process."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import lightgbm as lgb
import numpy as np
from httpx import Response
from rapport.features import Vocabulary, catalog, training_rows
from rapport.history import TABLES, History
from rapport.scoring import shelf
from rapport.scoring.blend import Blend
from rapport.scoring.bundle import Basis, Bundle
from rapport.scoring.cards import load_card
from rapport.scoring.columns import columns_of
from rapport.scoring.experts.card import CardExpert
from rapport.scoring.experts.trees import Trees
from rapport.scoring.matrix import Matrix
from rapport.scoring.spend import Spend
from rapport.serving.environment import Environment
from rapport.serving.service import build
from rapport.training.gates import as_dicts, gates_of
from rapport.training.grade import grade_of
from rapport.training.size import Size
from starlette.testclient import TestClient

from rapport.durations import parse_span

YEAR = parse_span("12mo")
AS_OF = datetime.fromisoformat("2026-11-01")
MONTH_BEFORE = datetime.fromisoformat("2026-10-01")
NOW = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Company:
    """Where everything of the small company is."""

    folder: Path
    home: Path
    history: History
    bundle: Bundle


def make_bundle(history: History, target: str, version: str, *, trees: int = 30, seed: int = 1) -> Bundle:
    """Fit a small committee on two past slices: enough to have every kind of reason, no more."""
    features = catalog()
    cutoffs = [datetime.fromisoformat("2025-05-01"), datetime.fromisoformat("2025-11-01")]
    rows = training_rows(history, target, cutoffs, active=YEAR, horizon=YEAR, known_by=AS_OF, features=features)
    columns = columns_of(features.features, target, levels={})
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
    card = load_card({"churn": "relationship", "conversion": "behaviour"}[target]).fitted(rows)
    bundle = Bundle(
        target=target, version=version, horizon="12mo", active="12mo", columns=columns,
        fingerprint=features.fingerprint, tables=tuple(sorted(history.present)),
        vocabulary={"actions": list(Vocabulary().actions), "channels": [], "attributes": []},
        experts=(Trees("trees", (text,)), CardExpert(card, 1.0, -0.5)),
        blend=Blend({"trees": 0.8, "card": 0.3}, 1.0, -0.1), model_blend=Blend({"trees": 1.0}),
        record={"as_of": AS_OF.isoformat()}, evaluation=judged(),
        spend=Spend("spend_sum_365d", (0.0, 1000.0), (0.0, 900.0)),
    )  # fmt: skip
    return bundle.centred_on(matrix)


def judged() -> dict:
    """Give the sentences of a grade and of gates as training writes them down."""
    size = Size(customers=600, rarer=200, newest=100, basis=Basis())
    said = {name: np.linspace(0.1, 0.9, 200) for name in ("blend", "base_rate", "recency", "card")}
    known = {name: {"average_precision": 0.5, "lift_10": 2.0, "calibration_error": 0.02} for name in said}
    grade = grade_of({"label": np.arange(200) % 2.0, **said}, known, size, out_of_time=False).as_dict()
    return {"measures": {}, "grade": grade, "gates": as_dicts(gates_of({"grade": grade}, "1"))}


def publish(home: Path, bundle: Bundle, beside: Path) -> None:
    """Put a bundle on the shelf and crown it."""
    folder = bundle.save(beside / f"{bundle.target}-{bundle.version}")
    shelf.publish(folder, home, bundle.target, bundle.version)
    shelf.crown(home, bundle.target, bundle.version, NOW)


def served(home: Path, **changes) -> TestClient:
    """Give a client of a whole service in this process; ``changes`` set the environment."""
    environment = replace(Environment(home=home, reload_seconds=0.1), **changes)
    return TestClient(
        build(environment).to_asgi(),
        base_url="http://127.0.0.1",
        client=("127.0.0.1", 50_000),
        raise_server_exceptions=False,
    )


def home_beside(company: Company, folder: Path) -> Path:
    """Give the company's models and scores a home of their own, with no keys yet."""
    for name in ("models", "scores"):
        (folder / name).symlink_to(company.home / name)
    return folder


def bearer(secret: str) -> dict[str, str]:
    """Give the headers of a caller with this key or token."""
    return {"authorization": f"Bearer {secret}"}


def error_of(response: Response) -> dict[str, str]:
    """Give the refusal; anything but our one shape fails."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "where"}
    assert response.headers["x-request-id"]
    return body["error"]


def history_body(company: Company, customer_id: str) -> dict:
    """Give one customer's whole history as a caller would send it."""
    body = {}
    for table in TABLES:
        rows = company.history.connection.execute(f"SELECT * FROM {table.name} WHERE customer_id = ?", [customer_id])
        names = [column[0] for column in rows.description]
        body[table.name] = [
            {name: _plain(value) for name, value in zip(names, row, strict=True) if value is not None}
            for row in rows.fetchall()
        ]
    return {"customer": body.pop("customers")[0], **body}


def _plain(value):
    return value.isoformat() if isinstance(value, datetime) else value
