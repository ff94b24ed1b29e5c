"""Does the first reason do what it says? Take its facts away and see where the score goes.

    python benchmarks/reasons_hold.py [--scale small] [--bundle FOLDER --history FOLDER]

Trains on the invented company unless given a bundle. For each customer the features of the first reason's family are
replaced by those of other customers, many times; the rhythm model's own term goes with its family. The mean log-odds
then must move against the reason's sign.
"""

import argparse
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rapport.durations import parse_duration
from rapport.features import catalog, snapshot, vocabulary_of
from rapport.history import read_history
from rapport.history.simulate import simulate
from rapport.scoring import Bundle, Scorer
from rapport.scoring.models.matrix import Matrix
from rapport.training import train

AS_OF = datetime.fromisoformat("2025-11-01")
YEAR = parse_duration("12mo")
DRAWS = 30
Floats = npt.NDArray[np.float64]


def main() -> None:
    """Print how many first reasons hold, and how far the score moves beside what they say."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--scale", choices=["small", "full"], default="full")
    ask.add_argument("--bundle", type=Path)
    ask.add_argument("--history", type=Path)
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = given.history or Path(folder) / "company"
        if given.history is None:
            simulate(source, customers=800 if given.scale == "small" else 2000, years=4, seed=7)
        history = read_history(source)
        bundle = Bundle.load(given.bundle) if given.bundle else _trained(history)
        table = snapshot(history, AS_OF, catalog(vocabulary_of(history, AS_OF)), active=YEAR)
    judge(bundle, Matrix.of(table.filter(_eligible(table, bundle)), bundle.columns))


def judge(bundle: Bundle, rows: Matrix) -> None:
    """Judge the first reason of every row."""
    states = np.full(len(rows), bundle.eligible, dtype=object)
    scored = Scorer(bundle).score_rows(rows, np.arange(len(rows)).astype(object), states, AS_OF)
    first = np.abs(scored.evidence).argmax(axis=1)
    said = scored.evidence[np.arange(len(rows)), first]
    draw = np.random.default_rng(1)
    moved = np.array([scored.logit[at] - _without(bundle, rows, at, first[at], draw) for at in range(len(rows))])
    holds = np.sign(moved) == np.sign(said)
    print(f"customers {len(rows)}, first reasons that hold {holds.mean():.1%}")
    print(f"moved against stated log-odds: correlation {np.corrcoef(moved, said)[0, 1]:.3f}, "
          f"median ratio {np.median(moved / said):.2f}")  # fmt: skip


def _without(bundle: Bundle, rows: Matrix, at: int, family: int, draw: np.random.Generator) -> float:
    """Give the mean log-odds of one customer with a family's facts taken from others."""
    name = bundle.families[family]
    own = [place for place, column in enumerate(bundle.columns) if column.family == name]
    values = np.repeat(rows.values[at : at + 1], DRAWS, axis=0)
    values[:, own] = rows.values[np.ix_(draw.integers(0, len(rows), DRAWS), own)]
    given = Matrix(rows.columns, values)
    said: dict[str, Floats] = {}
    for member in bundle.members:
        reading = member.contributions(given)
        said[member.name] = reading.logit() - reading.by_family.get(name, 0.0)
    return float(bundle.blend.logit(said, DRAWS).mean())


def _trained(history: object) -> Bundle:
    return train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR).bundle


def _eligible(table: object, bundle: Bundle) -> npt.NDArray[np.bool_]:
    return np.array([state == bundle.eligible for state in table.column("state").to_pylist()])


if __name__ == "__main__":
    main()
