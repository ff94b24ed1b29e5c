"""When the event of a customer comes, from the same scores as the answer beside it."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.durations import Duration
from rapport.errors import SettingsError
from rapport.scoring.reasons.timing_answer import MONTHLY, describe_timings, parse_horizons
from rapport.serving.errors import RequestError
from rapport.serving.live.overlay import LiveOverlay
from rapport.serving.snapshots.live_model import LiveModel


def requested_horizons(written: Sequence[str]) -> tuple[Duration, ...]:
    """Read the horizons of a request; 422 with the reason where one is not possible."""
    try:
        return parse_horizons(written)
    except SettingsError as error:
        raise RequestError(422, str(error), where="horizons") from error


def customer_timings(
    overlay: LiveOverlay,
    model: LiveModel,
    customer_ids: Sequence[str],
    language: str,
    horizons: Sequence[Duration] = MONTHLY,
) -> list[dict[str, object] | None]:
    """Return the timing of each customer, by its newest events; None without a probability."""
    live = overlay.scores(model, customer_ids)
    found = {one: describe_timings(score.batch, [0], language, horizons)[0] for one, score in live.items()}
    rows = {one: row for one in customer_ids if (row := model.snapshot.ids.row_of(one)) is not None and one not in live}
    described = describe_timings(model.snapshot.scored, list(rows.values()), language, horizons)
    found |= dict(zip(rows, described, strict=True))
    return [found.get(one) for one in customer_ids]
