"""Does the hazard help where contracts decide churn? The blend with and without it, on invented companies.

    python benchmarks/contracts.py [--scale small]

Log loss and AUC on what then happened. All are set at the rate that was seen: the invented company's customers leave
more often as it ages, which no part can know, and the question here is who leaves.
"""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from parts.scale import options
from scipy.special import expit

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.history.simulate import simulate
from rapport.metrics import auc, log_loss
from rapport.training import train
from rapport.training.data.dataset import labelled_dataset
from rapport.training.data.task_spec import TaskSpec
from rapport.training.evaluation.training_run import TrainingRun, final_weights
from rapport.training.stacking.temporal_validation import match_mean

AS_OF, KNOWN = datetime.fromisoformat("2025-09-01"), datetime.fromisoformat("2026-10-31")
YEAR = parse_duration("12mo")
SIZES = {300: (1, 2, 3, 4), 4000: (1, 2)}
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PredictionsAtRisk:
    """What each part said of those at risk, and what came."""

    run: TrainingRun
    logits: dict[str, Floats]
    label: Floats

    def metrics_text(self, weights: dict[str, float]) -> str:
        """Give log loss and AUC of these votes."""
        total = np.sum([weight * self.logits[name] for name, weight in weights.items()], axis=0)
        probability = expit(match_mean(total, float(self.label.mean())))
        return f"{log_loss(self.label, probability):.4f}/{auc(self.label, probability):.3f}"


def predictions_at_risk(company: Path) -> PredictionsAtRisk:
    """Train by contract on what was known, and look a year ahead."""
    settings = Settings(threads=2, churn="contracts", grace="1mo", horizon="12mo")
    with read_history(company, settings) as history:
        run = train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR).run
        task = run.task
        people = snapshot(history, AS_OF, run.catalog, active=YEAR, rule=task.rule)
        later = TaskSpec("churn", KNOWN, task.horizon, task.active, task.rule)
        rows = labelled_dataset(history, later, [AS_OF], run.catalog)
    outcomes = dict(zip(rows.customer_ids, rows.label, strict=True))
    ids = [who for who, state in zip(people["customer_id"].to_pylist(), people["state"].to_pylist(), strict=True)
           if state == task.eligible_state]  # fmt: skip
    label = np.array([outcomes.get(who, np.nan) for who in ids])
    known = ~np.isnan(label)
    logits = {name: logits[known] for name, logits in run.ensemble.logits(run.current).items()}
    return PredictionsAtRisk(run, logits, label[known])


def main() -> None:
    """Measure and print."""
    small = options(__doc__).parse_args().scale < 1
    for customers, seeds in SIZES.items():
        for seed in seeds[: 1 if small else None]:
            with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
                simulate(Path(folder) / "company", customers=customers, seed=seed)
                found = predictions_at_risk(Path(folder) / "company")
            names = tuple(found.logits)
            without = tuple(name for name in names if name != "hazard")
            parts = ", ".join(f"{name} {found.metrics_text({name: 1.0})}" for name in names)
            print(
                f"{customers} customers, seed {seed}: {len(found.label)} at risk, "
                f"basis {found.run.sufficiency.fallback.label}, "
                f"with {found.metrics_text(final_weights(found.run, names))}, "
                f"without {found.metrics_text(final_weights(found.run, without))}; {parts}",
                flush=True,
            )
        if small:
            return


if __name__ == "__main__":
    main()
