"""Predictions against the truth of invented companies: ranks, calibration, reasons, and whether intervals cover.

    python benchmarks/against_truth.py --scale 0.2 --seeds 501 502 503 504 505

One table a target: mean, least and most over the seeds. Scale 1 is companies of 4,000 buying customers; the bars are
Spearman 0.8 (churn), calibration error 0.03, reasons 80 %, intervals 87 to 93 % by tenure, age and source.
"""

import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from parts.scale import options

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.history.simulate import evaluate_against_truth, read_truth, simulate
from rapport.scoring import Scorer
from rapport.training import train

AS_OF = datetime(2025, 11, 1)  # noqa: DTZ001 - the invented company's own clock
YEAR = parse_duration("12mo")
CUSTOMERS = 4000
SIMILAR = 40
TENURES = {
    "churn": ([0, 365, 730, 1e9], ["first year", "second year", "older"]),
    "conversion": ([-1, 120, 240, 1e9], ["first four months", "next four", "older"]),
}


def scored_at(company: Path, target: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train on what was known, and return the scores and the evidence by family of everyone who was scored."""
    with read_history(company, Settings(threads=2)) as history:
        trained = train(history, target, as_of=AS_OF, horizon=YEAR, active=YEAR)
        rows = snapshot(history, AS_OF, trained.run.catalog, active=YEAR)
    batch = Scorer(trained.bundle).score(rows, AS_OF)
    scores = batch.to_table().to_pandas().set_index("customer_id")
    assert trained.bundle.individual is not None
    own_low, own_high = trained.bundle.individual.around(batch.logit, batch.rows)
    scores = scores.assign(own_low=own_low, own_high=own_high)
    since = rows["first_order_days_ago" if target == "churn" else "customer_age_days"]
    customers = rows["customer_id"].to_pylist()
    source = pd.Series(rows["attribute_source"].to_pylist(), customers)
    scores = scores.assign(tenure=pd.Series(since.to_numpy(), customers), source=source)
    scores = scores.dropna(subset="probability")
    evidence = scores.filter(like="evidence_").rename(columns=lambda name: name.removeprefix("evidence_"))
    return scores, evidence


def judged(company: Path, target: str) -> dict[str, float]:
    """Return how one target fares: a figure for each row of the table."""
    scores, evidence = scored_at(company, target)
    truth = read_truth(company, target, AS_OF)
    families = {customer: list(row.nlargest(2).index) for customer, row in evidence.iterrows()}
    verdict = evaluate_against_truth(scores.probability.to_dict(), truth, families)
    true = truth.to_pandas().set_index("customer_id").probability.reindex(scores.index)
    edges, names = TENURES[target]
    scores = scores.assign(true=true, group=pd.cut(scores.tenure, edges, labels=names)).dropna(subset=["true", "group"])
    own = (scores.true >= scores.own_low) & (scores.true <= scores.own_high)
    similar = pd.concat([similar_customers(some) for _, some in scores.groupby("group", observed=True)])
    covered = (similar.true >= similar.low) & (similar.true <= similar.high)
    found = {
        "customers": verdict.customers,
        "Spearman": verdict.spearman,
        "calibration error": verdict.calibration_error,
        "main driver among two reasons": verdict.reasons,
        "one customer's truth is in its interval": own.mean(),
        **{f"  {name}": share for name, share in own.groupby(scores.group, observed=True).mean().items()},
        **{f"  source {name}": share for name, share in own.groupby(scores.source, observed=True).mean().items()},
        "similar customers' rate is in the interval of the rate": covered.mean(),
        "median width of the rate": (scores.high - scores.low).median(),
        "median width of one customer": (scores.own_high - scores.own_low).median(),
    }
    drivers = {f"  driver {name}": share for name, (share, _) in verdict.by_driver.items()}
    return found | drivers


def similar_customers(scores: pd.DataFrame) -> pd.DataFrame:
    """Return for groups of neighbouring scores in one group of tenure their mean truth and mean interval."""
    count = max(1, len(scores) // SIMILAR)
    parts = np.array_split(np.argsort(scores.probability.to_numpy(), kind="stable"), count)
    rows = [scores.iloc[part][["true", "low", "high"]].mean() for part in parts]
    return pd.DataFrame(rows).assign(group=str(scores.group.iloc[0]))


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[7])
    parser.add_argument("--target", choices=list(TENURES), nargs="*", default=list(TENURES))
    chosen = parser.parse_args()
    customers = max(400, round(CUSTOMERS * chosen.scale))
    found: dict[str, list[dict[str, float]]] = {target: [] for target in chosen.target}
    for seed in chosen.seeds:
        with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
            company = Path(folder) / "company"
            simulate(company, customers=customers, seed=seed)
            for target in chosen.target:
                found[target].append(judged(company, target))
                print(f"{target}, seed {seed}: {found[target][-1]['customers']:,} customers", flush=True)
    for target, rows in found.items():
        each = pd.DataFrame(rows, index=chosen.seeds).T
        table = each.agg(["mean", "min", "max"], axis=1)
        print(f"\n{target}, {customers:,} buying customers, at {AS_OF:%Y-%m-%d}, seeds {chosen.seeds}")
        print(table.round(3).to_string(), flush=True)


if __name__ == "__main__":
    main()
