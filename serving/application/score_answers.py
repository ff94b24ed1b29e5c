"""The answers of a live model, from its run or from newer events, within what a viewer may see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rapport.durations import Duration
from rapport.scoring import build_answers
from rapport.scoring.reasons.timing_answer import describe_timings
from rapport.serving.application.answer_writer import AnswerWriter, with_timing, without_advice
from rapport.serving.application.rendered_answers import AnswerKey, RenderedAnswer, ShownCustomer
from rapport.serving.live.overlay import LiveOverlay
from rapport.serving.security.keys import LOCAL, Viewer
from rapport.serving.shapes.answers import Answer
from rapport.serving.snapshots.live_model import LiveModel

Shown = Mapping[str, ShownCustomer]


class ScoreAnswers:
    """Writes answers; None stands for an id that is unknown or that the viewer may not see.

    A customer with events since the run has its live answer: every figure as a run would compute it now.
    """

    def __init__(
        self,
        overlay: LiveOverlay,
        writer_of: Callable[[LiveModel, str], AnswerWriter],
        held_out: Callable[[], frozenset[str]],
    ) -> None:
        self._overlay, self._writer_of, self._held_out = overlay, writer_of, held_out

    def written(
        self,
        model: LiveModel,
        customer_ids: Sequence[str],
        reasons: int,
        language: str,
        *,
        viewer: Viewer = LOCAL,
        horizons: Sequence[Duration] = (),
    ) -> list[Answer | None]:
        """Return an answer for each id in turn, with the time of the event if there are ``horizons``."""
        shown = self._shown(model, customer_ids, viewer)
        found = _write(self._writer_of(model, language), model, shown, reasons, horizons)
        return [found.get(one) for one in customer_ids]

    def rendered(
        self,
        model: LiveModel,
        customer_ids: Sequence[str],
        reasons: int,
        language: str,
        *,
        viewer: Viewer,
        horizons: Sequence[Duration] = (),
    ) -> list[RenderedAnswer | None]:
        """Return what ``written`` does as JSON; what is known already is not written again."""
        writer, shown = self._writer_of(model, language), self._shown(model, customer_ids, viewer)
        keys = {one: AnswerKey(each, reasons, tuple(horizons)) for one, each in shown.items()}
        found = {one: writer.rendered.get(key) for one, key in keys.items()}
        if missing := {one: shown[one] for one, answer in found.items() if answer is None}:
            written = _write(writer, model, missing, reasons, horizons)
            new = {one: RenderedAnswer.of(answer) for one, answer in written.items()}
            writer.rendered.put({keys[one]: answer for one, answer in new.items()})
            found |= new
        return [found.get(one) for one in customer_ids]

    def sees(self, viewer: Viewer, model: LiveModel, customer_id: str) -> bool:
        """Return whether there is an answer about the customer and ``viewer`` may see it."""
        row = model.snapshot.ids.row_of(customer_id)
        if row is not None:
            return viewer.sees_owner(model.snapshot.owner(row))
        # An event may have come since: a customer without a row is seen only with its live score.
        live = self._overlay.scores(model, [customer_id]).get(customer_id)
        return live is not None and viewer.sees_owner(live.owner)

    def _shown(self, model: LiveModel, customer_ids: Sequence[str], viewer: Viewer) -> Shown:
        """Return the customers that have an answer and that the viewer may see, each in its present state."""
        snapshot, held_out = model.snapshot, self._held_out()
        rows = {one: snapshot.ids.row_of(one) for one in customer_ids}
        if viewer.owners is not None:
            # Before any live score is computed: nothing is done for customers of others.
            rows = {one: row for one, row in rows.items() if row is None or viewer.sees_owner(snapshot.owner(row))}
        live = self._overlay.scores(model, rows)
        return {
            one: ShownCustomer(one, row, live.get(one), one in held_out)
            for one, row in rows.items()
            if row is not None or (one in live and viewer.sees_owner(live[one].owner))
        }


def _write(
    writer: AnswerWriter, model: LiveModel, shown: Shown, reasons: int, horizons: Sequence[Duration]
) -> dict[str, Answer]:
    """Write answers; many rows of the run are read together."""
    scored, language = model.snapshot.scored, writer.language
    stored = {one: each.row for one, each in shown.items() if each.live is None and each.row is not None}
    rows = list(stored.values())
    answers = map(writer.with_figures, build_answers(scored, reasons, language, rows), writer.figures(rows))
    found = dict(zip(stored, answers, strict=True))
    timings = dict(zip(stored, describe_timings(scored, rows, language, horizons) if horizons else (), strict=False))
    for one, each in shown.items():
        if each.live is not None:
            found[one] = writer.live_answer(model, each.live, reasons)
            if horizons:
                [timings[one]] = describe_timings(each.live.batch, [0], language, horizons)
        if each.row is not None:
            found[one] = writer.with_advice(found[one], model, each.row)
        if each.held_out:
            found[one] = without_advice(found[one])
    return {one: with_timing(answer, timings[one]) for one, answer in found.items()} if horizons else found
