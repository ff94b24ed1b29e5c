"""How much log loss the level and the slope cost, on histories whose base rate moves.

    python benchmarks/calibration_regret.py --bench ../shared/bench

Calibration regret is the log loss less that of the same scores after the oracle's level and slope (a logistic
regression on the outcome itself), less 1/n, which is what a perfect model of n customers would show. Seeds 1 and 2 are
those that methods are chosen on; judge with others.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from parts.order_companies import COMPANIES, write_orders
from parts.real_histories import bench_option
from parts.scale import options
from scipy.optimize import minimize
from scipy.special import expit, logit

from rapport.durations import parse_duration
from rapport.features import Catalog
from rapport.history import History, read_history
from rapport.history.settings import Settings
from rapport.history.simulate import simulate
from rapport.metrics import auc, log_loss
from rapport.training import backtest
from rapport.training.data.dataset import labelled_dataset
from rapport.training.data.task_spec import TaskSpec

BENCH = {
    "online_retail_ii": ("90d", "365d", ("2010-12-20", "2011-02-20", "2011-05-10", "2011-08-05")),
    "online_retail_ii 180d": ("180d", "365d", ("2011-03-01", "2011-05-01")),
    "cdnow": ("91d", "365d", ("1997-10-15", "1997-12-10", "1998-02-15")),
}
PARTS = ("orders", "companies", "bench")
SIMULATED_END = datetime(2025, 11, 1)  # noqa: DTZ001 - the invented company's own clock


@dataclass(frozen=True)
class Question:
    """One training: where its history is, when, and how far ahead."""

    name: str
    folder: Path
    cutoff: datetime
    horizon: str
    active: str


def regret(label: np.ndarray, probability: np.ndarray) -> tuple[float, float]:
    """Return the log loss that the oracle's level alone, and its level and slope, would save."""
    scores = logit(np.clip(probability, 1e-6, 1 - 1e-6))

    def loss(line: np.ndarray, slope: float | None = None) -> float:
        return log_loss(label, expit(line[0] + (line[1] if slope is None else slope) * scores))

    plain = log_loss(label, probability)
    level = minimize(lambda line: loss(line, 1.0), np.zeros(1), method="Nelder-Mead").fun
    both = minimize(loss, np.array([0.0, 1.0]), method="Nelder-Mead").fun
    return plain - level - 0.5 / len(label), plain - both - 1 / len(label)


def outcomes(history: History, question: Question) -> pd.Series:
    """Return what the history knows by now about everyone who was scored at the cutoff."""
    horizon = parse_duration(question.horizon)
    task = TaskSpec("churn", horizon.after(question.cutoff), horizon, parse_duration(question.active))
    known = labelled_dataset(history, task, [question.cutoff], Catalog(()))
    return pd.Series(known.label, known.customer_ids)


def judge(question: Question) -> dict[str, object]:
    """Train on what was known at the cutoff, and compare with what came."""
    with read_history(question.folder, Settings(threads=1)) as history:
        rows = backtest(
            history,
            "churn",
            cutoff=question.cutoff,
            horizon=parse_duration(question.horizon),
            active=parse_duration(question.active),
        )
        label = outcomes(history, question)
    scores = pd.Series(rows["probability"].to_numpy(), rows["customer_id"].to_pylist()).reindex(label.index)
    level, both = regret(label.to_numpy(), scores.to_numpy())
    return {
        "task": question.name,
        "cutoff": f"{question.cutoff:%Y-%m-%d}",
        "n": len(label),
        "predicted": scores.mean(),
        "observed": label.mean(),
        "auc": auc(label.to_numpy(), scores.to_numpy()),
        "log_loss": log_loss(label.to_numpy(), scores.to_numpy()),
        "level": level,
        "regret": both,
    }


def invented(names: list[str], seeds: list[int], folder: Path) -> Iterator[Question]:
    """Yield the tasks of invented order histories: the last cutoff with a known outcome, and one half a year before."""
    for name in names:
        for seed in seeds:
            place = folder / f"{name}-{seed}"
            end = write_orders(COMPANIES[name], place, seed)
            yearly = COMPANIES[name].gift_month is not None
            horizon, active = ("365d", "730d") if yearly else ("90d", "365d")
            newest = end - timedelta(days=366 if yearly else 91)
            for cutoff in (newest, newest - timedelta(days=180)):
                moment = cutoff.replace(hour=0, minute=0, second=0, microsecond=0)
                yield Question(f"{name}-{seed}", place, moment, horizon, active)


def companies(seeds: list[int], folder: Path, customers: int) -> Iterator[Question]:
    """Yield the tasks of invented companies with every table."""
    for seed in seeds:
        place = folder / f"company-{seed}"
        simulate(place, customers=customers, seed=seed)
        yield Question(f"company-{seed}", place, SIMULATED_END, "12mo", "12mo")


def bench(root: Path) -> Iterator[Question]:
    """Yield further cutoffs of the real histories."""
    for name, (horizon, active, cutoffs) in BENCH.items():
        for written in cutoffs:
            yield Question(name, root / "data" / name.split()[0], datetime.fromisoformat(written), horizon, active)


def questions(chosen: argparse.Namespace, scratch: Path) -> Iterator[Question]:
    """Yield what was asked for; at a small scale one task of each kind without many tables."""
    few = 1 if chosen.scale < 1 else None
    if "orders" in chosen.parts:
        yield from islice(invented(chosen.companies[:few], chosen.seeds[:few], scratch), few)
    if "companies" in chosen.parts and not few:
        yield from companies(chosen.seeds, scratch, 1500)
    if "bench" in chosen.parts and chosen.bench.is_dir():
        yield from islice(bench(chosen.bench), few)
    elif "bench" in chosen.parts:
        print(f"No real histories: {chosen.bench} is not there. Name their folder with --bench.")


def printed(asked: Iterator[Question]) -> Iterator[dict[str, object]]:
    """Judge each question and print its row."""
    for place, question in enumerate(asked):
        row = judge(question)
        print(pd.DataFrame([row]).round(4).to_string(header=place == 0, index=False), flush=True)
        yield row


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    bench_option(parser)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--companies", nargs="*", choices=sorted(COMPANIES), default=list(COMPANIES))
    parser.add_argument("--seeds", type=int, nargs="*", default=[11])
    parser.add_argument("--out", type=Path, help="a CSV file for the table")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
        table = pd.DataFrame(printed(questions(chosen, Path(scratch))))
    table["kind"] = table.task.str.replace(r"-\d+$", "", regex=True)
    print(f"\nmeans\n{table.groupby('kind')[['auc', 'log_loss', 'level', 'regret']].mean().round(4).to_string()}")
    print(f"regret: mean {table.regret.mean():.4f}, worst {table.regret.max():.4f}")
    if chosen.out:
        table.to_csv(chosen.out, index=False)


if __name__ == "__main__":
    main()
