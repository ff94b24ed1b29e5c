"""When the next order comes: integrated Brier score beside BG/NBD, a discrete-time hazard and SurvivalBoost.

    python benchmarks/timing.py --bench ../shared/bench

All see the same rows at the cutoff. The score is taken at 12 steps up to the horizon, and up to twice the horizon where
the history is long enough; SurvivalBoost joins where the package ``hazardous`` is installed.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from parts.real_histories import bench_option, cutoff_cases, has_histories
from parts.scale import options as options_of

from rapport.durations import parse_duration
from rapport.history import History, read_history
from rapport.history.settings import Settings
from rapport.scoring.models.blend import sigmoid
from rapport.training import TrainedModel, default_cutoff, train
from rapport.training.data.dataset import Dataset
from rapport.training.data.task_spec import customer_snapshot
from rapport.training.timing.event_times import EventTimes, event_times
from rapport.training.timing.fit_timing import integrated_brier

Floats = npt.NDArray[np.float64]
Peer = Callable[[TrainedModel, EventTimes, Floats], Floats]
YEAR = parse_duration("365d")
CUTOFFS = {
    "online_retail_ii": (90, "2010-12-01 2011-02-01 2011-04-01 2011-06-01"),
    "cdnow": (91, "1997-08-01 1997-10-01 1997-12-01"),
}
STEPS, MAX_ROWS = 12, 8_000


def ours(trained: TrainedModel, _: EventTimes, days: Floats) -> Floats:
    """Return the chance that an order has come, through the served probability."""
    bundle, rows = trained.bundle, trained.run.current
    assert bundle.timing is not None
    horizon = trained.run.task.horizon_days
    return 1 - bundle.timing.chances(bundle.logit(rows), rows, days.tolist(), horizon, bundle.members)


def bg_nbd(trained: TrainedModel, _: EventTimes, days: Floats) -> Floats:
    """Return BG/NBD's own chances."""
    member = next(each for each in trained.bundle.members if each.name == "rhythm")
    logits = [replace(member, horizon_days=float(day)).contributions(trained.run.current).logit() for day in days]
    return 1 - sigmoid(np.column_stack(logits))


def discrete_hazard(trained: TrainedModel, times: EventTimes, days: Floats) -> Floats:
    """Fit the hazard of each step by LightGBM on person-periods, all features and the step."""
    chosen, rows = _some(trained), np.asarray(trained.run.current.values)
    dataset = trained.run.dataset.take(chosen)
    happened, until = times.happened[chosen] == 1, times.days[chosen]
    starts, inputs, label = np.r_[0, days[:-1]], [], []
    for step, (start, end) in enumerate(zip(starts, days, strict=True)):
        came = happened & (until >= start) & (until < end)
        kept = np.flatnonzero(came | (until >= end))
        features = np.asarray(dataset.matrix.values)[kept]
        inputs.append(np.column_stack([features, np.full(len(kept), step)]))
        label.append(came[kept])
    settings = {"objective": "binary", "num_leaves": 15, "learning_rate": 0.08, "num_threads": 1, "verbose": -1}
    model = lgb.train(settings, lgb.Dataset(np.concatenate(inputs), np.concatenate(label).astype(float)), 100)
    hazards = [model.predict(np.column_stack([rows, np.full(len(rows), step)])) for step in range(len(days))]
    return 1 - np.cumprod(1 - np.column_stack(hazards), axis=1)


def survival_boost(trained: TrainedModel, times: EventTimes, days: Floats) -> Floats:
    """Fit SurvivalBoost of the package ``hazardous``, which has no missing values."""
    from hazardous import SurvivalBoost  # noqa: PLC0415 - an optional peer

    chosen = _some(trained)
    values, rows = (
        np.nan_to_num(np.asarray(each.values), nan=-1.0)
        for each in (trained.run.dataset.matrix.take(chosen), trained.run.current)
    )
    duration = np.maximum(times.days[chosen], 0.5)
    target = pd.DataFrame({"event": times.happened[chosen].astype(int), "duration": duration})
    model = SurvivalBoost(n_iter=60, show_progressbar=False, random_state=0)
    model.fit(values, target, times=days)
    return 1 - np.asarray(model.predict_survival_function(rows, times=days))


def _some(trained: TrainedModel) -> npt.NDArray[np.intp]:
    count = len(trained.run.dataset)
    return np.arange(0, count, max(1, count // MAX_ROWS))


PEERS: dict[str, Peer] = {"rapport": ours, "bg_nbd": bg_nbd, "discrete_hazard": discrete_hazard}
if find_spec("hazardous"):
    PEERS["survival_boost"] = survival_boost


def compare(folder: Path, cutoff: datetime, horizon_days: int) -> list[dict[str, object]]:
    """Return each peer's integrated Brier score up to the horizon, and up to twice of it where that is known."""
    with read_history(folder, Settings(threads=2)) as history:
        trained = train(history, "churn", as_of=cutoff, horizon=parse_duration(f"{horizon_days}d"), active=YEAR)
        fitted = event_times(history, trained.run.task, trained.run.dataset, cutoff)
        newest = default_cutoff(history)
        truth = _truth(trained, history, newest)
    found: list[dict[str, object]] = []
    for times in (1, 2):
        end = float(horizon_days * times)
        if (newest - cutoff).days < end:
            continue
        days = np.linspace(0, end, STEPS + 1)[1:]
        for name, peer in PEERS.items():
            score = integrated_brier(truth, peer(trained, fitted, days), days)
            found.append({"horizons": times, "peer": name, "integrated_brier": score})
    assert trained.bundle.timing is not None
    dates = trained.bundle.timing.expected_days(
        trained.bundle.logit(trained.run.current), trained.run.current, float(horizon_days), trained.bundle.members
    )
    came = truth.happened == 1
    inside = (truth.days >= dates[:, 0]) & (truth.days <= dates[:, 2])
    print(
        f"{folder.name} {cutoff:%Y-%m-%d} n={len(came)} shape {trained.bundle.timing.shape}: "
        f"{inside[came].mean():.1%} of the orders that came lie in the interval of the date; median width "
        f"{np.median(dates[:, 2] - dates[:, 0]):.0f} days",
        flush=True,
    )
    return found


def _truth(trained: TrainedModel, history: History, newest: datetime) -> EventTimes:
    """Return the times of the customers that are scored at the cutoff; they have no label yet."""
    task, rows = trained.run.task, trained.run.current
    people = customer_snapshot(history, task, trained.run.catalog).to_pandas()
    ids = people.customer_id[people.state == task.eligible_state].to_numpy(dtype=object)
    blank = Dataset(ids, np.zeros(len(ids), dtype=np.intp), np.full(len(ids), np.nan), rows, (task.as_of,))
    return event_times(history, task, blank, newest)


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__)
    bench_option(parser)
    options = parser.parse_args()
    if not has_histories(options):
        return
    rows = []
    for folder, cutoff, horizon_days in cutoff_cases(options, CUTOFFS):
        found = compare(folder, cutoff, horizon_days)
        rows += [{"history": folder.name, "cutoff": f"{cutoff:%Y-%m-%d}"} | each for each in found]
    table = pd.DataFrame(rows).pivot_table(
        index=["history", "horizons", "cutoff"], columns="peer", values="integrated_brier"
    )
    print(table.round(4).to_string())
    print(table.groupby(level=[0, 1]).mean().round(4).to_string())


if __name__ == "__main__":
    main()
