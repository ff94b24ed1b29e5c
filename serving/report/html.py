"""The evaluation report as one HTML page without scripts or outside files."""

from functools import cache
from importlib import resources

from jinja2 import Environment, Template

from rapport.serving.report.content import Report


def html_report(report: Report) -> bytes:
    """Return the report as HTML."""
    return _template().render(report=report).encode()


@cache
def _template() -> Template:
    source = resources.files("rapport.serving.report").joinpath("report.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(source)
