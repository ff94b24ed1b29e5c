"""What a model must pass before it may answer: each gate a yes or no with its sentence."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from history.contract import Words
from scoring import Bundle
from scoring.blend import sigmoid
from scoring.matrix import Floats, Matrix
from training.assembly import Made
from training.committee import logits_of
from training.evaluate import average_precision
from training.wording import said

KEEP = 0.95


@dataclass(frozen=True)
class Gate:
    """One condition of promotion."""

    name: str
    passed: bool
    sentence: str
    sentence_zh: str

    @classmethod
    def of(cls, name: str, passed: bool, words: Words) -> "Gate":
        """Make a gate of a sentence in both languages."""
        return cls(name, passed, words.en, words.zh)


def gates_of(evaluation: Mapping[str, Any], champion: str | None) -> tuple[Gate, ...]:
    """Read the gates off what training wrote down; ``champion`` is the version that answers now."""
    letter = evaluation["grade"]["letter"]
    grade = Gate.of("grade", letter in "ABC", said("grade_asked", letter=letter))
    warned = evaluation.get("guards", {}).get("leaks", [])
    leaks = Gate.of("leaks", not warned, said("leaks", leaks="; ".join(warned)) if warned else said("no_leak"))
    return (grade, leaks, _against(evaluation.get("against_champion"), champion))


def against_champion(made: Made, blend: Floats, champion: Bundle) -> dict[str, Any]:
    """Judge the champion on the rows of the trial, beside the blend that was made without them.

    The champion may have learnt from some of these rows; that can only speak for it.
    """
    label = made.trial.label
    rows = np.concatenate([remapped(part.rows.matrix, champion).values for part in made.trial.judged])
    spoken = sigmoid(quick_logit(champion, Matrix(champion.columns, rows)))
    ours, theirs = average_precision(label, blend), average_precision(label, spoken)
    return {
        "version": champion.version,
        "average_precision": ours,
        "champion_average_precision": theirs,
        "share": ours / theirs if theirs else 1.0,
    }


def quick_logit(bundle: Bundle, rows: Matrix) -> Floats:
    """Return the blended log-odds without the reasons, which cost a hundred times more."""
    each = {expert.name: logits_of(expert, rows) for expert in bundle.experts}
    return bundle.blend.logit(each, len(rows))


def remapped(rows: Matrix, bundle: Bundle) -> Matrix:
    """Return the rows in another bundle's columns; what it reads and these rows lack is unknown."""
    values = np.full((len(rows), len(bundle.columns)), np.nan)
    for place, column in enumerate(bundle.columns):
        if column.name not in rows.place:
            continue
        if column.is_category:
            code = {word: float(at) for at, word in enumerate(column.levels)}
            values[:, place] = [code.get(word, np.nan) if word else np.nan for word in rows.words(column.name)]
        else:
            values[:, place] = rows.number(column.name)
    return Matrix(bundle.columns, values)


def as_dicts(gates: tuple[Gate, ...]) -> list[dict[str, Any]]:
    """Give what JSON can hold of some gates."""
    return [asdict(gate) for gate in gates]


def _against(compared: Mapping[str, Any] | None, champion: str | None) -> Gate:
    name = "champion"
    if champion is None:
        return Gate.of(name, True, said("no_champion"))
    if not compared or compared["version"] != champion:
        return Gate.of(name, False, said("not_compared", version=champion))
    share, ours = compared["share"], compared["average_precision"]
    theirs = compared["champion_average_precision"]
    words = said("compared", ours=ours, theirs=theirs, share=share, version=champion, asked=KEEP)
    return Gate.of(name, share >= KEEP, words)
