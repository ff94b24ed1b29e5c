"""Measure on experiments with known effects whether intervals cover, peeking is safe, and harm is found.

Each draw simulates one experiment: customers enter weekly, a share is held out at random within blocks of scores, and
an order in 90 days is the outcome. The effect is known: contact helps, does nothing, or harms. ``--uplift`` asks when
an uplift model is used, and what contacting its first fifth does beside contacting the first fifth by score.
"""

from __future__ import annotations

import argparse
import itertools
import json

import numpy as np

from rapport.scoring.experiments.effect import measure_effect
from rapport.scoring.experiments.holdout import draw_holdout
from rapport.scoring.experiments.uplift import Experiment, fit_uplift

SHARE, WEEKS, A_WEEK = 0.2, 26, 60
EFFECTS = {"helps": 0.08, "nothing": 0.0, "harms": -0.12}


def simulate(effect: float, seed: int) -> dict[str, bool]:
    """Run one experiment and say what its intervals did, at the end and at every weekly look."""
    draw = np.random.default_rng(seed)
    count = WEEKS * A_WEEK
    score = draw.beta(2, 3, count)
    held = np.concatenate([draw_holdout(score[at : at + A_WEEK], SHARE, (seed, at)) for at in range(0, count, A_WEEK)])
    # The score is the chance to be lost, imperfectly; contact moves the chance of an order by the known effect.
    chance = np.clip(0.85 - 0.7 * score + draw.normal(0, 0.05, count), 0.15, 0.85)
    outcome = (draw.random(count) < chance + np.where(held, 0.0, effect)).astype(float)
    looks = [
        measure_effect("all", held[:end], outcome[:end], score[:end], SHARE)
        for end in range(4 * A_WEEK, count + 1, A_WEEK)
    ]
    last = looks[-1]
    return {
        "fixed_covers": last.low <= effect <= last.high,
        "anytime_covers": all(one.anytime_low <= effect <= one.anytime_high for one in looks),
        "ever_proven": any(one.verdict == "proven" for one in looks),
        "proven_at_end": last.verdict == "proven",
        "harm_flagged": last.verdict == "harms",
        "powered": last.needed == 0,
    }


def simulate_uplift(kind: str, seed: int, count: int) -> dict[str, float]:
    """Run one experiment whose effect depends on facts, and say what ranking by uplift would have done."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(count, 20))
    score = 0.1 + 0.7 / (1 + np.exp(-rows[:, 0] - 0.5 * rows[:, 1]))
    plain = score * np.sqrt(1 - score)
    effect = {
        "helps some, harms others": np.where(rows[:, 2] > 0, 0.25, -0.1),
        "helps all alike": np.full(count, 0.08),
        "as the score ranks": 0.3 * plain,
        "nothing": np.zeros(count),
    }[kind]
    held = draw_holdout(score, SHARE, (seed, 1))
    outcome = (draw.random(count) < np.clip(0.85 - 0.7 * score + np.where(held, 0.0, effect), 0, 1)).astype(float)
    names = tuple(f"fact_{number}" for number in range(20))
    model, report = fit_uplift(Experiment(rows, names, held, outcome, score, plain, SHARE, 1.0))
    ranking = plain if model is None else model.chance_to_help(rows, score) * score
    first = slice(0, count // 5)
    return {
        "used": model is not None,
        "qini": report.qini or 0.0,
        "qini_of_score": report.qini_score or 0.0,
        "effect_on_first_fifth": float(effect[np.argsort(-ranking)[first]].mean()),
        "effect_on_first_fifth_by_score": float(effect[np.argsort(-plain)[first]].mean()),
    }


UPLIFT_KINDS = ("helps some, harms others", "helps all alike", "as the score ranks", "nothing")


def main() -> None:
    """Print the shares over all draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--uplift", action="store_true")
    arguments = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    for kind, count in itertools.product(UPLIFT_KINDS if arguments.uplift else (), (2_000, 4_000)):
        draws = [simulate_uplift(kind, seed, count) for seed in range(arguments.draws)]
        found[f"{kind}, {count:,} customers"] = {key: float(np.mean([one[key] for one in draws])) for key in draws[0]}
    if arguments.uplift:
        print(json.dumps(found, indent=1))
        return
    for name, effect in EFFECTS.items():
        results = [simulate(effect, seed) for seed in range(arguments.draws)]
        found[name] = {key: float(np.mean([one[key] for one in results])) for key in results[0]}
    if arguments.json:
        print(json.dumps(found))
        return
    for name, shares in found.items():
        print(f"{name} ({EFFECTS[name]:+.2f}): " + ", ".join(f"{key} {share:.3f}" for key, share in shares.items()))


if __name__ == "__main__":
    main()
