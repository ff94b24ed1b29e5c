"""The recipe: from a history to a bundle."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

from rapport.features import Catalog, ChurnRule, catalog, vocabulary_of
from rapport.history import History
from rapport.history.contract import TABLES
from rapport.history.sample import sampled
from rapport.history.settings import Settings
from rapport.scoring import Bundle
from rapport.scoring.cards import Card, load_card
from rapport.training.assembly import Made
from rapport.training.assessment import assess
from rapport.training.committee import Making, fit_committee
from rapport.training.finish import finished
from rapport.training.fitting.trees import with_whole
from rapport.training.guards import refuse_leaks
from rapport.training.rhythms import rhythms_at, seen_since
from rapport.training.rows import Part, Question, Rows, eligible, everyone, labelled
from rapport.training.size import size_of
from rapport.training.slices import Slices, begin_of, slices, validation
from rapport.training.summary import summary
from rapport.training.trial import expected_level, level_at, run_trial

from rapport.durations import Span, parse_span
from rapport.errors import TrainingError

Progress = Callable[[str, float], None]
HAPPENED = ("orders", "interactions", "touches", "tickets", "surveys", "opportunities")


@dataclass(frozen=True)
class Trained:
    """A bundle and all that its report tells of how it came to be."""

    bundle: Bundle
    made: Made
    plan: Slices
    making: Making

    def as_text(self) -> str:
        """Say what was learnt and what it is worth."""
        return summary(self.bundle)

    def as_dict(self) -> dict[str, Any]:
        """Give the same as plain values."""
        bundle = self.bundle
        plain = {"target": bundle.target, "horizon": bundle.horizon, "active": bundle.active, "grade": bundle.grade}
        return plain | {
            "basis": bundle.basis.label,
            "evaluation": dict(bundle.evaluation),
            "record": dict(bundle.record),
        }


def newest_moment(history: History) -> datetime:
    """Return the midnight after the newest thing that happened; what is only planned does not count."""
    times = [f"SELECT max({table.time}) AS moment FROM {table.name}" for table in TABLES if table.name in HAPPENED]
    found = history.connection.execute(f"SELECT max(moment) FROM ({' UNION ALL '.join(times)})").fetchall()
    if found[0][0] is None:
        raise TrainingError("The history has no events, so there is no moment to score at. Give it orders or touches.")
    day = datetime.combine(found[0][0].date(), time())
    return day + timedelta(days=1)


def silent(message: str, share: float) -> None:
    """Show no progress."""


def train(  # noqa: PLR0913 - each is a part of the question that is asked
    history: History,
    target: str,
    *,
    as_of: datetime,
    horizon: Span,
    active: Span,
    settings: Settings | None = None,
    search: int = 0,
    progress: Progress = silent,
) -> Trained:
    """Learn ``target`` from what was known at ``as_of``; a history that cannot carry it is refused with the reason.

    ``search`` is the number of tree shapes to try on later slices; 0 takes the usual ones.
    """
    settings, find = settings or history.settings, _search(search) if search else None
    question = _asked(Question(target, as_of, horizon, active, ChurnRule.of(settings)))
    features = catalog(vocabulary_of(history, as_of))
    plan = slices(begin_of(history, target), as_of, question.settled)
    part = Part.of(history, question, plan.every)
    progress("reading the past at each cutoff", 0.02)
    with sampled(history, part.one_of) as some:
        rows = labelled(some, question, plan.every, features)
        leaks = refuse_leaks(rows)
    if part.shares > 1:
        progress("reading everyone's past for the trees", 0.2)
        rows = with_whole(history, question, part, rows, features)
    with sampled(history, part.one_of) as some:
        return _trained(
            some, question, features, plan, settings, rows, part=part, leaks=leaks, find=find, progress=progress
        )


def _trained(  # noqa: PLR0913 - the steps share what the question has settled
    history: History,
    question: Question,
    features: Catalog,
    plan: Slices,
    settings: Settings,
    rows: Rows,
    *,
    part: Part,
    leaks: tuple[str, ...],
    find: Callable[..., Making] | None,
    progress: Progress,
) -> Trained:
    as_of = question.as_of
    now = eligible(everyone(history, question, features), question, rows.matrix.columns)

    progress("the rhythm of orders", 0.4)
    size = size_of(rows, plan)
    making = Making(
        rhythms=rhythms_at(history, question, [*plan.every, as_of], features),
        since=seen_since(history, question, [as_of, *validation(plan, question.settled, as_of)], features),
        card=_card(settings, question.target, features),
        learnt=size.learnt,
        by_contract=question.by_contract,
    )

    progress("trying the recipe on later slices", 0.5)
    trial = run_trial(rows, plan, question, making)
    if find:
        making = find(rows.held, plan, question, making, trial=trial)
        trial = run_trial(rows, plan, question, making)
    assessment = assess(trial, question.target, size)

    progress("fitting the committee", 0.7)
    committee = fit_committee(rows, plan, making, moment=as_of)

    progress("putting it together", 0.9)
    level = level_at(committee, as_of, plan, question, making)
    expected = expected_level(committee, now, as_of, plan, question, making)
    made = Made(history, question, features, rows, now, part, size, trial, committee, assessment, level, expected)
    return Trained(finished(made, making, plan, leaks), made, plan, making)


def _asked(question: Question) -> Question:
    """Return the question; where contracts decide, only the company's own horizon can be asked about."""
    if question.by_contract and question.horizon != parse_span(question.rule.horizon):
        raise TrainingError(
            f"Contracts are judged over the horizon of rapport.toml ({question.rule.horizon}), because it says who is "
            f"at risk; {question.horizon} was asked for. Change the setting, or leave --horizon out."
        )
    return question


def _search(tries: int) -> Callable[..., Making]:
    # Optuna is an extra and costs a second to import; one that is missing is told of before the long work.
    from rapport.training.search import searched  # noqa: PLC0415

    return partial(searched, tries=tries)


def _card(settings: Settings, target: str, features: Catalog) -> Card | None:
    name = settings.cards.get(target)
    return load_card(name, known=features.names) if name else None
