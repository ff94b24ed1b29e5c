"""A small company with a published champion and one scored night, made once for all serving tests."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import lightgbm as lgb
import pytest
from starlette.testclient import TestClient

from features import Vocabulary, catalog, training_rows
from history import TABLES, History, read_history
from history.settings import Settings
from history.simulate import simulate
from history.spans import parse_span
from scoring import shelf
from scoring.blend import Blend
from scoring.bundle import Bundle
from scoring.cards import load_card
from scoring.columns import columns_of
from scoring.experts.card import CardExpert
from scoring.experts.trees import Trees
from scoring.matrix import Matrix
from scoring.spend import Spend
from serving.current import load
from serving.environment import Environment
from serving.nightly import score_history
from serving.service import build

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
        record={"as_of": AS_OF.isoformat()}, spend=Spend("spend_sum_365d", (0.0, 1000.0), (0.0, 900.0)),
    )  # fmt: skip
    return bundle.centred_on(matrix)


def publish(home: Path, bundle: Bundle, beside: Path) -> None:
    """Put a bundle on the shelf and crown it."""
    folder = bundle.save(beside / f"{bundle.target}-{bundle.version}")
    shelf.publish(folder, home, bundle.target, bundle.version)
    shelf.crown(home, bundle.target, bundle.version, NOW)


@pytest.fixture(scope="session")
def company(tmp_path_factory) -> Company:
    root = tmp_path_factory.mktemp("company")
    folder, home = root / "history", root / "home"
    simulate(folder, customers=600, years=3, seed=7)
    history = read_history(folder, Settings())
    bundle = make_bundle(history, "churn", "1")
    publish(home, bundle, root)
    publish(home, make_bundle(history, "conversion", "1"), root)
    for target, as_of in (("churn", MONTH_BEFORE), ("churn", AS_OF), ("conversion", AS_OF)):
        score_history(history, home, target, as_of=as_of, now=NOW, progress=lambda *_: None)
    return Company(folder, home, history, bundle)


def served(home: Path, **changes) -> TestClient:
    """Give a client of a whole service in this process; ``changes`` set the environment."""
    environment = replace(Environment(home=home, reload_seconds=0.1), **changes)
    return TestClient(
        build(environment).to_asgi(),
        base_url="http://127.0.0.1",
        client=("127.0.0.1", 50_000),
        raise_server_exceptions=False,
    )


@pytest.fixture(scope="session")
def open_client(company):
    """A service without keys, as on a laptop."""
    with served(company.home, keys=False) as client:
        yield client


@pytest.fixture
def ask(open_client):
    """Ask an address and give the body; any other status than the one expected fails."""

    def asked(address: str, status: int = 200, headers=None, **body):
        response = open_client.post(f"/v1/{address}", json=body, headers=headers)
        assert response.status_code == status, response.text
        return response.json()

    return asked


@pytest.fixture(scope="session")
def active(company):
    """The ids of the customers that have a churn score, sorted."""
    scored = load(company.home, "churn").night.scored
    return [str(one) for one in scored.customer_id[scored.eligible]]


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
