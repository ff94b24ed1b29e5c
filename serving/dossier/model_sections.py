"""The sections of the dossier about one model: card, ensemble, metrics, calibration, segments, fairness."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.localized import localize
from rapport.scoring.models.bundle import Fallback
from rapport.scoring.models.evaluation_record import CalibrationBin
from rapport.serving.dossier.record_types import AttributeRecord, ModelRecord, SegmentRecord
from rapport.serving.dossier.texts import Texts, figure, percent, points, spread, whole
from rapport.serving.report.content import Section
from rapport.serving.translations import Translations, translations

_METRICS = ("auc", "average_precision", "lift_10", "log_loss", "calibration_error")
Row = tuple[str, ...]


def model_sections(model: ModelRecord, text: Texts) -> list[Section]:
    """Return the sections of one model."""
    labels, name = translations(text.language), text(f"target.{model['target']}")
    return [
        Section(text("card.title", target=name), _card(model, text), _limits(model, text)),
        _members(model, text, labels, name),
        _metrics(model, text, labels, name),
        _calibration(model, text, name),
        _matured(model, text, name),
        _segments(model, text, name),
        _fairness(model, text, name),
    ]


def _card(model: ModelRecord, text: Texts) -> tuple[tuple[str, str], ...]:
    target, provenance = model["target"], model["provenance"]
    champion, size = model["champion"], model["size"]
    active = text.duration(model["active_window"])
    earlier = [f"{one['version']} ({one['since'][:10]})" for one in model["periods"][:-1]]
    libraries = ", ".join(f"{name} {number}" for name, number in (provenance["versions"] or {}).items())
    counts = {
        "rows": whole(size.get("rows")),
        "customers": whole(size.get("customers")),
        "cutoffs": whole(size.get("cutoffs")),
    }
    values = {
        "purpose": text(f"purpose.{target}"),
        "not_for": text("not_for.text"),
        "outcome": _outcome(model, text),
        "who": text(f"who.{_kind(model)}", active=active, horizon=text.duration(model["horizon"])),
        "version": model["version"],
        "since": champion["since"],
        "by": text(f"by.{champion['by']}"),
        "earlier": ", ".join(earlier) or "–",
        "trained": text.recorded(model["trained_at"]),
        "cutoff": text.recorded((provenance["as_of"] or "")[:10]),
        "size": text("size.text", **counts, features=model["features"]) if size else text("unrecorded"),
        "fingerprint": text.recorded(provenance["data_fingerprint"]),
        "catalog": model["fingerprint"],
        "bundle": model["digest"],
        "libraries": text.recorded(libraries),
        "grade": text(f"grade.{model['grade']}") if model["grade"] else text("unrecorded"),
    }
    return tuple((text(label), value) for label, value in values.items())


def _outcome(model: ModelRecord, text: Texts) -> str:
    rule = model["rule"]
    horizon, grace = text.duration(rule["horizon"] or model["horizon"]), text.duration(rule["grace"])
    return text(f"outcome.{_kind(model)}", horizon=horizon, grace=grace)


def _kind(model: ModelRecord) -> str:
    return f"churn.{model['rule']['by']}" if model["target"] == "churn" else model["target"]


def _limits(model: ModelRecord, text: Texts) -> tuple[str, ...]:
    reasons = text.sentence(model["grade_reasons"])
    fallback = localize(Fallback(**model["fallback"]).reason, text.language)
    failed = [text("gate", sentence=text.sentence(gate)) for gate in model["gates"] if not gate["passed"]]
    passed = [text("gates.passed")] if model["gates"] and not failed else []
    return tuple(line for line in (reasons, fallback, *failed, *passed) if line)


def _members(model: ModelRecord, text: Texts, labels: Translations, name: str) -> Section:
    rows = tuple((labels.label("member", one["name"]), figure(one["weight"])) for one in model["members"])
    return Section(text("members.title", target=name), header=(text("member"), text("share")), rows=rows)


def _metrics(model: ModelRecord, text: Texts, labels: Translations, name: str) -> Section:
    title = text("metrics.title", target=name)
    if not model["measures"]:
        return Section(title, lines=(text("metrics.none"),))
    how = "metrics.out_of_time" if model["out_of_time"] else "metrics.other_customers"
    rows = tuple(
        (labels.label("member", part), *(figure(found.get(metric)) for metric in _METRICS))
        for part, found in model["measures"].items()
    )
    header = (text("member"), *(text(metric) for metric in _METRICS))
    return Section(
        title, lines=(text(how, rows=whole(model["rows"]), rate=percent(model["rate"])),), header=header, rows=rows
    )


def _calibration(model: ModelRecord, text: Texts, name: str) -> Section:
    title = text("calibration.title", target=name)
    if not model["calibration"]:
        return Section(title, lines=(text("calibration.none"),))
    header = tuple(text(label) for label in ("count", "predicted", "rate", "gap"))
    return Section(title, header=header, rows=tuple(_compared(one) for one in model["calibration"]))


def _matured(model: ModelRecord, text: Texts, name: str) -> Section:
    title = text("matured.title", target=name)
    if not model["matured"]:
        return Section(title, lines=(text("matured.none"),))
    header = tuple(text(label) for label in ("as_of", "band", "count", "predicted", "rate", "gap"))
    rows = tuple((str(one["as_of"])[:10], str(one["band"]), *_compared(one)) for one in model["matured"])
    return Section(title, header=header, rows=rows)


def _compared(one: CalibrationBin) -> tuple[str, ...]:
    predicted, actual = one["predicted"], one["actual"]
    return whole(one["count"]), percent(predicted), percent(actual), points(predicted - actual)


def _segments(model: ModelRecord, text: Texts, name: str) -> Section:
    title = text("segments.title", target=name)
    if not model["segments"]:
        return Section(title, lines=(text("segments.none"),))
    header, rows = _segment_table(model["segments"], text)
    return Section(title, lines=(text("segments.note"),), header=header, rows=rows)


def _segment_table(segments: Sequence[SegmentRecord], text: Texts) -> tuple[Row, tuple[Row, ...]]:
    header = tuple(text(label) for label in ("segment", "value", "count", "rate", "predicted", "gap", "auc"))
    rows = tuple(
        (
            _segment_label(one, text),
            str(one["value"]),
            whole(one["count"]),
            percent(one["rate"]),
            percent(one["predicted"]),
            points(one["gap"]) + (" *" if one["beyond_chance"] else ""),
            figure(one["auc"]),
        )
        for one in segments
    )
    return header, rows


def _segment_label(one: SegmentRecord, text: Texts) -> str:
    if one["meaning"]:
        return one["meaning"][text.language]
    return text("as_of") if one["by"] == "cutoff" else one["by"]


def _fairness(model: ModelRecord, text: Texts, name: str) -> Section:
    title = text("fairness.title", target=name)
    if not model["fairness"]:
        return Section(title, lines=(text("fairness.none"),))
    lines = [_attribute(one, text) for one in model["fairness"]]
    groups = [group for one in model["fairness"] for group in one["groups"]]
    if not groups:
        return Section(title, lines=tuple(lines))
    header, rows = _segment_table(groups, text)
    notes = (text("fairness.note"), text("segments.note"))
    return Section(title, lines=(*lines, *notes), header=header, rows=rows)


def _attribute(one: AttributeRecord, text: Texts) -> str:
    used = text.either(one["is_feature"])
    if not one["groups"]:
        return text("fairness.unmeasured", attribute=one["attribute"], used=used)
    if len(one["groups"]) == 1:
        return text("fairness.one_group", attribute=one["attribute"], used=used)
    return text(
        "fairness.measured",
        attribute=one["attribute"],
        used=used,
        rate=spread(one["rate_difference"]),
        probability=spread(one["probability_difference"]),
        auc=figure(one["auc_difference"]),
        gap=spread(one["largest_gap"]),
    )
