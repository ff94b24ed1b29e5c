"""Many tables: the model beside generic aggregates of all tables to depth 3, and what each table contributes.

    python benchmarks/multi_table.py [--seeds 61 62 63] [--ablation]

Invented companies with twelve tables. The peer is LightGBM on aggregates of aggregates (`peers/deep_aggregation.py`),
learned on the same cutoffs and customers; `own rate` is a constant for each customer, its share of earlier cutoffs at
which it churned, shrunk to the mean. With `--ablation` the model is trained again without each table.
"""

import tempfile
from datetime import datetime
from pathlib import Path
from zlib import crc32

import lightgbm
import numpy as np
import numpy.typing as npt
import pandas as pd
from parts.scale import options
from peers.deep_aggregation import TIMES, features_at, read_tables
from peers.models import SETTINGS

from rapport.durations import parse_duration
from rapport.features import Catalog
from rapport.history import History, read_history
from rapport.history.settings import Settings
from rapport.history.simulate import simulate
from rapport.metrics import auc, log_loss
from rapport.training import backtest, train
from rapport.training.backtest import score_as_of
from rapport.training.data.dataset import labelled_dataset
from rapport.training.data.task_spec import TaskSpec

AS_OF = datetime(2025, 11, 1)  # noqa: DTZ001 - the invented company's own clock
YEAR = parse_duration("12mo")
CUSTOMERS = 1500
ROUNDS = (50, 150, 400)
PRIOR_CUTOFFS = 3.0
Floats = npt.NDArray[np.float64]


def labels(history: History, cutoffs: list[datetime], known_by: datetime) -> pd.DataFrame:
    """Return customer, cutoff and outcome of everyone eligible at the cutoffs."""
    found = labelled_dataset(history, TaskSpec("churn", known_by, YEAR, YEAR), cutoffs, Catalog(()))
    moments = [found.cutoffs[index] for index in found.cutoff_index]
    return pd.DataFrame({"customer_id": found.customer_ids, "cutoff": moments, "label": found.label})


def deep_aggregates(folder: Path, past: pd.DataFrame, future: pd.DataFrame) -> Floats:
    """Return LightGBM's probabilities on generic aggregates; the number of trees is chosen on half of the customers."""
    tables = read_tables(folder)
    parts = [
        features_at(tables, pd.Timestamp(cutoff)).reindex(group.customer_id).reset_index()
        for cutoff, group in [*past.groupby("cutoff"), (AS_OF, future)]
    ]
    wide = pd.concat(parts, ignore_index=True).drop(columns="customer_id").to_numpy(float)
    # Both are in the order of the cutoffs, as the groups are.
    rows = pd.concat([past.sort_values("cutoff", kind="stable"), future], ignore_index=True)
    label, is_past = rows.label.to_numpy(), (rows.cutoff < AS_OF).to_numpy()
    half = rows.customer_id.map(crc32_half).to_numpy()
    learned, judged = is_past & half, (rows.cutoff == past.cutoff.max()).to_numpy() & ~half
    losses = {
        rounds: log_loss(label[judged], _boosted(wide[learned], label[learned], wide[judged], rounds))
        for rounds in ROUNDS
    }
    best = min(losses, key=lambda rounds: losses[rounds])
    return _boosted(wide[is_past], label[is_past], wide[~is_past], best)


def crc32_half(name: str) -> bool:
    """Return whether a customer belongs to the first half."""
    return crc32(name.encode()) % 2 == 0


def _boosted(wide: Floats, label: Floats, asked: Floats, rounds: int) -> Floats:
    return np.asarray(lightgbm.train(SETTINGS, lightgbm.Dataset(wide, label), rounds).predict(asked))


def own_rate(past: pd.DataFrame, future: pd.DataFrame) -> Floats:
    """Return each customer's share of earlier cutoffs at which it churned, shrunk to the mean of all."""
    mean, own = past.label.mean(), past.groupby("customer_id").label.agg(["sum", "size"])
    shrunk = (own["sum"] + PRIOR_CUTOFFS * mean) / (own["size"] + PRIOR_CUTOFFS)
    return future.customer_id.map(shrunk).fillna(mean).to_numpy()


def compared(folder: Path) -> pd.DataFrame:
    """Return the outcome and each model's probability of everyone who could be scored."""
    with read_history(folder, Settings(threads=1)) as history:
        trained = train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR)
        ours = score_as_of(history, trained).to_pandas().set_index("customer_id").probability
        past = labels(history, list(trained.schedule.all_cutoffs), AS_OF)
        future = labels(history, [AS_OF], YEAR.after(AS_OF))
    return pd.DataFrame(
        {
            "label": future.label.to_numpy(),
            "rapport": ours.reindex(future.customer_id).to_numpy(),
            "deep aggregates": deep_aggregates(folder, past, future),
            "own rate": own_rate(past, future),
            "base rate": past.label[past.cutoff == past.cutoff.max()].mean(),
        },
        future.customer_id,
    )


def without_tables(folder: Path, found: pd.DataFrame) -> dict[str, float]:
    """Return by how much log loss rises without each table."""
    label, losses = found.label.to_numpy(), {}
    whole = log_loss(label, found.rapport.to_numpy())
    for table in sorted(TIMES.keys() - {"orders"}):
        if not (folder / f"{table}.parquet").exists():
            continue
        with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
            for path in folder.glob("*.parquet"):
                if path.stem != table:
                    (Path(scratch) / path.name).symlink_to(path)
            with read_history(scratch, Settings(threads=1)) as history:
                rows = backtest(history, "churn", cutoff=AS_OF, horizon=YEAR, active=YEAR).to_pandas()
        losses[table] = (
            log_loss(label, rows.set_index("customer_id").probability.reindex(found.index).to_numpy()) - whole
        )
    return losses


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[61, 62, 63])
    parser.add_argument("--ablation", action="store_true")
    chosen = parser.parse_args()
    ablations = []
    for seed in chosen.seeds[: 1 if chosen.scale < 1 else None]:
        with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
            folder = Path(scratch) / "company"
            simulate(folder, customers=max(300, round(CUSTOMERS * chosen.scale)), seed=seed)
            found = compared(folder)
            label = found.label.to_numpy()
            shown = "  ".join(
                f"{name} {auc(label, found[name].to_numpy()):.4f}/{log_loss(label, found[name].to_numpy()):.4f}"
                for name in found.columns.drop("label")
            )
            print(f"seed {seed}: {len(found)} customers, {label.mean():.3f} churned; AUC/log loss: {shown}", flush=True)
            if chosen.ablation:
                ablations.append(without_tables(folder, found))
    if ablations:
        table = pd.DataFrame(ablations)
        shown = "  ".join(f"{name} {value:+.4f}" for name, value in table.mean().sort_values(ascending=False).items())
        print(f"log loss without each table, less that with all, mean of {len(table)}: {shown}")


if __name__ == "__main__":
    main()
