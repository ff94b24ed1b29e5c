"""Compare ours with the true chances that the invented company knows, and count how many its intervals hold.

python benchmarks/truth.py [--scale small] [--customers 4000] [--seed 11]
"""

import argparse
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from features import snapshot
from history import read_history
from history.simulate import judge, read_truth, simulate
from history.spans import parse_span
from scoring import Scored, Scorer
from training import train

AS_OF = datetime.fromisoformat("2025-11-01")
YEAR = parse_span("12mo")
TENURE = {"churn": "first_order_days_ago", "conversion": "customer_age_days"}
# A true chance beyond what a page shows is as good as the bound that is shown.
SHOWN = 5e-4


def main() -> None:
    """Print Spearman, calibration error, reasons and the coverage of 90 % intervals by tenure."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--scale", choices=["small", "full"], default="full")
    ask.add_argument("--customers", type=int, default=4000)
    ask.add_argument("--seed", type=int, default=11)
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "company"
        simulate(source, 600 if given.scale == "small" else given.customers, 4, given.seed)
        for target in ("churn", "conversion"):
            _measure(source, target)


def _measure(source: Path, target: str) -> None:
    with read_history(source) as history:
        trained = train(history, target, as_of=AS_OF, horizon=YEAR, active=YEAR)
        people = snapshot(history, AS_OF, trained.made.features, active=YEAR)
    scored = Scorer(trained.bundle).score(people.filter(pc.equal(people["state"], trained.bundle.eligible)), AS_OF)
    truth = read_truth(source, target, AS_OF)
    said = dict(zip(scored.customer_id, scored.probability.tolist(), strict=True))
    reasons = {answer.customer_id: [reason.family for reason in answer.reasons] for answer in scored.answers()}
    print(trained.as_text())
    print(judge(said, truth, reasons))
    true = dict(zip(truth["customer_id"].to_pylist(), truth["probability"].to_pylist(), strict=True))
    _coverage(scored, true, target)


def _coverage(scored: Scored, true: dict[str, float], target: str) -> None:
    chance = np.array([true.get(name, np.nan) for name in scored.customer_id])
    inside = (scored.low - SHOWN <= chance) & (chance <= scored.high + SHOWN)
    tenure = scored.rows.number(TENURE[target])
    known = ~np.isnan(chance)
    edges = np.quantile(tenure[known], (1 / 3, 2 / 3))
    group = np.searchsorted(edges, tenure, side="right")
    shares = [f"{inside[known & (group == place)].mean():.1%}" for place in range(3)]
    width = np.nanmean(scored.high - scored.low)
    print(
        f"{target}: 90 % intervals hold {inside[known].mean():.1%} of true chances; by tenure {', '.join(shares)}; "
        f"mean width {width:.2f}"
    )


if __name__ == "__main__":
    main()
