"""What a model must pass before it may answer: each gate a yes or no with its sentence."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from rapport.history.contract import Words
from rapport.scoring import Bundle
from rapport.scoring.blend import sigmoid
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.assembly import Made
from rapport.training.committee import logits_of
from rapport.training.evaluate import average_precision
from rapport.training.rows import Places
from rapport.training.wording import said

KEEP = 0.95
FEW = 50


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
    """Compare with the champion on rows that neither has learnt from.

    On later slices whose outcome came after the champion was trained, it is asked. Where there are too few of them it
    would be asked about rows that it has learnt by heart; then what it was worth at its own training, out of time too,
    stands for it.
    """
    label, unseen = made.trial.label, _unseen(made, champion)
    own = champion.evaluation.get("measures", {}).get("blend", {}).get("average_precision")
    if not _tells(label[unseen]) and own is not None and champion.evaluation.get("out_of_time"):
        return _compared(champion, "own", len(label), average_precision(label, blend), float(own))
    how, chosen = ("unseen", unseen) if _tells(label[unseen]) else ("seen", np.arange(len(label)))
    rows = np.concatenate([remapped(part.rows.matrix, champion).values for part in made.trial.judged])[chosen]
    spoken = sigmoid(quick_logit(champion, Matrix(champion.columns, rows)))
    ours, theirs = (average_precision(label[chosen], each) for each in (blend[chosen], spoken))
    return _compared(champion, how, len(chosen), ours, theirs)


def _compared(champion: Bundle, how: str, rows: int, ours: float, theirs: float) -> dict[str, Any]:
    return {
        "version": champion.version,
        "how": how,
        "rows": rows,
        "average_precision": ours,
        "champion_average_precision": theirs,
        "share": ours / theirs if theirs else 1.0,
    }


def _unseen(made: Made, champion: Bundle) -> Places:
    """Return the places of the trial's rows whose outcome was not known when the champion was trained."""
    trained = datetime.fromisoformat(str(champion.record["as_of"]))
    ends = [np.full(len(part.rows), made.question.settled.after(part.cutoff) > trained) for part in made.trial.judged]
    return np.flatnonzero(np.concatenate(ends))


def _tells(label: Floats) -> bool:
    return bool(min((label == 0).sum(), (label == 1).sum()) >= FEW)


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
    words = said(
        f"compared_{compared['how']}",
        ours=compared["average_precision"],
        theirs=compared["champion_average_precision"],
        share=compared["share"],
        rows=compared["rows"],
        version=champion,
        asked=KEEP,
    )
    return Gate.of(name, compared["share"] >= KEEP, words)
