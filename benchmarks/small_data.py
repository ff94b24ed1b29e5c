"""How ours does with 50, 200 and 1,000 customers, beside the peers trained on the same rows.

    python benchmarks/small_data.py --bench ../shared/bench

The model and its peers learn from a sample of a real history's customers, and all predict the same other customers.
Means over several draws, with the standard error of what lies between ours and the best peer: one draw says little.
"""

import tempfile
from pathlib import Path

import pandas as pd
from further_cutoffs import judged
from parts.real_histories import bench_option, has_histories
from parts.scale import options
from peers import PEERS
from peers.book import Book, read_book

from rapport.durations import parse_duration
from rapport.errors import TrainingError
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.scoring import Scorer
from rapport.training import train

TASKS = {"online_retail_ii": ("2011-06-12", 180), "cdnow": ("1998-04-01", 91)}
SIZES = (50, 200, 1000)
ASKED = 1000


def sampled(folder: Path, size: int, seed: int) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Return the orders, and who is learnt from and who is asked about: never the same customers."""
    lines = pd.read_parquet(folder / "orders.parquet").astype({"customer_id": str})
    everyone = pd.Series(lines.customer_id.unique()).sample(frac=1.0, random_state=seed).tolist()
    return lines, everyone[:size], everyone[-ASKED:]


def compare(folder: Path, size: int, seed: int, cutoff: pd.Timestamp, horizon: int) -> dict[str, float]:
    """Return everyone's log loss on the customers asked about."""
    lines, learnt, asked = sampled(folder, size, seed)
    book = read_book(folder, horizon)
    own = Book(book.orders[book.orders.customer_id.isin(learnt)], horizon, book.active_days)
    target = Book(book.orders[book.orders.customer_id.isin(asked)], horizon, book.active_days)
    left = target.known(cutoff).left
    losses = {}
    for name, predict in PEERS.items():
        try:
            losses[name] = judged(left, predict(own, cutoff, target))[1]
        except ValueError as reason:
            print(f"{name}: {reason}")
    losses["rapport"] = judged(left, _ours(lines, (learnt, asked), cutoff, horizon))[1]
    return losses


def _ours(lines: pd.DataFrame, people: tuple[list[str], list[str]], cutoff: pd.Timestamp, horizon: int) -> pd.Series:
    learnt, asked = people
    moment, ahead, active = cutoff.to_pydatetime(), parse_duration(f"{horizon}d"), parse_duration("365d")
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
        places = [Path(folder) / name for name in ("learnt", "asked")]
        for place, chosen in zip(places, (learnt, asked), strict=True):
            place.mkdir()
            lines[lines.customer_id.isin(chosen)].to_parquet(place / "orders.parquet")
        settings = Settings(threads=1)
        with read_history(places[0], settings) as history:
            trained = train(history, "churn", as_of=moment, horizon=ahead, active=active)
        with read_history(places[1], settings) as history:
            rows = snapshot(history, moment, trained.run.catalog, active=active)
        scored = Scorer(trained.bundle).score(rows, moment)
    return pd.Series(scored.probability, list(scored.customer_id)).dropna()


def told(losses: pd.DataFrame) -> str:
    """Say the mean losses, and how far ours lies from the best peer's."""
    means = losses.mean().sort_values()
    best = means.drop("rapport").index[0]
    apart = losses["rapport"] - losses[best]
    error = apart.std() / len(apart) ** 0.5
    every = " ".join(f"{who} {loss:.4f}" for who, loss in means.items())
    return f"{every}; ours less {best} {apart.mean():+.4f}, standard error {error:.4f}, {len(apart)} draws"


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    bench_option(parser)
    parser.add_argument("--seeds", type=int, default=8)
    chosen = parser.parse_args()
    if not has_histories(chosen):
        return
    for name, (written, horizon) in TASKS.items():
        for size in SIZES[: 1 if chosen.scale < 1 else None]:
            rows = []
            for seed in range(1 if chosen.scale < 1 else chosen.seeds):
                try:
                    rows.append(compare(chosen.bench / "data" / name, size, seed, pd.Timestamp(written), horizon))
                except TrainingError as refused:
                    print(f"{name} {size}: {refused}")
            print(f"{name}, {size} customers: {told(pd.DataFrame(rows))}", flush=True)


if __name__ == "__main__":
    main()
