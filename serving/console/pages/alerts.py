"""The inbox of alerts: why each was raised, whether it was delivered, and what was done about it."""

from starlette.responses import Response

from rapport.serving.console.page_context import PageContext
from rapport.serving.console.pages.alert_rules import condition
from rapport.serving.console.pages.receivers import delivery_problem
from rapport.serving.errors import RequestError
from rapport.serving.work.alert_inbox import MARKS, AlertDelivery, InboxAlert

_SHOWN = 200


class ShownAlert(InboxAlert):
    """An alert as the page shows it, with its sentence in the language of the page."""

    sentence: str


def show(page: PageContext) -> Response:
    """Show the latest alerts of the viewer's customers, open ones first."""
    which = "all" if page.request.query_params.get("show") == "all" else "open"
    seen = _visible(page)
    chosen = [alert for alert in seen if which == "all" or not alert["mark"]][:_SHOWN]
    page.record_view([str(alert["customer_id"]) for alert in chosen])
    return page.render(
        "alerts.html",
        alerts=[_shown(page, alert) for alert in chosen],
        which=which,
        counts={"open": sum(not alert["mark"] for alert in seen), "all": len(seen)},
        rules=[(rule, condition(page, rule)) for rule in page.application.alert_rules.in_force().rules],
    )


def mark(page: PageContext) -> Response:
    """Acknowledge or mute an alert."""
    found = next((one for one in _visible(page) if one["id"] == page.form.get("alert")), None)
    # Another owner's alert is refused like one that does not exist.
    if found is None or page.form.get("act") not in MARKS:
        raise RequestError(422, page.translate("work.unknown_act"), where="alert")
    page.application.alert_marks.mark(found["id"], str(page.form["act"]), **page.stamp)
    return page.redirect_with(page.form.get("back", ""), did="saved")


def _visible(page: PageContext) -> list[InboxAlert]:
    return [alert for alert in page.application.alerts(_SHOWN * 5) if page.is_visible(str(alert["customer_id"]))]


def _shown(page: PageContext, alert: InboxAlert) -> ShownAlert:
    deliveries: list[AlertDelivery] = [
        {**one, "problem": delivery_problem(page, one["problem"] or "")} for one in alert["deliveries"]
    ]
    # An alert that was raised before the language was there has English and Chinese.
    sentence = alert.get(page.language) or alert.get("en") or alert.get("rule") or ""
    return {**alert, "deliveries": deliveries, "sentence": str(sentence)}
