"""The dossier as a report: sections about models, data lineage, human oversight and rights; and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rapport.serving.dossier.model_sections import model_sections
from rapport.serving.dossier.record_types import DossierRecords, ModelRecord, RunRecord
from rapport.serving.dossier.texts import Texts, percent, whole
from rapport.serving.report.content import Report, Section
from rapport.serving.translations import translations


def dossier_report(records: DossierRecords, language: str) -> Report:
    """Return the dossier of the records in one language."""
    text = Texts(language)
    sections = [section for model in records["models"] for section in model_sections(model, text)]
    runs = {run["target"]: run for run in records["runs"]}
    sections += [_lineage(model, runs.get(model["target"]), text) for model in records["models"]]
    sections += [_oversight(records, text), _rights(records, text)]
    return Report(
        language=language,
        title=text("title"),
        subtitle=text("subtitle", day=records["as_of"]),
        sections=tuple(sections),
        footer=text("footer"),
    )


def _lineage(model: ModelRecord, run: RunRecord | None, text: Texts) -> Section:
    title = text("lineage.title", target=text(f"target.{model['target']}"))
    header = tuple(text(name) for name in ("table", "rows.training", "rows.end", "rows.run", "digest"))
    rows = _tables(model, run)
    if run is None:
        return Section(title, lines=(text("lineage.none"),), header=header, rows=rows)
    if not run["stored"]:
        line = text("lineage.removed", run=run["run"], at=run["published_at"])
        return Section(title, lines=(line,), header=header, rows=rows)
    pairs = (
        (text("lineage.run"), run["run"]),
        (text("lineage.scored"), f"{run['as_of'][:10]}; {run['scored_at']}"),
        (text("lineage.published"), f"{run['published_at']} ({run['by']})"),
        (text("lineage.model"), run["version"]),
    )
    lines = [_rejected(run["rejected"], text)]
    lines += [text("lineage.gate", message=text.sentence(gate, "message")) for gate in run["gates"]]
    lines += [text("lineage.forced")] if run["forced"] else []
    return Section(title, pairs, tuple(lines), header, rows)


def _tables(model: ModelRecord, run: RunRecord | None) -> tuple[tuple[str, ...], ...]:
    trained, ends = model["provenance"]["tables"] or {}, model["provenance"]["table_ends"] or {}
    scored = run["tables"] if run and run["stored"] else {}
    digests = run["digests"] if run and run["stored"] else {}
    return tuple(
        (
            name,
            whole(trained.get(name)),
            str(ends.get(name) or "–"),
            whole(scored.get(name)),
            digests.get(f"rows_{name}.arrow", "–"),
        )
        for name in sorted({*trained, *scored})
    )


def _rejected(counts: Mapping[str, int] | None, text: Texts) -> str:
    if counts is None:
        return text("lineage.rejected_unknown")
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return text("lineage.rejected", count=listed) if listed else text("lineage.rejected_none")


def _oversight(records: DossierRecords, text: Texts) -> Section:
    trail, labels = records["audit"], translations(text.language)
    lines = [text("oversight.people")]
    for run in records["runs"]:
        if run["stored"]:
            target = text(f"target.{run['target']}")
            states = ", ".join(f"{labels.label('state', name)} {count:,}" for name, count in run["states"].items())
            counts = {"count": whole(run["excluded"]), "customers": whole(run["customers"])}
            lines.append(text("oversight.excluded", target=target, **counts))
            lines.append(text("oversight.states", target=target, states=states))
    lines.append(text("oversight.correct"))
    share = records["settings"]["holdout_share"]
    lines += [text("oversight.holdout", share=percent(share))] if share else []
    span = {"first": trail["first_day"], "last": trail["last_day"]}
    counts = {"entries": whole(trail["entries"]), "readers": whole(trail["readers"])}
    lines.append(text("oversight.audit", **span, **counts) if trail["entries"] else text("oversight.no_audit"))
    rows = tuple((route, whole(count)) for route, count in trail["routes"].items())
    header = (text("route"), text("entries")) if rows else ()
    return Section(text("oversight.title"), lines=tuple(lines), header=header, rows=rows)


def _rights(records: DossierRecords, text: Texts) -> Section:
    header = tuple(text(f"rights.{name}") for name in ("law", "right", "how"))
    forgotten = records["forgotten"]
    counts = {
        "customers": whole(forgotten["customers"]),
        "receipts": whole(forgotten["receipts"]),
        "incomplete": whole(forgotten["incomplete"]),
    }
    lines = (text("rights.forgotten", **counts),)
    return Section(text("rights.title"), lines=lines, header=header, rows=text.rights())


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
