"""Do reasons survive another draw of customers? Retrain on bootstraps and compare each customer's first three families.

    python benchmarks/reasons_stable.py [--bench ../shared/bench] [--scale small]

The bar is a mean Jaccard overlap of 0.75 between the three largest families of the model and of its retrained twin.
"""

import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from parts.real_histories import bench_option
from parts.scale import options

from rapport.durations import parse_duration
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.history.simulate import simulate
from rapport.scoring import Bundle, Scorer
from rapport.training import TrainedModel, train
from rapport.training.build_bundle import blend_bundle
from rapport.training.stacking.ensemble import fit_ensemble
from rapport.training.stacking.temporal_validation import run_temporal_validation

TOP = 3
ASKED = 2_000
Places = npt.NDArray[np.intp]


def retrained(trained: TrainedModel, seed: int) -> Bundle:
    """Fit members and weights again on as many customers, drawn with replacement."""
    run = trained.run
    customers, owner = np.unique(run.dataset.customer_ids.astype(str), return_inverse=True)
    drawn = np.random.default_rng(seed).integers(0, len(customers), len(customers))
    times = np.bincount(drawn, minlength=len(customers))
    dataset = run.dataset.take(np.repeat(np.arange(len(run.dataset)), times[owner]))
    ensemble = fit_ensemble(dataset, trained.schedule, trained.config, as_of=run.task.as_of)
    validation = run_temporal_validation(dataset, trained.schedule, run.task, trained.config)
    return blend_bundle(replace(run, dataset=dataset, ensemble=ensemble, validation=validation))


def evidence(bundle: Bundle, trained: TrainedModel) -> npt.NDArray[np.float64]:
    """Return the evidence of each family for some of those who are scored now."""
    now = trained.run.current.take(np.arange(0, len(trained.run.current), max(1, len(trained.run.current) // ASKED)))
    states = np.full(len(now), bundle.eligible, dtype=object)
    return Scorer(bundle).score_rows(now, np.arange(len(now)).astype(object), states, trained.run.task.as_of).evidence


def overlap(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the Jaccard overlap of each row's largest families."""
    first, second = (np.argsort(-np.abs(each), axis=1, kind="stable")[:, :TOP] for each in (one, other))
    shared = (first[:, :, None] == second[:, None, :]).sum(axis=(1, 2))
    return shared / (2 * TOP - shared)


def judge(name: str, trained: TrainedModel, draws: int) -> None:
    """Print how much of the reasons is left after retraining, and which families come and go."""
    ours = evidence(trained.bundle, trained)
    families = np.array(trained.bundle.families)
    found, first, swapped = [], [], np.zeros(len(families))
    for seed in range(draws):
        theirs = evidence(retrained(trained, seed), trained)
        found.append(overlap(ours, theirs).mean())
        first.append((np.abs(ours).argmax(axis=1) == np.abs(theirs).argmax(axis=1)).mean())
        tops = [np.abs(each) >= np.sort(np.abs(each), axis=1)[:, [-TOP]] for each in (ours, theirs)]
        swapped += (tops[0] != tops[1]).mean(axis=0) / draws
    often = ", ".join(f"{families[at]} {swapped[at]:.0%}" for at in np.argsort(-swapped)[:5])
    print(
        f"{name}: {len(ours):,} customers, {draws} retrained models, first {TOP} families overlap {np.mean(found):.3f} "
        f"(least {np.min(found):.3f}), the same first family {np.mean(first):.1%}; come and go: {often}",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    bench_option(parser)
    parser.add_argument("--seeds", type=int, nargs="*", default=[5], help="of the invented companies")
    chosen = parser.parse_args()
    small = chosen.scale < 1
    year, draws = parse_duration("12mo"), 2 if small else 5
    for seed in chosen.seeds:
        with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
            company = Path(folder) / "company"
            simulate(company, customers=800 if small else 4000, seed=seed)
            asked = datetime.fromisoformat("2025-11-01")
            with read_history(company, Settings(threads=2)) as history:
                judge(f"invented {seed}", train(history, "churn", as_of=asked, horizon=year, active=year), draws)
    if small or not chosen.bench.is_dir():
        return
    with read_history(chosen.bench / "data" / "online_retail_ii", Settings(threads=2)) as history:
        asked = datetime.fromisoformat("2011-04-01")
        horizon = parse_duration("90d")
        judge("online_retail_ii", train(history, "churn", as_of=asked, horizon=horizon, active=year), draws)


if __name__ == "__main__":
    main()
