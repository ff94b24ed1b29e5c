"""Help: the keys, and what each term means."""

from starlette.responses import Response

from rapport.serving.console.page_context import PageContext

_KEYS = ("slash", "j", "m", "enter", "escape", "question")


def show(page: PageContext) -> Response:
    """Show the glossary and the keys."""
    terms = [
        name.removeprefix("term.").removesuffix(".name")
        for name in page.translate.texts
        if name.startswith("term.") and name.endswith(".name")
    ]
    return page.render("help.html", terms=terms, keys=_KEYS)
