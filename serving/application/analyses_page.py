"""docs/analyses.md, from the catalog of analyses."""

from __future__ import annotations

from rapport.serving.application.analysis_catalog import ANALYSES

_INTRODUCTION = """# Analyses

Every scoring run writes these tables. `POST /v1/analytics` with a `name` answers one, the console's page
`/analyses` shows them all and downloads each as CSV, and `rapport analysis NAME --out FILE.csv` writes one row a
line after the date of the run: `rapport analysis key_figures --out kpis.csv` is the file of key figures by owner
for a bonus. A key that sees some owners only gets the rows of their customers, and no analysis of the whole
company. `facts` of an answer are figures about all rows.

| name | title | 名称 | meaning | rows |
| --- | --- | --- | --- | --- |"""


def analyses_page() -> str:
    """Return docs/analyses.md: every analysis by name, in both languages."""
    rows = [
        f"| `{name}` | {each.title.en} | {each.title.zh} | {each.note.en} | "
        f"{'by customer' if each.by_customer else 'whole company'} |"
        for name, each in ANALYSES.items()
    ]
    return "\n".join([_INTRODUCTION, *rows]) + "\n"
