"""Leads whose only facts are where they came from: the model beside a logistic regression on one-hot columns.

    python benchmarks/lead_categories.py [--seeds 101 102 103] [--bench ../shared/bench] [--only NAME]

Invented lead histories of several kinds (few leads, many campaigns, effects of a source that depend on the campaign,
effects that drift), each drawn with several seeds, and the leads of the bench with everything hidden but the channel
of their contacts. The peer reads the same columns at the same cutoffs, as scikit-learn's one-hot columns and logistic
regression with its own penalty; `truth` is the probability that the lead was drawn with. The settings of the
encoding were chosen on seeds 1 to 3; the default seeds are others.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from rapport.durations import Duration
from rapport.features import snapshot
from rapport.features.feature_table.training_rows import training_rows
from rapport.history import Settings, history_of
from rapport.metrics import auc, log_loss
from rapport.scoring.models.blend import sigmoid
from rapport.scoring.models.matrix import Matrix
from rapport.training import train
from rapport.training.backtest import score_as_of

CATEGORIES = (
    "attribute_source", "attribute_region", "attribute_industry", "first_touch_campaign", "last_touch_campaign",
    "first_touch_channel", "first_touch_asset",
)  # fmt: skip
HORIZON, ACTIVE = Duration(days=90), Duration(days=90)
START, END = datetime.fromisoformat("2022-01-01"), datetime.fromisoformat("2024-07-01")
JUDGED = 2000
SETTINGS = Settings(threads=1, fixed_attributes=("region", "industry"))
Tables = dict[str, list[dict[str, Any]]]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """A kind of lead history: how many leads and values, how strong the effects, and what makes them harder."""

    name: str
    leads: int
    sources: int = 6
    campaigns: int = 25
    effect: float = 0.7
    interaction: float = 0.0
    drift: float = 0.0
    second_touches: float = 0.3


KINDS = (
    Kind("plain", 4000),
    Kind("few_leads", 700),
    Kind("many_campaigns", 4000, campaigns=120),
    Kind("few_leads_many_campaigns", 900, campaigns=80),
    Kind("interactions", 6000, interaction=1.0),
    Kind("drift", 5000, drift=0.8),
    Kind("weak", 3000, effect=0.2),
    Kind("one_source", 3000, sources=1),
)


def invented(kind: Kind, seed: int) -> tuple[Tables, dict[str, float]]:
    """Return the tables of a lead history, and each lead's true probability of an order within a horizon."""
    rng = np.random.default_rng([seed, sum(map(ord, kind.name))])
    last = (END - START).days
    # Most leads are open at the end: the more are judged, the less chance there is in the figures.
    days = np.sort(np.concatenate([rng.uniform(0, last, kind.leads), rng.uniform(last - 85, last, JUDGED)]))
    count = len(days)
    source, campaign = (_skewed(rng, size, count) for size in (kind.sources, kind.campaigns))
    # A source has campaigns of its own: half of the leads come through those.
    campaign = np.where(rng.random(count) < 0.5, (campaign + source * 3) % kind.campaigns, campaign)
    region = rng.integers(0, 8, count)
    effects = [rng.normal(0, kind.effect, size) for size in (kind.sources, kind.campaigns, 8)]
    pairs = rng.normal(0, kind.interaction, (kind.sources, kind.campaigns))
    later = rng.normal(0, kind.drift, (2, kind.campaigns))
    age = days / days.max()
    logit = -2.2 + effects[0][source] + effects[1][campaign] + effects[2][region] * 0.5 + pairs[source, campaign]
    logit += later[0][campaign] * age + later[1][campaign] * np.sin(3 * age)
    chance = 1 / (1 + np.exp(-logit))
    waits = rng.exponential(90 / np.maximum(-np.log1p(-chance), 1e-9))
    return _tables(kind, rng, days, waits, (source, campaign, region)), {
        f"lead-{at}": float(each) for at, each in enumerate(chance)
    }


def _skewed(rng: np.random.Generator, size: int, count: int) -> npt.NDArray[np.int64]:
    weights = 1 / np.arange(1, size + 1) ** 0.8
    return rng.choice(size, count, p=weights / weights.sum())


def _tables(
    kind: Kind, rng: np.random.Generator, days: Floats, waits: Floats, values: tuple[npt.NDArray[np.int64], ...]
) -> Tables:
    source, campaign, region = values
    tables: Tables = {"customers": [], "touches": [], "orders": []}
    for at, day in enumerate(days):
        name, created = f"lead-{at}", START + timedelta(days=float(day))
        own = {"source": f"源{source[at]}", "region": f"region-{region[at]}"}
        tables["customers"].append({"customer_id": name, "created_at": created} | own)
        moments = [created, *([created + timedelta(days=3)] if rng.random() < kind.second_touches else [])]
        for number, moment in enumerate(moments):
            touch = campaign[at] if number == 0 else rng.integers(0, kind.campaigns)
            tables["touches"].append(
                {"customer_id": name, "occurred_at": moment, "action": "form", "campaign": f"campaign-{touch}"}
            )
        ordered = created + timedelta(days=float(waits[at]))
        if ordered < END + timedelta(days=180):
            tables["orders"].append({"customer_id": name, "order_id": f"o{at}", "ordered_at": ordered, "amount": 100.0})
    return tables


def hidden_bench(bench: Path) -> dict[str, pa.Table]:
    """Return the leads of the bench with nothing but the channel of their first contacts, as campaigns."""
    folder = bench / "data" / "loan_leads"
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("customers", "orders", "interactions")}
    calls = frames.pop("interactions").rename(columns={"channel": "campaign"})
    calls["action"] = "call"
    touches = calls[["customer_id", "occurred_at", "action", "campaign"]]
    return {
        name: pa.Table.from_pandas(frame, preserve_index=False)
        for name, frame in (frames | {"touches": touches}).items()
    }


def compared(
    tables: Any, as_of: datetime, horizon: Duration, active: Duration, truth: dict[str, float]
) -> pd.DataFrame:
    """Return the label and each model's probabilities of the leads open at ``as_of``."""
    with history_of(tables, SETTINGS) as history:
        after = horizon.after(as_of) + timedelta(days=1)
        trained = train(history, "conversion", as_of=as_of, horizon=horizon, active=active)
        features = trained.run.catalog
        future = training_rows(
            history, "conversion", [as_of], active=active, horizon=horizon, known_by=after, features=features
        ).to_pandas()
        past = training_rows(
            history,
            "conversion",
            trained.schedule.all_cutoffs,
            active=active,
            horizon=horizon,
            known_by=as_of,
            features=features,
        ).to_pandas()
        ours = score_as_of(history, trained).to_pandas().set_index("customer_id")["probability"]
        assert set(snapshot(history, as_of, features, active=active)["customer_id"].to_pylist()) >= set(ours.index)
    frame = pd.DataFrame({"label": future["label"].to_numpy(float)}, index=future["customer_id"])
    frame["rapport"] = ours
    frame["one_hot"] = one_hot(past, future)
    newest = past[past["cutoff"] == past["cutoff"].max()]
    frame["one_hot_newest"] = one_hot(newest, future) if newest["label"].nunique() > 1 else np.nan
    if truth:
        frame["truth"] = [truth[name] for name in frame.index]
    return frame.join(members(trained, future))


def standard_errors(label: Floats, ours: Floats, peer: Floats) -> tuple[float, float]:
    """Return the standard errors of our AUC less the peer's (DeLong, 1988) and of our log loss less the peer's."""
    bought, not_bought = label > 0.5, label < 0.5

    def placements(scores: Floats) -> tuple[Floats, Floats]:
        yes, no = scores[bought], scores[not_bought]
        return (
            (rankdata(scores)[bought] - rankdata(yes)) / len(no),
            1 - (rankdata(scores)[not_bought] - rankdata(no)) / len(yes),
        )

    apart = [mine - others for mine, others in zip(placements(ours), placements(peer), strict=True)]
    losses = [-np.log(np.clip(np.where(bought, each, 1 - each), 1e-6, 1)) for each in (ours, peer)]
    by_auc = sum(each.var(ddof=1) / len(each) for each in apart) ** 0.5
    return float(by_auc), float((losses[0] - losses[1]).std(ddof=1) / len(label) ** 0.5)


def members(trained: Any, future: pd.DataFrame) -> pd.DataFrame:
    """Return the probabilities of each member of the ensemble by itself."""
    rows = Matrix.of(pa.Table.from_pandas(future, preserve_index=False), trained.bundle.columns)
    parts = {member.name: sigmoid(member.contributions(rows).logit()) for member in trained.bundle.members}
    return pd.DataFrame(parts, index=future["customer_id"])


def one_hot(past: pd.DataFrame, future: pd.DataFrame) -> Floats:
    """Return the probabilities of a logistic regression on the one-hot columns of the categories."""
    names = [name for name in CATEGORIES if past[name].notna().any()]
    texts = [rows[names].fillna("missing").astype(str) for rows in (past, future)]
    peer = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression(max_iter=2000))
    peer.fit(texts[0], past["label"])
    return np.asarray(peer.predict_proba(texts[1])[:, 1])


def runs(arguments: argparse.Namespace) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name of each history and its predictions."""
    for kind in KINDS:
        if arguments.only in (None, kind.name):
            for seed in arguments.seeds:
                tables, truth = invented(kind, seed)
                found = {name: pa.Table.from_pylist(rows) for name, rows in tables.items()}
                yield f"{kind.name} {seed}", compared(found, END, HORIZON, ACTIVE, truth)
    if arguments.bench and arguments.only in (None, "bench"):
        for month in ("2011-12-15", "2012-01-15", "2012-02-01"):
            tables = hidden_bench(arguments.bench)
            thirty = Duration(days=30)
            yield f"bench {month}", compared(tables, datetime.fromisoformat(month), thirty, thirty, {})


def main() -> None:
    """Print AUC and log loss of each model on each history, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--bench", type=Path)
    parser.add_argument("--only")
    results = []
    for name, frame in runs(parser.parse_args()):
        label = frame.pop("label").to_numpy()
        figures = {
            each: (auc(label, frame[each].to_numpy()), log_loss(label, np.clip(frame[each].to_numpy(), 1e-6, 1 - 1e-6)))
            for each in frame
        }
        errors = standard_errors(label, frame["rapport"].to_numpy(), frame["one_hot"].to_numpy())
        results.append({"history": name, "leads": len(label), "rate": label.mean(), "errors": errors} | figures)
        shown = "  ".join(f"{each} {value[0]:.3f}/{value[1]:.4f}" for each, value in figures.items())
        print(
            f"{name:32s} {len(label):5d} leads, {label.mean():.3f} bought  {shown}",
            flush=True,
        )
    table = pd.DataFrame(results).drop(columns=["history", "leads", "rate", "errors"])
    for at, metric in enumerate(("AUC", "log loss")):
        shown = pd.DataFrame(
            {name: [pair[at] if isinstance(pair, tuple) else np.nan for pair in table[name]] for name in table}
        )
        print(f"mean {metric}: " + "  ".join(f"{each} {value:.4f}" for each, value in shown.mean().items()))
        behind = shown["one_hot"] - shown["rapport"] if at == 0 else shown["rapport"] - shown["one_hot"]
        in_errors = behind / np.array([row["errors"][at] for row in results])
        print(
            f"  behind the one-hot regression: in {(behind > 0).sum()} of {len(behind)}, at most {behind.max():.4f}; "
            f"by more than a standard error in {(in_errors > 1).sum()}, at most {in_errors.max():.2f} of them; "
            f"ahead by more than one in {(in_errors < -1).sum()}"
        )


if __name__ == "__main__":
    main()
