"""How ours does with 50, 200 and 1,000 customers, beside the peers trained on the same rows.

    python benchmarks/small_data.py --bench ../shared/bench

The model and its peers learn from a sample of a history's customers, and all predict the same other customers. Two
histories are real, two are invented (a season; a decline). Means over several draws, with the standard error of the
difference to the best peer: one draw says little.
"""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pandas as pd
from further_cutoffs import judged
from parts.order_companies import COMPANIES, write_orders
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
INVENTED = {"season": "2019-08-15", "decline": "2019-08-15"}
INVENTED_SEED, INVENTED_HORIZON = 41, 90
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


def cases(bench: Path, scratch: Path) -> Iterator[tuple[Path, str, int]]:
    """Yield the folder, the cutoff and the horizon in days of each history."""
    for name, (written, horizon) in TASKS.items():
        yield bench / "data" / name, written, horizon
    for name, written in INVENTED.items():
        write_orders(COMPANIES[name], scratch / name, INVENTED_SEED)
        yield scratch / name, written, INVENTED_HORIZON


def compare_sizes(folder: Path, written: str, horizon: int, sizes: Sequence[int], seeds: int) -> None:
    """Print the losses on one history for each number of customers to learn from."""
    for size in sizes:
        rows = []
        for seed in range(seeds):
            try:
                rows.append(compare(folder, size, seed, pd.Timestamp(written), horizon))
            except TrainingError as refused:
                print(f"{folder.name} {size}: {refused}")
        print(f"{folder.name}, {size} customers: {told(pd.DataFrame(rows))}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = options(__doc__)
    bench_option(parser)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    chosen = parser.parse_args()
    if not has_histories(chosen):
        return
    small = chosen.scale < 1
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
        for case in islice(cases(chosen.bench, Path(scratch)), 1 if small else None):
            compare_sizes(*case, sizes=SIZES[:1] if small else chosen.sizes, seeds=1 if small else chosen.seeds)


if __name__ == "__main__":
    main()
