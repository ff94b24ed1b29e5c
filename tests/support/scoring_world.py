"""A bundle over the whole catalog, fitted to invented rows: what the tests of scoring score with."""

from dataclasses import replace
from datetime import UTC, datetime

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from rapport.features import catalog
from rapport.scoring import Bundle
from rapport.scoring.cards import load_card
from rapport.scoring.cards.card_scores import fit_bands
from rapport.scoring.models.blend import Blend
from rapport.scoring.models.columns import OTHER, FeatureColumn, feature_columns
from rapport.scoring.models.interval import PredictionInterval
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.scoring.models.members.card import CardMember
from rapport.scoring.models.members.logistic import CategoryTerm, LogisticMember, LogisticTerm
from rapport.scoring.models.members.trees import TreesMember
from rapport.scoring.models.spend_model import SpendModel

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
REGION = FeatureColumn("attribute_region", "fit", "category", 0, False, "Region.", "地区。", ("north", "south", "east"))
LEVELS = ("展会", "web", OTHER)
SCALES = {"days": 120.0, "count": 3.0, "money": 40000.0, "ratio": 1.0, "share": 0.5, "hours": 20.0, "score": 3.0}


def columns(target: str = "churn") -> tuple[FeatureColumn, ...]:
    """Give the catalog's columns and one category."""
    levels = {feature.name: LEVELS for feature in catalog().features if feature.is_category}
    own = feature_columns(catalog().features, target, levels=levels)
    rates = {"level_rates": (0.4, 0.1, None), "overall_rate": 0.2}
    return (*(replace(column, **rates) if column.is_category else column for column in own), REGION)


def invented(count: int, seed: int, target: str = "churn") -> Matrix:
    """Draw rows that have every unit's shape, with a tenth unknown."""
    draw = np.random.default_rng(seed)
    read = columns(target)
    values = np.column_stack([_drawn(column, count, draw) for column in read])
    values[draw.random(values.shape) < 0.1] = np.nan
    return Matrix(read, values)


def table_of(rows: Matrix, state: str = "active") -> pa.Table:
    """Give rows as a snapshot gives them."""
    read = {
        column.name: pa.array(rows.categories(column.name), pa.string())
        if column.is_category
        else pa.array(rows.column(column.name), from_pandas=True)
        for column in rows.columns
    }
    return pa.table({"customer_id": [f"C-{at}" for at in range(len(rows))], "state": [state] * len(rows), **read})


def churn_bundle(trees: int = 40, count: int = 3000, seed: int = 3) -> Bundle:
    """Fit a whole committee to invented outcomes."""
    rows = invented(count, seed)
    labels = _labels(rows, seed)
    card = fit_bands(load_card("relationship"), rows.by_name(load_card("relationship").features))
    members = (
        TreesMember("recent", (_booster(rows, labels, trees, 1), _booster(rows, labels, trees, 2))),
        LogisticMember(
            "line",
            (LogisticTerm("overdue_ratio", "log", 0.6, 0.4, 0.5, 0.2), LogisticTerm("tickets_open", "root", 1, 1, 0.2)),
            -0.2,
            (CategoryTerm("attribute_source", (0.5, -0.4, 0.1, 0.0)),),
        ),
        BgNbdMember("rhythm", 0.6, 60.0, 0.8, 2.5, 365.0),
        CardMember(card, 2.0, -0.9),
    )
    model = {"recent": 0.7, "line": 0.2, "rhythm": 0.2}
    bundle = Bundle(
        target="churn",
        version="7",
        horizon="12mo",
        active_window="12mo",
        columns=rows.columns,
        fingerprint=catalog().fingerprint,
        members=members,
        blend=Blend({**model, "card": 0.3}, 1.05, -0.1),
        model_blend=Blend(model, 1.2, -0.05),
        interval=PredictionInterval(0.9, (-3.0, 0.0, 3.0), ((0.4, 0.3, 0.4),), ((0.4, 0.3, 0.4),)),
        spend_model=SpendModel("spend_sum_365d", (0.0, 1000.0), (100.0, 900.0)),
    )
    return bundle.centred_on(rows)


def _drawn(column: FeatureColumn, count: int, draw: np.random.Generator) -> np.ndarray:
    if column.is_category:
        return draw.integers(0, len(column.levels), count).astype(float)
    drawn = draw.gamma(1.0, SCALES.get(column.unit, 1.0), count)
    if column.unit in ("count", "days"):
        return np.floor(drawn)
    return np.minimum(drawn, 1.0) if column.unit in ("share", "flag") else drawn


def _labels(rows: Matrix, seed: int) -> np.ndarray:
    known = np.nan_to_num(rows.values)
    score = (
        known[:, rows.positions["overdue_ratio"]]
        + 0.4 * known[:, rows.positions["complaints_count_365d"]]
        - 0.3 * known[:, rows.positions["meetings_count_180d"]]
        # We call most those whom we fear to lose; that calling few lowers the risk may all the same not be said.
        + 0.4 * known[:, rows.positions["outbound_count_90d"]]
        + 0.5 * (known[:, rows.positions["attribute_region"]] == 1)
    )
    return (np.random.default_rng(seed).random(len(rows)) < 1 / (1 + np.exp(-(score - 1)))).astype(int)


def _booster(rows: Matrix, labels: np.ndarray, trees: int, seed: int) -> str:
    settings = {
        "objective": "binary", "num_leaves": 15, "max_depth": 5, "learning_rate": 0.1, "num_threads": 1, "verbose": -1,
        "seed": seed, "bagging_fraction": 0.8, "bagging_freq": 1, "feature_fraction": 0.6,
        "monotone_constraints": [column.direction for column in rows.columns],
    }  # fmt: skip
    names = list(rows.positions)
    data = lgb.Dataset(
        rows.values, labels, feature_name=names, categorical_feature=[rows.positions["attribute_region"]]
    )
    return str(lgb.train(settings, data, trees).model_to_string())
