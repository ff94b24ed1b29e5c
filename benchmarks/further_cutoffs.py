"""Ours and its peers at many cutoffs of real histories, to tell being good from being lucky once.

python benchmarks/further_cutoffs.py --bench ../shared/bench
python benchmarks/further_cutoffs.py --invented donors donors_decline --seeds 31

With ``--invented`` the histories are invented instead, such as those of one gift a year.
"""

import argparse
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from parts.order_companies import COMPANIES, write_orders
from parts.real_histories import bench_option, has_histories, recent_days
from parts.scale import options as options_of
from peers import PEERS
from peers.book import Book, read_book
from sklearn.metrics import log_loss, roc_auc_score

from rapport.durations import parse_duration
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.training import backtest

CUTOFFS = {
    "online_retail_ii": (90, "2010-12-01 2011-01-15 2011-03-01 2011-04-15 2011-06-01 2011-07-15 2011-09-01"),
    "cdnow": (91, "1997-08-01 1997-09-01 1997-10-01 1997-11-01 1997-12-01 1998-01-01 1998-02-01"),
}
INVENTED_CUTOFFS, DAYS_APART = 4, 120


def ours(folder: Path, cutoff: datetime, book: Book) -> pd.Series:
    """Return Rapport's probabilities, trained on what was known at the cutoff."""
    horizon, active = (parse_duration(f"{days}d") for days in (book.horizon_days, book.active_days))
    with read_history(folder, Settings(threads=2)) as history:
        rows = backtest(history, "churn", cutoff=cutoff, horizon=horizon, active=active)
    return pd.Series(rows["probability"].to_numpy(), rows["customer_id"].to_pylist())


def judged(left: pd.Series, chance: pd.Series) -> tuple[float, float]:
    """Return AUC and log loss; who was not scored gets the mean."""
    chance = chance.reindex(left.index).fillna(chance.mean()).clip(1e-6, 1 - 1e-6)
    return roc_auc_score(left, chance), log_loss(left, chance)


def compare(name: str, folder: Path, cutoffs: list[str], book: Book) -> pd.DataFrame:
    """Return AUC and log loss of everyone at every cutoff."""
    rows = []
    for written in cutoffs:
        cutoff = pd.Timestamp(written)
        left = book.known(cutoff).left
        chances = {peer: predict(book, cutoff) for peer, predict in PEERS.items()}
        chances["rapport"] = ours(folder, cutoff.to_pydatetime(), book)
        for who, chance in chances.items():
            auc, loss = judged(left, chance)
            rows.append({"history": name, "cutoff": written, "who": who, "auc": auc, "log_loss": loss})
        line = " ".join(f"{row['who']} {row['auc']:.4f}/{row['log_loss']:.4f}" for row in rows[-len(chances) :])
        print(f"{name} {written} n={len(left)} left={left.mean():.3f}: {line}", flush=True)
    return pd.DataFrame(rows)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the means, how often each was first, and the mean distance of ours to each."""
    best = rows.assign(
        first_auc=rows.groupby("cutoff").auc.rank(ascending=False).eq(1),
        first_loss=rows.groupby("cutoff").log_loss.rank().eq(1),
    )
    table = best.groupby("who").agg(
        auc=("auc", "mean"),
        log_loss=("log_loss", "mean"),
        first_auc=("first_auc", "sum"),
        first_loss=("first_loss", "sum"),
    )
    wide = rows.pivot_table(index="cutoff", columns="who", values="log_loss")
    gain = wide.sub(wide["rapport"], axis=0)
    table["log_loss_behind_ours"] = gain.mean()
    table["standard_error"] = gain.std() / np.sqrt(len(gain))
    return table.sort_values("log_loss").round(4)


def real_cases(options: argparse.Namespace) -> Iterator[tuple[str, Path, list[str], Book]]:
    """Yield the name, the folder, the cutoffs and the orders of the real histories."""
    for name in options.history:
        horizon, written = CUTOFFS[name]
        folder = options.bench / "data" / name
        yield name, folder, recent_days(written, options.scale), read_book(folder, horizon)


def invented_cases(kinds: list[str], seeds: list[int], scratch: Path) -> Iterator[tuple[str, Path, list[str], Book]]:
    """Yield the same of invented histories: the last cutoff with a known outcome, and some before it."""
    for kind in kinds:
        yearly = COMPANIES[kind].gift_month is not None
        horizon, active = (365, 730) if yearly else (90, 365)
        for seed in seeds:
            folder = scratch / f"{kind}-{seed}"
            last = write_orders(COMPANIES[kind], folder, seed) - timedelta(days=horizon + 1)
            dates = [last - timedelta(days=DAYS_APART * back) for back in range(INVENTED_CUTOFFS)]
            yield f"{kind}-{seed}", folder, [f"{date:%Y-%m-%d}" for date in dates], read_book(folder, horizon, active)


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__)
    bench_option(parser)
    parser.add_argument("--history", choices=sorted(CUTOFFS), nargs="*", default=sorted(CUTOFFS))
    parser.add_argument("--invented", choices=sorted(COMPANIES), nargs="*", default=[])
    parser.add_argument("--seeds", type=int, nargs="*", default=[31])
    options = parser.parse_args()
    if not options.invented and not has_histories(options):
        return
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as scratch:
        invented = invented_cases(options.invented, options.seeds, Path(scratch))
        for name, folder, cutoffs, book in invented if options.invented else real_cases(options):
            rows = compare(name, folder, cutoffs, book)
            print(f"\n{name}: means over {rows.cutoff.nunique()} cutoffs\n{summary(rows).to_string()}\n", flush=True)


if __name__ == "__main__":
    main()
