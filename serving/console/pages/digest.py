"""The preview of the digest of the viewer's scope, and for admins who receives which."""

from starlette.responses import Response

from rapport.serving.console.digest_content import PERIOD_DAYS, DigestScope, digest_of
from rapport.serving.console.page_context import PageContext


def show(page: PageContext) -> Response:
    """Show what the digest would say now."""
    every = page.request.query_params.get("every", "weekly")
    every = every if every in PERIOD_DAYS else "weekly"
    target = page.about["targets"][0]
    portfolio = page.portfolios.of(target)
    visible = page.visible_rows(portfolio)
    title = page.viewer.owner or page.translate(f"scope.{page.scope}.churn")
    scope = DigestScope(title, visible, page.capacity, page.application.held_out())
    digest = digest_of(page.application, portfolio, scope, today=page.today, every=every, language=page.language)
    page.record_view([one for section in digest.sections for one in section.customer_ids])
    return page.render(
        "digest.html",
        shown_target=target,
        digest=digest,
        every=every,
        periods=tuple(PERIOD_DAYS),
        receivers=page.about.get("digests", {}) if page.viewer.may_for_all("admin") else None,
    )
