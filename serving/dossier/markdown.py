"""A report of sections as Markdown."""

from collections.abc import Iterator, Sequence

from rapport.serving.report.content import Report, Section


def markdown_report(report: Report) -> bytes:
    """Return the report as Markdown, with a table for each section that has one."""
    lines = [f"# {report.title}", "", report.subtitle]
    for section in report.sections:
        lines += ["", f"## {section.title}", *_section(section)]
    return "\n".join([*lines, "", "---", "", report.footer, ""]).encode()


def _section(section: Section) -> Iterator[str]:
    if section.pairs:
        yield ""
        yield from (f"- **{label}**: {_inline(value)}" for label, value in section.pairs)
    if section.lines:
        yield ""
        yield from (f"- {_inline(line)}" for line in section.lines)
    if section.rows:
        yield ""
        yield _row(section.header)
        yield _row(["---"] * len(section.header))
        yield from (_row(cells) for cells in section.rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_inline(cell).replace("|", "\\|") for cell in cells) + " |"


def _inline(value: str) -> str:
    # A company's own words, such as the values of an attribute, must not become markup.
    return " ".join(value.split()).replace("<", "&lt;")
