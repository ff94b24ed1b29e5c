"""The set-up page: before anything is trained, it takes files, shows what was understood, and starts the first run."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rapport.errors import RapportError
from rapport.serving.console.rendering import PageRenderer
from rapport.serving.errors import error_response
from rapport.serving.first_run import ENDINGS, FirstRun


def setup_page(  # noqa: PLR0913  # what a page without scores has in place of a page context
    request: Request,
    renderer: PageRenderer,
    language: str,
    *,
    first_run: FirstRun | None,
    token: str,
    answers: Mapping[str, str],
    problem: str = "",
    status: int = 200,
) -> Response:
    """Show the step that comes next; without ``first_run`` the commands alone."""
    state: Mapping[str, object] = first_run.state() if first_run else {"running": False, "step": ""}
    review = None
    takes_files = bool(first_run and first_run.is_open and not state["running"])
    if first_run and takes_files and first_run.names():
        try:
            review = first_run.review(answers)
        except RapportError as error:
            problem, status = problem or error.sentence(language), error_response(error)[0]
    root = str(request.scope.get("root_path", ""))
    html = renderer.render(
        "setup.html",
        language,
        root=root,
        current_url=f"{root}/",
        lead=_lead(first_run, takes_files or bool(state["step"])),
        first_run=first_run,
        takes_files=takes_files,
        names=first_run.names() if first_run else [],
        state=state,
        review=review,
        answers=answers,
        endings=",".join(ENDINGS),
        token=token,
        problem=problem,
    )
    return HTMLResponse(html, status)


def _lead(first_run: FirstRun | None, goes_on_here: bool) -> str:
    """Return the key of what the viewer can do: upload here, score what is trained, or wait for an administrator."""
    if goes_on_here:
        return "setup.lead"
    return "setup.lead_trained" if first_run else "setup.lead_reader"


def act(request: Request, first_run: FirstRun, form: Mapping[str, str], language: str) -> str:
    """Store files, or start the run with the answers; return what is wrong, if anything."""
    try:
        if form.get("act") == "start":
            first_run.start(form)
        elif form.get("act") == "upload":
            first_run.store(request.state.files)
    except RapportError as error:
        return error.sentence(language)
    return ""
