"""The receivers of changes and alerts: what was delivered, what waits, what failed; and dead letters sent again."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from starlette.responses import Response

from rapport.serving.console.page_context import PageContext
from rapport.serving.errors import RequestError


def show(page: PageContext) -> Response:
    """Show every receiver that the settings name or that has messages."""
    named = page.about.get("webhooks", {})
    states = {state.name: state for state in page.application.receivers.states()}
    names = sorted({*named, *states})
    return page.render(
        "receivers.html",
        webhooks=[
            {
                "send": named[name].get("send", "all") if name in named else "",
                **_shown(page, asdict(states.get(name) or page.application.receivers.state(name))),
            }
            for name in names
        ],
        channels=[_shown(page, channel) for channel in page.application.alert_marks.channels(datetime.now(UTC))],
    )


def replay(page: PageContext) -> Response:
    """Queue the dead letters of a receiver again."""
    name = page.form.get("name", "")
    if name not in {state.name for state in page.application.receivers.states()}:
        raise RequestError(422, page.translate("work.unknown_act"), where="name")
    count = page.application.receivers.replay(name)
    return page.redirect_with(page.url("/alerts/receivers"), did="replayed", n=str(count))


def _shown(page: PageContext, state: Mapping[str, object]) -> dict[str, object]:
    times = {name: page.local_time(str(state.get(name) or "")) for name in ("delivered_at", "next_try")}
    return {**state, **times, "problem": delivery_problem(page, str(state.get("problem") or ""))}


def delivery_problem(page: PageContext, text: str) -> str:
    """Return what a delivery ran into in the language of the page; a sentence that is not ours stays as it is."""
    if status := re.fullmatch(r"answered (\d+)", text):
        return page.translate("receivers.answered", status=status[1])
    if reason := re.fullmatch(r"no answer \((\w+)\)", text):
        return page.translate("receivers.no_answer", reason=reason[1])
    return text
