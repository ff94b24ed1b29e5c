"""Search over everyone whom the viewer may see."""

from starlette.responses import Response

from rapport.serving.console.page_context import PageContext

_SHOWN = 50


def find(page: PageContext) -> Response:
    """Redirect to the one customer that is meant, else list the matches."""
    text = page.request.query_params.get("q", "").strip()[:100]
    if not text:
        return page.redirect(page.url("/"))
    matches, count = page.application.search(page.viewer, text, _SHOWN)
    if matches and (count == 1 or matches[0]["customer_id"].lower() == text.lower()):
        return page.redirect(page.url(f"/customers/{matches[0]['customer_id']}"))
    page.record_view([match["customer_id"] for match in matches])
    return page.render("search.html", text=text, matches=matches, count=count)
