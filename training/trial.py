"""Try the recipe on the past: parts fitted on earlier slices judge later ones, with a gap of the horizon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

import numpy as np
import numpy.typing as npt
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.committee import Committee, Making, fit_committee, logits_of
from rapport.training.level import Level, forecast, shift_to
from rapport.training.rows import Flags, Question, Rows
from rapport.training.slices import Slices, validation
from scipy.special import expit


@dataclass(frozen=True)
class Judged:
    """One later slice: its rows, what each part said of them, and the level that was expected then."""

    cutoff: datetime
    rows: Rows
    said: Mapping[str, Floats]
    level: float


@dataclass(frozen=True)
class Trial:
    """All later slices, and the earlier rows that the parts learnt from.

    ``out_of_time`` is false where the history was too short and other customers had to do.
    """

    judged: tuple[Judged, ...]
    early: Rows
    out_of_time: bool

    @property
    def label(self) -> Floats:
        """Return the outcomes of all rows."""
        return np.concatenate([part.rows.label for part in self.judged])

    @property
    def ids(self) -> npt.NDArray[np.object_]:
        """Return the customers of all rows."""
        return np.concatenate([part.rows.ids for part in self.judged])

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parts that were heard on every slice."""
        heard = [set(part.said) for part in self.judged]
        return tuple(name for name in (self.judged[0].said if heard else ()) if all(name in each for each in heard))


def run_trial(rows: Rows, plan: Slices, question: Question, making: Making) -> Trial:
    """Judge the recipe on the newest slices, from what was known then."""
    later = validation(plan, question.settled, question.as_of)
    known = plan.known_at(later[-1], question.settled) if later else None
    if known is None or not _both(rows.at(known.every)):
        return _other_customers(rows, plan, making)
    early = rows.at(known.every)
    committee = fit_committee(early, known, making, moment=later[-1])
    parts = (_judged(rows.at([cutoff]), cutoff, committee, known, question, making) for cutoff in later)
    return Trial(tuple(part for part in parts if _both(part.rows)), early, out_of_time=True)


def anchored(logits: Floats, level: float) -> Floats:
    """Move log-odds so that their mean probability is ``level``."""
    return logits + shift_to(logits, level)


def expected_level(
    committee: Committee, rows: Matrix, moment: datetime, known: Slices, question: Question, making: Making
) -> float:
    """Return the mean probability to expect of ``rows`` at ``moment``."""
    plain = logits_of(making.rhythms.get(moment, committee.plain), rows)
    return float(expit(plain + level_at(committee, moment, known, question, making).shift).mean())


def level_at(committee: Committee, moment: datetime, known: Slices, question: Question, making: Making) -> Level:
    """Forecast the shift at ``moment`` from those of the committee's slices, and from what was seen since."""
    return forecast(
        committee.shifts,
        moment,
        horizon_days=question.horizon_days,
        begin=known.begin,
        active=moment - question.active.before(moment),
        since=making.since.get(moment),
    )


def first_half(ids: Sequence[object] | npt.NDArray[np.object_]) -> Flags:
    """Split customers in two halves that no run and no row order changes."""
    return np.array([crc32(str(each).encode()) % 2 == 0 for each in ids], dtype=bool)


def _judged(
    part: Rows, cutoff: datetime, committee: Committee, known: Slices, question: Question, making: Making
) -> Judged:
    said = committee.said(part.matrix)
    if cutoff in making.rhythms:
        said["rhythm"] = logits_of(making.rhythms[cutoff], part.matrix)
    return Judged(cutoff, part, said, expected_level(committee, part.matrix, cutoff, known, question, making))


def _other_customers(rows: Rows, plan: Slices, making: Making) -> Trial:
    """Judge on the other half of the customers, at the newest slice: better than nothing, and said to be so."""
    half = first_half(rows.ids)
    learn, test = rows.take(np.flatnonzero(half)), rows.take(np.flatnonzero(~half)).at(plan.every[:1])
    if not (_both(learn) and _both(learn.at(plan.newest)) and _both(test)):
        return Trial((), learn, out_of_time=False)
    committee = fit_committee(learn, plan, making, moment=plan.every[0] + timedelta(microseconds=1))
    said = committee.said(test.matrix)
    if plan.every[0] in making.rhythms:
        said["rhythm"] = logits_of(making.rhythms[plan.every[0]], test.matrix)
    rate = float(learn.at(plan.every[:1]).label.mean()) if len(learn.at(plan.every[:1])) else float(learn.label.mean())
    return Trial((Judged(plan.every[0], test, said, rate),), learn, out_of_time=False)


def _both(rows: Rows) -> bool:
    return len(rows) > 1 and rows.label.min() != rows.label.max()
