"""A small company with a published champion and one scored night, made once for all serving tests."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lightgbm as lgb
import pytest

from features import Vocabulary, catalog, training_rows
from history import History, read_history
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
from serving.nightly import score_history

YEAR = parse_span("12mo")
AS_OF = datetime.fromisoformat("2026-11-01")
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
        interval=None, spend=Spend("spend_sum_365d", (0.0, 1000.0), (0.0, 900.0)),
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
    simulate(folder, customers=400, years=3, seed=7)
    history = read_history(folder, Settings())
    bundle = make_bundle(history, "churn", "1")
    publish(home, bundle, root)
    score_history(history, home, "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)
    return Company(folder, home, history, bundle)
