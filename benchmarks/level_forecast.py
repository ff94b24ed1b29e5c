"""Log loss lost to the forecast base rate alone: BG/NBD's ranking at many dates of histories whose rate moves.

    python benchmarks/level_forecast.py --seeds 31 32 33 --bench ../shared/bench

Regret is the log loss of BG/NBD's scores shifted to the forecast rate, less that at the rate that came, less 1/(2n).
No ensemble is fitted, so a date takes a second and a table has hundreds (``calibration_regret.py`` trains models). The
rule for the weights of the series was chosen on seeds 1 to 3.
"""

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from calibration_regret import BENCH
from parts.order_companies import COMPANIES, START, write_orders
from parts.real_histories import bench_option
from parts.scale import options
from scipy.special import expit

from rapport.durations import parse_duration
from rapport.features import Catalog, catalog
from rapport.history import History, read_history
from rapport.history.settings import Settings
from rapport.metrics import log_loss
from rapport.training.data.cutoff_schedule import history_start, schedule_cutoffs
from rapport.training.data.dataset import labelled_dataset
from rapport.training.data.task_spec import TaskSpec
from rapport.training.members.bg_nbd import FEATURES
from rapport.training.members.prediction import member_logits
from rapport.training.stacking.base_rate import RateTask, fit_intercept, forecast_base_rate
from rapport.training.stacking.bg_nbd_fits import fit_bg_nbd_at
from rapport.training.stacking.ensemble import FitConfig, prepare_training_data

DAYS_APART, GIFT_DAYS_APART = 113, 150
LEAST_DAYS, LEAST_GIFT_DAYS = 240, 900


def level_regret(history: History, name: str, cutoff: datetime, horizon: str, active: str) -> dict[str, object]:
    """Forecast the base rate at a date from what was known then, and compare with what came."""
    ahead = parse_duration(horizon)
    task = TaskSpec("churn", cutoff, ahead, parse_duration(active))
    features = Catalog(tuple(catalog().by_name[feature] for feature in FEATURES))
    schedule = schedule_cutoffs(history_start(history, "churn", cutoff), cutoff, task.outcome_window)
    past = labelled_dataset(history, task, schedule.all_cutoffs, features)
    fits = fit_bg_nbd_at(history, task, [*schedule.all_cutoffs, cutoff], [cutoff], features)
    data = prepare_training_data(past, schedule, FitConfig(fits.members, None), as_of=cutoff)
    came = labelled_dataset(history, TaskSpec("churn", ahead.after(cutoff), ahead, task.active), [cutoff], features)
    logits = member_logits(fits.members[cutoff], came.matrix)
    rate_task = RateTask(schedule.start, timedelta(days=task.horizon_days), cutoff - task.active.before(cutoff))
    forecast = forecast_base_rate(data.rates, logits, cutoff, rate_task, fits.newest_weeks.get(cutoff))
    losses = [
        log_loss(came.label, expit(logits + fit_intercept(logits, rate)))
        for rate in (forecast.rate, float(came.label.mean()))
    ]
    return {
        "history": name,
        "cutoff": f"{cutoff:%Y-%m-%d}",
        "years": (schedule.all_cutoffs[0] - schedule.start).days / 365.25,
        "n": len(came),
        "forecast": forecast.rate,
        "error": forecast.error,
        "observed": came.label.mean(),
        "regret": losses[0] - losses[1] - 0.5 / len(came),
    }


def invented(kinds: list[str], seeds: list[int], scratch: Path) -> Iterator[dict[str, object]]:
    """Yield the regret at every date of invented order histories."""
    for kind in kinds:
        gifts = COMPANIES[kind].gift_month is not None
        horizon, active = ("365d", "730d") if gifts else ("90d", "365d")
        least, apart = (LEAST_GIFT_DAYS, GIFT_DAYS_APART) if gifts else (LEAST_DAYS, DAYS_APART)
        for seed in seeds:
            place = scratch / f"{kind}-{seed}"
            last = write_orders(COMPANIES[kind], place, seed) - timedelta(days=366 if gifts else 91)
            with read_history(place, Settings(threads=1)) as history:
                for back in range(0, (last - START).days - least, apart):
                    date = (last - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
                    yield level_regret(history, kind, date, horizon, active)


def real(root: Path) -> Iterator[dict[str, object]]:
    """Yield the regret at further cutoffs of the real histories."""
    for name, (horizon, active, dates) in BENCH.items():
        with read_history(root / "data" / name.split()[0], Settings(threads=1)) as history:
            for date in dates:
                yield level_regret(history, name, datetime.fromisoformat(date), horizon, active)


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    bench_option(parser)
    parser.add_argument("--companies", nargs="*", choices=sorted(COMPANIES), default=[*COMPANIES][:-1])
    parser.add_argument("--seeds", type=int, nargs="*", default=[31, 32, 33])
    parser.add_argument("--out", type=Path, help="a CSV file for the table")
    chosen = parser.parse_args()
    few = slice(None, 1 if chosen.scale < 1 else None)
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
        rows = list(invented(chosen.companies[few], chosen.seeds[few], Path(scratch)))
    if chosen.scale >= 1 and chosen.bench.is_dir():
        rows += real(chosen.bench)
    table = pd.DataFrame(rows)
    if chosen.out:
        table.to_csv(chosen.out, index=False)
    by_history = table.groupby("history").regret.agg(["count", "mean", "max"])
    print(by_history.round(4).to_string())
    older = table.years >= 1
    covered = np.abs(np.log(table.observed / (1 - table.observed)) - np.log(table.forecast / (1 - table.forecast)))
    print(
        f"all {table.regret.mean():.4f}; cutoffs that cover a year or more {table.regret[older].mean():.4f}, "
        f"less {table.regret[~older].mean():.4f}; observed within 1.645 standard deviations of the forecast: "
        f"{(covered < 1.645 * table.error).mean():.0%}"
    )


if __name__ == "__main__":
    main()
