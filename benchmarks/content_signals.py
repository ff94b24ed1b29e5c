"""Fit the classifier of content signals and measure it on sentences that it was not fitted to.

    python benchmarks/content_signals.py [--scale small]     fit, measure
    python benchmarks/content_signals.py --write             and write history/content/signal_weights.json

Source of the sentences: written for this project in three sessions. `content/en.tsv` and `zh.tsv` have the kinds (or -)
and a text with alternatives in braces; `earlier.tsv` has plain sentences. The sentences that judge are in
tests/spec/content: by_another_hand.tsv was written in an earlier session than the training sentences, and
other_industries.tsv before them, from a list of other industries; neither was read while fitting.
"""

import hashlib
import json
import random
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from rapport.history.content import KINDS, content_signals
from rapport.history.content.ngrams import language_of, ngrams

ROOT = Path(__file__).resolve().parents[1]
WRITTEN = [ROOT / "benchmarks" / "content" / f"{name}.tsv" for name in ("en", "zh", "earlier")]
UNSEEN = ROOT / "tests" / "spec" / "content"
ARTEFACT = ROOT / "history" / "content" / "signal_weights.json"
PENALTY, SEED, LEAST_SENTENCES = 10.0, 0, 2
_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")
_BLANK_BEFORE_SIGN = re.compile(r"\s+([\u3400-\u9fff，。？！：])")


def sentences_of(path: Path) -> list[tuple[set[str], str]]:
    """Read the kinds and the text of each line."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [(set() if kinds == "-" else set(kinds.split(",")), text) for kinds, text in rows]


def expanded(text: str, rng: random.Random) -> list[str]:
    """Write a text with alternatives out, so that each alternative occurs at least once."""
    parts = _ALTERNATIVES.split(text)
    choices = [part.split("|") for part in parts[1::2]]
    count = max(map(len, choices), default=1)
    drawn = [[each for _ in range(count) for each in rng.sample(some, len(some))][:count] for some in choices]
    texts = [
        parts[0] + "".join(some[i] + after for some, after in zip(drawn, parts[2::2], strict=True))
        for i in range(count)
    ]
    chinese = language_of(text) == "zh"
    return list(dict.fromkeys(_BLANK_BEFORE_SIGN.sub(r"\1", each) if chinese else each for each in texts))


def fit(rows: list[tuple[set[str], str]]) -> dict[str, object]:
    """Fit one logistic regression per kind; return intercepts and weights in hundredths."""
    rng = random.Random(SEED)
    written = [(kinds, expanded(text, rng)) for kinds, text in rows]
    grams = [ngrams(text) for _, texts in written for text in texts]
    kinds = [kinds for kinds, texts in written for _ in texts]
    # A line with many alternatives counts more than a plain one, but not as many times more.
    importance = np.array([len(texts) ** -0.5 for _, texts in written for _ in texts])
    counts = Counter(gram for some in grams for gram in some)
    vocabulary = sorted(gram for gram, count in counts.items() if count >= LEAST_SENTENCES)
    column = {gram: i for i, gram in enumerate(vocabulary)}
    rarity = np.log([len(grams) / counts[gram] for gram in vocabulary])
    cells = [sorted(column[gram] for gram in some if gram in column) for some in grams]
    matrix = csr_matrix(
        (
            np.concatenate([rarity[some] / len(all_) ** 0.5 for some, all_ in zip(cells, grams, strict=True)]),
            np.concatenate(cells),
            np.cumsum([0, *map(len, cells)]),
        ),
        shape=(len(grams), len(vocabulary)),
    )
    models = [
        LogisticRegression(C=PENALTY, max_iter=3000).fit(
            matrix, [kind in some for some in kinds], sample_weight=importance
        )
        for kind in KINDS
    ]
    weights = np.rint(100 * np.array([model.coef_[0] for model in models]) * rarity).astype(int)
    return {
        "intercepts": [round(100 * float(model.intercept_[0])) for model in models],
        "weights": {gram: weights[:, i].tolist() for i, gram in enumerate(vocabulary) if weights[:, i].any()},
    }


def main() -> None:
    """Fit, write if asked for, and print precision and recall on the unseen sentences."""
    if "--write" in sys.argv:
        rows = [row for path in WRITTEN for row in sentences_of(path)]
        languages = {name: fit([row for row in rows if language_of(row[1]) == name]) for name in ("en", "zh")}
        stored = {"version": 1, "sentences": fingerprint(), "languages": languages}
        ARTEFACT.write_text(json.dumps(stored, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{'sentences':<28}{'language':<10}{'kind':<12}{'n':>5}{'precision':>11}{'recall':>8}")
    for path in sorted(UNSEEN.glob("*.tsv")):
        for language in ("en", "zh"):
            rows = [row for row in sentences_of(path) if language_of(row[1]) == language]
            found = [{signal.kind for signal in content_signals(text)} for _, text in rows]
            for name, kinds in {"all": set(KINDS), **{kind: {kind} for kind in KINDS}}.items():
                right = sum(len(f & w & kinds) for f, (w, _) in zip(found, rows, strict=True))
                precision = right / max(1, sum(len(f & kinds) for f in found))
                recall = right / max(1, sum(len(w & kinds) for w, _ in rows))
                print(f"{path.stem:<28}{language:<10}{name:<12}{len(rows):>5}{precision:>11.2f}{recall:>8.2f}")


def fingerprint() -> str:
    """Return the hash of the sentences that the weights were fitted to."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in WRITTEN)).hexdigest()


if __name__ == "__main__":
    main()
