"""How many falsified sentences about customers ``check_draft`` catches, and how many true ones it marks, by kind.

    python benchmarks/drafts.py [--scale small]               the shipped weights, which have learned from the sets
    python benchmarks/drafts.py [--scale small] --folds 6     each author's set by weights that have not seen it

The sentences are templates in tests/spec/drafts, filled from the files of drawn customers of an invented company.
docs/agents.md has the figures.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / folder) for folder in ("support", "journeys/serving")]

from draft_sentences import AUTHORS, SETS, UNSEEN, files_of, judged, sentences  # noqa: E402  # the tests' folders are no package
from draft_weights import COMPOSED, composed, examples, fit  # noqa: E402
from serving_world import AS_OF, MONTH_BEFORE, NOW, make_bundle, publish, served  # noqa: E402

from rapport.history import Settings, read_history  # noqa: E402
from rapport.history.simulate import simulate  # noqa: E402
from rapport.serving.api.agents import names, scorer  # noqa: E402
from rapport.serving.snapshots.scoring_run import run_scoring  # noqa: E402


def main() -> None:
    """Print caught and marked sentences by set, language and kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=("small", "full"), default="full")
    parser.add_argument("--folds", type=int, default=0)
    options = parser.parse_args()
    customers = {"small": 60, "full": 250}[options.scale]
    with tempfile.TemporaryDirectory() as temp:
        home = _company(Path(temp))
        with served(home, keys=False) as client:

            def call(name: str, **body: object) -> dict:
                return client.post(f"/v1/{name}", json=body).json()

            listed = [one["customer_id"] for one in call("customers", limit=1000)["customers"]]
            drawn = random.Random(1).sample(listed, min(customers, len(listed)))
            files = {language: files_of(call, drawn, language) for language in ("en", "zh")}
            for judging in _folds(options.folds) if options.folds else [(*UNSEEN, *SETS)]:
                for language in ("en", "zh"):
                    for name in judging:
                        _print(name, language, files[language])


def _folds(count: int) -> Iterator[Sequence[str]]:
    """Yield sets of authors, the scorer having learned from all others."""
    known = [*examples(SETS), *composed(COMPOSED)]
    for fold in range(count):
        judging = AUTHORS[fold::count]
        learned = scorer.unpacked(fit([one for one in known if one.source not in judging]))
        scorer.weights = lambda learned=learned: learned
        names.known_words.cache_clear()
        names.known_pairs.cache_clear()
        yield judging


def _company(root: Path) -> Path:
    simulate(root / "history", customers=600, years=3, seed=7)
    with read_history(root / "history", Settings()) as history:
        for target in ("churn", "conversion"):
            publish(root / "home", make_bundle(history, target, "1"), root)
        for target, as_of in (("churn", MONTH_BEFORE), ("churn", AS_OF), ("conversion", AS_OF)):
            run_scoring(history, root / "home", target, as_of=as_of, now=NOW, progress=lambda *_: None)
    return root / "home"


def _print(name: str, language: str, files: dict) -> None:
    made = list(sentences(name, language, files, per_template=3))
    started = time.process_time()
    missed, alarmed = judged(made, files)
    each = (time.process_time() - started) / len(made) * 1000
    every = Counter(one.falsified.split(": ")[-1] for one in made if one.falsified)
    lost = Counter(one.falsified.split(": ")[-1] for one in missed)
    true = len(made) - every.total()
    caught = f"{every.total() - len(missed)}/{every.total()}"
    print(
        f"{name:13s} {language}  caught {caught}  marked {len(alarmed)}/{true} true  {each:.1f} ms each   "
        + ", ".join(f"{kind} {count - lost[kind]}/{count}" for kind, count in every.items())
    )


if __name__ == "__main__":
    main()
