"""Money saved by the first 50 of the worklist, by the truth of invented companies, beside other orders.

    python benchmarks/worklist_against_truth.py --seeds 11 12 13

A contact can keep only a customer who has not left yet and would leave within the horizon: the simulator knows the
chance of that (probability of no order − probability of having left already). Saved money is that chance × the success
of a contact × spend if retained × margin − the cost of a contact; all orders are valued alike.
"""

import argparse
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.history.simulate import read_truth, simulate
from rapport.scoring import Scorer
from rapport.scoring.actions.playbook import read_playbook
from rapport.scoring.money.assumptions import Assumptions
from rapport.serving.snapshots.portfolio_policy import freeze_policy
from rapport.serving.snapshots.portfolio_rows import portfolio_rows
from rapport.training import train

AS_OF = datetime(2025, 11, 1)  # noqa: DTZ001 - the invented company's own clock
YEAR = parse_duration("12mo")
FIRST = 50


def portfolio_with_truth(seed: int, customers: int) -> pd.DataFrame:
    """Return the portfolio of an invented company with the truth of each customer."""
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
        company = Path(folder) / "company"
        simulate(company, customers=customers, seed=seed)
        settings = Settings(threads=2)
        with read_history(company, settings) as history:
            bundle = train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR).bundle
            rows = snapshot(history, AS_OF, active=YEAR)
        policy = freeze_policy(bundle, settings, read_playbook(), rows)
        table = portfolio_rows(policy, Scorer(bundle).score(rows, AS_OF), rows).to_pandas().set_index("customer_id")
        overdue = pd.Series(rows["overdue_ratio"].to_numpy(), rows["customer_id"].to_pylist())
        truth = read_truth(company, "churn", AS_OF).to_pandas().set_index("customer_id")
    table = table.assign(silence=overdue, truth=truth.probability, alive=truth.alive)
    return table.dropna(subset=["probability", "truth"])


def saved(table: pd.DataFrame, rank: pd.Series, assumed: Assumptions) -> float:
    """Return the money that contacting the first of an order saves."""
    first = table.loc[rank.sort_values(ascending=False, kind="stable").index[:FIRST]]
    would_leave = np.maximum(first.truth - (1 - first.alive), 0)
    worth = would_leave * assumed.contact_effect * first.spend_if_retained * assumed.margin
    return float((worth - assumed.contact_cost).sum())


def orders(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the orders that are compared."""
    above = np.maximum(table.probability - table.base_rate, 0)

    def among(chosen: "pd.Series[bool]") -> pd.Series:
        return table.savable.where(chosen, table.savable - 1e12)

    listed = table.list == "at_risk"
    would_leave = np.maximum(table.truth - (1 - table.alive), 0)
    return {
        "savable money (the list)": among(listed),
        "only from the base rate on": among(listed & (table.probability >= table.base_rate)),
        "without a least risk": among(table.list != "probably_lost"),
        "probability": table.probability,
        "revenue at risk": table.revenue_at_risk,
        "risk above the base rate": table.spend_if_retained * above,
        "the truth itself": would_leave * table.spend_if_retained,
        "at random (the floor)": pd.Series(np.random.default_rng(0).random(len(table)), table.index),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[11, 12, 13])
    parser.add_argument("--customers", type=int, default=1500)
    chosen = parser.parse_args()
    assumed, sums = Assumptions(), dict[str, float]()
    for seed in chosen.seeds:
        table = portfolio_with_truth(seed, chosen.customers)
        silent = {name: (table.silence[rank.nlargest(FIRST).index] >= 5).sum() for name, rank in orders(table).items()}
        for name, rank in orders(table).items():
            value = saved(table, rank, assumed)
            sums[name] = sums.get(name, 0.0) + value
            print(f"seed {seed}: {name:32s} {value:12,.0f}   silent for 5 cadences: {silent[name]} of {FIRST}")
    for name, value in sums.items():
        print(f"sum: {name:32s} {value:12,.0f}")


if __name__ == "__main__":
    main()
