"""The blend beside each of its parts on the bench's tasks: log loss, and whether a difference is more than chance.

    python benchmarks/blend_against_parts.py --bench ../shared/bench [--task uci_6m] [--out FOLDER] [--scale small]

Every part is set at the level that was expected, as the blend is. The calibration error stands beside what a perfect
model would show on so few customers, and the width of the intervals is told by score.
With --out the predictions are written as the bench's evaluate.py reads them, to be held against the peers' own.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from parts.real_histories import bench_option, has_histories
from parts.scale import options
from scipy.special import expit

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.metrics import auc, calibration_error, log_loss
from rapport.scoring import Scorer
from rapport.training import train
from rapport.training.stacking.temporal_validation import match_mean

Floats = npt.NDArray[np.float64]
PERFECT = 200
BANDS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Task:
    """A history, a target, and when and how far ahead it is asked."""

    name: str
    history: str
    target: str
    cutoff: datetime
    horizon: str
    active: str = "365d"


TASKS = (
    Task("loan_leads_30d", "loan_leads", "conversion", datetime.fromisoformat("2012-02-01"), "30d", "30d"),
    Task("uci_90d", "online_retail_ii", "churn", datetime.fromisoformat("2011-09-10"), "90d"),
    Task("uci_6m", "online_retail_ii", "churn", datetime.fromisoformat("2011-06-12"), "180d"),
    Task("cdnow_13w", "cdnow", "churn", datetime.fromisoformat("1998-04-01"), "91d"),
)


def predicted(bench: Path, task: Task) -> pd.DataFrame:
    """Return label, low, high and the log-odds of the blend and each part, for everyone with an outcome."""
    horizon, active = parse_duration(task.horizon), parse_duration(task.active)
    with read_history(bench / "data" / task.history, Settings(threads=2)) as history:
        trained = train(history, task.target, as_of=task.cutoff, horizon=horizon, active=active)
        people = snapshot(history, task.cutoff, trained.run.catalog, active=active)
    scored = Scorer(trained.bundle).score(people, task.cutoff)
    chosen = scored.eligible
    said = {name: match_mean(logits, trained.run.expected_rate) for name, logits in
            trained.run.ensemble.logits(trained.run.current).items()}  # fmt: skip
    rows = pd.DataFrame(
        {"blend": scored.logit[chosen], **said}, index=np.asarray(scored.customer_id)[chosen].astype(str)
    )
    rows = rows.assign(low=scored.low[chosen], high=scored.high[chosen])
    label = pd.read_parquet(bench / "tasks" / f"{task.name}.parquet").astype({"customer_id": str})
    return rows.join(label.set_index("customer_id").label, how="inner")


def told(task: Task, rows: pd.DataFrame) -> None:
    """Print the table of one task."""
    label = rows.label.to_numpy(float)
    chances = {name: expit(rows[name].to_numpy()) for name in rows if name not in ("label", "low", "high")}
    ours = chances["blend"]
    perfect = _perfect_error(ours)
    print(
        f"\n{task.name}: {len(rows):,} customers, rate {label.mean():.3f}, expected {ours.mean():.3f}, AUC "
        f"{auc(label, ours):.4f}, log loss {log_loss(label, ours):.4f}, calibration error "
        f"{calibration_error(label, ours):.4f} (a perfect model: {perfect[0]:.4f}, up to {perfect[1]:.4f})"
    )
    print("part      log loss  behind the blend  standard error")
    for name, chance in chances.items():
        behind = _surprise(label, chance) - _surprise(label, ours)
        error = behind.std() / np.sqrt(len(behind))
        mark = "" if behind.mean() >= -error else "  the blend is worse"
        print(f"{name:9s} {log_loss(label, chance):8.4f} {behind.mean():17.4f} {error:15.4f}{mark}")
    width = (rows.high - rows.low).groupby(pd.cut(expit(rows.blend), BANDS), observed=True).agg(["mean", "size"])
    print(
        "width of intervals: "
        + ", ".join(f"{band} {mean:.2f} ({int(size)})" for band, mean, size in width.itertuples())
    )


def _surprise(label: Floats, chance: Floats) -> Floats:
    return -np.log(np.where(label == 1, chance, 1 - chance))


def _perfect_error(chance: Floats) -> tuple[float, float]:
    """Return the mean calibration error, and its 95 % point, of a model whose every chance is the true one."""
    draw = np.random.default_rng(0)
    found = [calibration_error((draw.random(len(chance)) < chance).astype(float), chance) for _ in range(PERFECT)]
    return float(np.mean(found)), float(np.quantile(found, 0.95))


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    bench_option(parser)
    parser.add_argument("--task", choices=[task.name for task in TASKS], nargs="*")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    if not has_histories(chosen):
        return
    asked = [task for task in TASKS if not chosen.task or task.name in chosen.task]
    for task in asked[: 1 if chosen.scale < 1 else None]:
        rows = predicted(chosen.bench, task)
        told(task, rows)
        if chosen.out:
            chances = pd.DataFrame({"customer_id": rows.index, "probability": expit(rows.blend)})
            chosen.out.mkdir(parents=True, exist_ok=True)
            chances.to_parquet(chosen.out / f"{task.name}.parquet")


if __name__ == "__main__":
    main()
