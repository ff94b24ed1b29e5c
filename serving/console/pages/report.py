"""The evaluation report of one customer, to read or to download as a PDF."""

from starlette.responses import Response

from rapport.serving.application.evaluation import customer_report
from rapport.serving.console.page_context import PageContext
from rapport.serving.security import content_policy


def show(page: PageContext) -> Response:
    """Return the report as HTML, or as a PDF with ``?format=pdf``."""
    customer_id = page.request.path_params["customer_id"]
    if not page.application.may_see(page.viewer, customer_id):
        raise page.not_found(customer_id)
    page.record_view([customer_id])
    as_pdf = page.request.query_params.get("format") == "pdf"
    content = customer_report(
        page.application, page.viewer, customer_id, language=page.language, form="pdf" if as_pdf else "html"
    )
    if not as_pdf:
        return Response(content, media_type="text/html", headers={"content-security-policy": content_policy.REPORT})
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in customer_id)
    return page.file(content, f"report-{name}.pdf", inline=page.request.query_params.get("view") == "inline")
