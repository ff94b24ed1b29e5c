"""The evaluation report of one customer, as HTML or PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rapport.durations import parse_duration
from rapport.errors import ServingError
from rapport.serving.report.content import Report, Words, evaluation_report, html_report

if TYPE_CHECKING:
    from rapport.serving.application.application import Application
    from rapport.serving.security.keys import Viewer

ReportFormat = Literal["html", "pdf"]


def customer_report(
    application: Application, viewer: Viewer, customer_id: str, *, language: str = "en", form: ReportFormat = "html"
) -> bytes:
    """Return the report; relatives that the viewer may not see stay without a name."""
    profile = application.customer(customer_id, language=language, viewer=viewer)
    horizons = {
        target: parse_duration(application.live_model(target).bundle.horizon).in_words(language)
        for target in application.targets()
    }
    words = Words(language, application.live_model(application.main_target()).bundle.currency, horizons)
    report = evaluation_report(profile, lambda one: application.may_see(viewer, one), words)
    return _pdf(report) if form == "pdf" else html_report(report)


def _pdf(report: Report) -> bytes:
    try:
        # An extra of its own: a service that makes no PDF runs without it.
        from rapport.serving.report.pdf import pdf_report  # noqa: PLC0415
    except ImportError as error:
        raise ServingError("A PDF needs the library reportlab: pip install 'rapport-crm[report]'.") from error
    return pdf_report(report)
