"""Spend of those who stay and value of all customers within one horizon, against what came.

python benchmarks/money.py --bench ../shared/bench
"""

from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from parts.real_histories import bench_option, cutoff_cases, has_histories
from parts.scale import options as options_of

from rapport.durations import parse_duration
from rapport.history import History, read_history
from rapport.history.settings import Settings
from rapport.scoring.models.spend_model import SpendModel
from rapport.training import train
from rapport.training.data.task_spec import customer_snapshot
from rapport.training.members.gamma_gamma import fit_gamma_gamma

Floats = npt.NDArray[np.float64]
CUTOFFS = {
    "cdnow": (91, "1997-10-01 1998-01-01 1998-04-01"),
    "online_retail_ii": (90, "2011-03-01 2011-06-01 2011-09-01"),
}


def compare(folder: Path, cutoff: datetime, horizon_days: int) -> pd.DataFrame:
    """Return mean error, bias and rank correlation of each model, for those who stayed and for all."""
    with read_history(folder, Settings(threads=2)) as history:
        trained = train(
            history, "churn", as_of=cutoff, horizon=parse_duration(f"{horizon_days}d"), active=parse_duration("365d")
        )
        run, bundle = trained.run, trained.bundle
        people = customer_snapshot(history, run.task, run.catalog).to_pandas()
        ids = people.customer_id[people.state == run.task.eligible_state]
        came = spent_after(history, cutoff, horizon_days).reindex(ids).fillna(0.0).clip(lower=0.0).to_numpy()
    rows = run.current
    leaves = 1.0 / (1.0 + np.exp(-bundle.logit(rows)))
    naive = SpendModel.naive(float(horizon_days)).expected(rows)
    gamma = fit_gamma_gamma(rows, trained.config.bg_nbd[cutoff])
    assert gamma is not None
    spend = {
        "rapport": bundle.expected_spend(rows),
        "as_last_year": naive,
        "gamma_gamma": gamma.spend_if_retained(rows),
    }
    value = {
        "rapport": (1 - leaves) * spend["rapport"],
        "as_last_year": naive,
        "gamma_gamma": gamma.expected_spend(rows),
    }
    stayed = came > 0
    found = [figures("spend of those who stayed", name, each[stayed], came[stayed]) for name, each in spend.items()]
    found += [figures("value of all", name, each, came) for name, each in value.items()]
    served = bundle.evaluation["spend"]["shape"]
    return pd.DataFrame(found).assign(history=folder.name, cutoff=f"{cutoff:%Y-%m-%d}", served=served)


def spent_after(history: History, cutoff: datetime, days: int) -> pd.Series:
    """Return the net spend of each customer in the horizon."""
    sql = (
        "SELECT customer_id::VARCHAR, sum(amount) FROM orders "
        f"WHERE ordered_at >= ? AND ordered_at < ? + INTERVAL {days} DAY GROUP BY 1"
    )
    found = history.connection.execute(sql, [cutoff, cutoff]).fetchall()
    return pd.Series(dict(found), dtype=float)


def figures(what: str, who: str, predicted: Floats, came: Floats) -> dict[str, object]:
    """Return how far predictions are from what came."""
    ranks = pd.Series(predicted).corr(pd.Series(came), method="spearman")
    error = float(np.abs(predicted - came).mean())
    return {"what": what, "who": who, "error": error, "total": predicted.sum() / came.sum(), "spearman": ranks}


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__)
    bench_option(parser)
    options = parser.parse_args()
    if not has_histories(options):
        return
    parts = [compare(*case) for case in cutoff_cases(options, CUTOFFS)]
    table = pd.concat(parts).set_index(["history", "cutoff", "served", "what", "who"])
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
