"""Measure what more rows teach: the same company, the same customers judged, more and more customers learnt from.

Scale 1 is 240,000 customers. Up to 600,000 rows all parts learn from the same customers; beyond, the trees go on alone.

python benchmarks/enough_rows.py --scale full|small|0.1 [--rows 600000 --rows 6000000]
"""

import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np
from parts.scale import options

from rapport.features import training_rows
from rapport.history import parse_duration, read_history
from rapport.history.settings import Settings
from rapport.history.simulate import simulate
from rapport.metrics import compute_metrics
from rapport.training import backtest

CUTOFF, HORIZON, YEAR = datetime.fromisoformat("2024-12-01"), parse_duration("6mo"), parse_duration("12mo")
NEWEST = datetime.fromisoformat("2025-12-01")
SIZES = (75_000, 200_000, 600_000, 1_200_000, 6_000_000)


def main() -> None:
    """Print the table."""
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, action="append", help="the setting training_rows; may be given again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-rows-") as place:
        simulate(Path(place) / "company", round(240_000 * given.scale), 4, 7)
        print(f"{'training_rows':>14s}{'judged':>11s}{'seconds':>9s}{'AUC':>9s}{'log loss':>10s}{'error':>8s}")
        for most in given.rows or SIZES:
            with read_history(Path(place) / "company", Settings(threads=2, max_training_rows=most)) as history:
                asked = {"cutoffs": [CUTOFF], "active": YEAR, "horizon": HORIZON, "known_by": NEWEST}
                came = training_rows(history, "churn", **asked).select(["customer_id", "label"])
                started = time.perf_counter()
                said = backtest(history, "churn", cutoff=CUTOFF, horizon=HORIZON, active=YEAR)
                taken = time.perf_counter() - started
            both = said.select(["customer_id", "probability"]).join(came, "customer_id", join_type="inner")
            label = both["label"].to_numpy().astype(np.float64)
            found = compute_metrics(label, both["probability"].to_numpy())
            print(
                f"{most:14,d}{len(label):11,d}{taken:9.1f}{found['auc']:9.4f}{found['log_loss']:10.4f}"
                f"{found['calibration_error']:8.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
