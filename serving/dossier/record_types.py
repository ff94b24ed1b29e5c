"""The types of what the dossier states; ``rapport dossier --json`` prints the same records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from rapport.scoring.models.evaluation_record import (
    CalibrationBin,
    FamilyShare,
    FoldMetrics,
    GateRecord,
    MaturedBand,
    Measures,
    SegmentMetrics,
    ServedRecord,
    TrainingSize,
)


class PeriodRecord(TypedDict):
    """The period of one version as champion; ``by`` is what started it: "promote" or "rollback"."""

    version: str
    since: str
    by: str


class RuleRecord(TypedDict):
    """The definition of churn that the model was trained with."""

    by: str
    horizon: str
    grace: str


class LineageRecord(TypedDict):
    """The data and the software that a model was trained with; None where its version did not record them."""

    as_of: str | None
    cutoffs: list[str] | None
    data_fingerprint: str | None
    tables: dict[str, int] | None
    table_ends: dict[str, str] | None
    versions: dict[str, str] | None
    python: str | None


class FallbackRecord(TypedDict):
    """Which members answer where the history was too small for all, with the reason in each language."""

    label: str
    en: str
    zh: str
    further: NotRequired[dict[str, str]]


class MemberShare(TypedDict):
    """A member of the ensemble, and the factor of its log-odds."""

    name: str
    weight: float


class SegmentRecord(SegmentMetrics):
    """The errors of one segment: ``gap`` is the mean probability minus the outcome rate.

    ``meaning`` is that of the feature in each language; None for a cutoff and for what is no feature any more.
    """

    meaning: dict[str, str] | None
    gap: float | None
    beyond_chance: bool | None


class AttributeRecord(TypedDict):
    """The groups of one attribute of the customers, and how far they differ."""

    attribute: str
    is_feature: bool
    groups: list[SegmentRecord]
    largest_gap: float | None
    rate_difference: float | None
    probability_difference: float | None
    auc_difference: float | None


class ModelRecord(TypedDict):
    """The champion of one target: its card, its evaluation and its errors by group."""

    target: str
    version: str
    champion: PeriodRecord
    periods: list[PeriodRecord]
    horizon: str
    active_window: str
    currency: str
    fingerprint: str
    eligible: str
    grade: str
    rule: RuleRecord
    trained_at: str | None
    provenance: LineageRecord
    size: TrainingSize
    digest: str
    members: list[MemberShare]
    fallback: FallbackRecord
    features: int
    served: ServedRecord | None
    rate: float | None
    rows: int | None
    out_of_time: bool | None
    measures: Mapping[str, Measures] | None
    grade_reasons: Mapping[str, object]
    calibration: list[CalibrationBin]
    gates: list[GateRecord]
    importance: list[FamilyShare]
    slices: list[FoldMetrics]
    segments: list[SegmentRecord]
    fairness: list[AttributeRecord]
    matured: list[MaturedBand]


class RemovedRun(TypedDict):
    """The run that answers, of which only the publication is left."""

    target: str
    run: str
    published_at: str
    by: str
    stored: Literal[False]


class StoredRun(TypedDict):
    """The scoring run that answers: its customers, what publication checked, and the digests of its files."""

    target: str
    run: str
    published_at: str
    by: str
    stored: Literal[True]
    as_of: str
    scored_at: str
    version: str
    customers: int
    states: dict[str, int]
    excluded: int
    tables: dict[str, int]
    rejected: dict[str, int] | None
    summary: dict[str, object]
    gates: list[Mapping[str, object]]
    forced: bool
    digests: dict[str, str]


RunRecord = StoredRun | RemovedRun


class AuditRecord(TypedDict):
    """The entries of the audit trail, counted by route."""

    entries: int
    readers: int
    routes: dict[str, int]
    first_day: str | None
    last_day: str | None


class ForgottenRecord(TypedDict):
    """The customers on the suppression list, and the receipts of forgetting."""

    customers: int
    receipts: int
    incomplete: int


class SettingsRecord(TypedDict):
    """The settings that the dossier names."""

    fixed_attributes: Sequence[str]
    holdout_share: float


class DossierRecords(TypedDict):
    """Everything that the dossier states."""

    as_of: str
    data_format: int | None
    models: list[ModelRecord]
    runs: list[RunRecord]
    audit: AuditRecord
    forgotten: ForgottenRecord
    settings: SettingsRecord
