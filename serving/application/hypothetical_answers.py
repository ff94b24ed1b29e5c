"""Answers for facts that a caller gives: whole histories of customers, or a stored customer with some facts changed."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from rapport.durations import Duration
from rapport.scoring import ScoreBatch, build_answers
from rapport.scoring.actions.recommended import ActionContext, with_advice
from rapport.scoring.models.what_if import WhatIf
from rapport.scoring.reasons.timing_answer import describe_timings
from rapport.serving.application.answer_shape import answer_shape
from rapport.serving.application.answer_writer import AnswerWriter, with_timing
from rapport.serving.shapes.answers import Answer, WhatIfAnswer
from rapport.serving.snapshots.portfolio_row import rows_of
from rapport.serving.snapshots.portfolio_table import build_portfolio


def history_answers(
    scored: ScoreBatch,
    features: pa.Table,
    writer: AnswerWriter | None,
    context: ActionContext,
    *,
    reasons: int,
    horizons: Sequence[Duration],
) -> list[Answer]:
    """Return the answers for scored histories, with the figures of the latest run's policy if there is a run."""
    language = context.language
    found = build_answers(scored, reasons, language)
    if writer is None:
        answers = [answer_shape(one) for one in found]
    else:
        rows = rows_of(build_portfolio(writer.policy, scored, features, None, None))
        answers = [writer.with_figures(one, row) for one, row in zip(found, rows, strict=True)]
    answers = [answer | {"reasons": with_advice(answer["reasons"], (), context)} for answer in answers]
    if not horizons:
        return answers
    timings = describe_timings(scored, range(len(scored)), language, horizons)
    return [with_timing(answer, timing) for answer, timing in zip(answers, timings, strict=True)]


def what_if_answer(result: WhatIf, language: str, reasons: int) -> WhatIfAnswer:
    """Return the score before and after some facts change, and the facts that changed with them."""
    before, after = (answer_shape(each) for each in build_answers(result.scores, reasons, language))
    return {"before": before, "after": after, "changed": {name: new for name, (_, new) in result.moved.items()}}
