"""Lifetime value over one, three and five years against what customers spent in these years.

    python benchmarks/lifetime_value.py --seeds 51 52

Invented order histories of nine and a half years, predicted half way. Margin 1 and no discount, so that the value is
the spend. The peers: last year's spend each year, and BG/NBD with gamma-gamma carried on over the same years.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from money import figures, spent_after
from parts.order_companies import COMPANIES, START, write_orders
from parts.scale import options

from rapport.durations import parse_duration
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.scoring.models.blend import sigmoid
from rapport.scoring.models.spend_model import SpendModel
from rapport.scoring.money.amounts import CLV_YEARS, CustomerFacts, lifetime_value
from rapport.scoring.money.assumptions import Assumptions
from rapport.training import train
from rapport.training.data.task_spec import customer_snapshot
from rapport.training.members.gamma_gamma import fit_gamma_gamma
from rapport.training.pipeline import TrainedModel

KINDS = ("steady", "growth", "season", "wander", "decline")
CUSTOMERS, YEARS, CUTOFF = 1500, 9.5, START + timedelta(days=1643)
SPEND_ONLY = Assumptions(margin=1.0, discount_rate=0.0)
Floats = npt.NDArray[np.float64]


def compare(folder: Path, cutoff: datetime) -> pd.DataFrame:
    """Return mean error, total over what came, and rank correlation of each model and number of years."""
    year = parse_duration("365d")
    with read_history(folder, Settings(threads=1)) as history:
        trained = train(history, "churn", as_of=cutoff, horizon=year, active=year)
        run, bundle = trained.run, trained.bundle
        people = customer_snapshot(history, run.task, run.catalog).to_pandas()
        ids = people.customer_id[people.state == run.task.eligible_state]
        came = {
            years: spent_after(history, cutoff, 365 * years).reindex(ids).fillna(0.0).to_numpy() for years in CLV_YEARS
        }
    rows, leaves = run.current, sigmoid(bundle.logit(run.current))
    spend = bundle.expected_spend(rows)
    assert spend is not None
    carry = bundle.evaluation.get("outlook", {}).get("carry", (0.0, 1.0))
    unknown = np.full(len(rows), np.nan)
    state = np.full(len(rows), "active", dtype=object)
    facts = CustomerFacts(state, leaves, leaves, leaves, spend, unknown, 365.0, carry=(carry[0], carry[1]))
    found = []
    for years, spent in came.items():
        predicted = {
            "rapport": lifetime_value(facts, spend, SPEND_ONLY, years),
            "as_last_year": SpendModel.naive(365.0 * years).expected(rows),
            "gamma_gamma": _gamma_gamma(trained, years),
        }
        found += [figures(f"{years} years", name, each, spent) for name, each in predicted.items()]
    return pd.DataFrame(found).assign(served=bundle.evaluation["spend"]["shape"])


def _gamma_gamma(trained: TrainedModel, years: int) -> Floats:
    bg_nbd = trained.config.bg_nbd[trained.run.task.as_of]
    fitted = fit_gamma_gamma(trained.run.current, replace(bg_nbd, horizon_days=365.0 * years))
    assert fitted is not None
    return fitted.expected_spend(trained.run.current)


def cases(seeds: list[int], kinds: list[str], scratch: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and the figures of each history."""
    for kind in kinds:
        for seed in seeds:
            place = scratch / f"{kind}-{seed}"
            write_orders(replace(COMPANIES[kind], customers=CUSTOMERS, years=YEARS), place, seed)
            yield kind, compare(place, CUTOFF).assign(seed=seed)


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[51, 52])
    parser.add_argument("--companies", nargs="*", choices=KINDS, default=list(KINDS))
    chosen = parser.parse_args()
    few = slice(None, 1 if chosen.scale < 1 else None)
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
        parts = [
            table.assign(history=name) for name, table in cases(chosen.seeds[few], chosen.companies[few], Path(scratch))
        ]
    table = pd.concat(parts)
    means = table.groupby(["history", "what", "who"], sort=False)[["error", "total", "spearman"]].mean()
    print(means.round(3).to_string())
    print(table.groupby(["what", "who"], sort=False)[["error", "total", "spearman"]].mean().round(3).to_string())
    served = table.drop_duplicates(["history", "seed"]).served.value_counts()
    print("spend models served: " + ", ".join(f"{name} {count}" for name, count in served.items()))


if __name__ == "__main__":
    main()
