"""What training measured, as a bundle records it: the console, the dossier, the reports and MLflow show it.

Bundles of older versions lack the later entries, so every entry of the record may be absent.
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired

from typing_extensions import TypedDict

Measures = Mapping[str, float]
"""Metrics by name: auc, average_precision, lift_10, log_loss, brier, calibration_error."""


class FoldMetrics(TypedDict):
    """The metrics at one validation cutoff: outcome rate, the rate that was expected, and how the blend ranked."""

    cutoff: str
    rows: int
    rate: float
    expected: float
    auc: float
    log_loss: float
    calibration_error: float


class GradeRecord(TypedDict):
    """The grade A to D with its reasons; older bundles have them in English only."""

    letter: str
    sentence: str
    sentence_zh: NotRequired[str]


class PopulationRecord(TypedDict, total=False):
    """The metrics on rows like the customers that can be scored, with a sentence where these differ from the judged."""

    stability: float
    scored: int
    rate: float
    auc: float
    average_precision: float
    lift_10: float
    log_loss: float
    brier: float
    calibration_error: float
    sentence: str
    sentence_zh: str


class ServedRecord(TypedDict, total=False):
    """The part that is served, such as ``blend``, and its metrics; none of them without validation rows."""

    part: str
    auc: float
    average_precision: float
    lift_10: float
    log_loss: float
    brier: float
    calibration_error: float


class BaseRateRecord(TypedDict, total=False):
    """The forecast of the outcome rate: its components and its error, in log-odds."""

    rate: float
    shift: float
    error: float
    mean: float
    trend: float
    season: float
    recent: float
    observed: float | None
    plain_rate_weight: float
    fixed_mix_weight: float
    by_cutoff: dict[str, float]
    expected_rate: float
    sentence: str
    sentence_zh: str


class TrainingSize(TypedDict, total=False):
    """How much the model learned from; ``one_of``: one in that many customers; ``tree_rows``: rows of the trees."""

    customers: int
    minority_count: int
    rows: int
    cutoffs: int
    scored_now: int
    one_of: int
    tree_rows: int
    shares: int


class FamilyShare(TypedDict):
    """A family's share of the mean absolute evidence."""

    family: str
    share: float


class ComparedPart(TypedDict):
    """The metrics of the blend, a member or a baseline; ``low`` and ``high`` bound its AUC."""

    name: str
    auc: float
    average_precision: float
    brier: float
    low: float
    high: float


class CalibrationBin(TypedDict):
    """Predicted and observed rate of one tenth of the customers."""

    predicted: float
    actual: float
    count: int


class MaturedBand(CalibrationBin):
    """Predicted and observed rate of one score band of a past scoring run."""

    as_of: str
    version: NotRequired[str]
    band: int


class GainPoint(TypedDict):
    """The share of all outcomes among the customers with the highest scores; older bundles have a profit, too."""

    share: float
    captured: float
    profit: NotRequired[float | None]


class SegmentMetrics(TypedDict):
    """The metrics of one segment; None where it has no outcomes of both kinds."""

    by: str
    value: str
    count: int
    rate: float | None
    predicted: float | None
    auc: float | None


class DriftedFeature(TypedDict):
    """A feature whose values have drifted since training."""

    feature: str
    psi: float


class ContradictedFeature(TypedDict):
    """A feature that ranks against its declared direction."""

    feature: str
    auc: float


class DataChecksRecord(TypedDict):
    """What the checks of the training data found."""

    leaks: list[str]
    duplicates: int
    drifted: list[DriftedFeature]
    contradicted: list[ContradictedFeature]
    direction_cost: float | None
    sentences: list[str]
    sentences_zh: list[str]


class SpendRecord(TypedDict, total=False):
    """How well spend was predicted, in the currency; ``errors`` is the mean error of each shape."""

    shape: str
    errors: dict[str, float]
    rows: int
    mean_expected: float
    mean_observed: float
    mean_error: float
    mean_error_as_last_year: float
    rank_correlation: float


class ProfitPoint(TypedDict):
    """The profit of contacting this share of the customers."""

    share: float
    profit: float


class ProfitRecord(TypedDict, total=False):
    """What contacts would have earned, in the currency, under the assumptions."""

    assumed: dict[str, float]
    cutoff: str
    curve: list[ProfitPoint]
    by_probability: list[ProfitPoint]
    best_calls: int
    best_share: float
    best_profit: float
    team_calls: int
    team_profit: float
    value_at_risk: float


class IntervalRecord(TypedDict, total=False):
    """Median widths of the intervals, and the share of groups whose observed rate agreed with theirs."""

    median_width: float
    median_width_of_one_customer: float
    groups: int
    group_rows: int
    coverage_of_groups: float | None


class ObservedGrade(TypedDict):
    """A health grade's mean predicted and observed share, one horizon later."""

    grade: str
    predicted: float
    observed: float
    customers: int


class OutlookRecord(TypedDict):
    """The moves between health grades, as ``GradeOutlook`` stores them."""

    grades: list[str]
    moves: list[list[float]]
    customers: int
    judged: list[ObservedGrade]
    largest_gap: float | None
    carry: NotRequired[Sequence[float]]
    survival: NotRequired[dict[str, float]]


class GateRecord(TypedDict):
    """A condition of promotion that the model passed or failed."""

    name: str
    passed: bool
    sentence: str
    sentence_zh: NotRequired[str]


class ChampionComparison(TypedDict):
    """The average precision beside the champion's; ``how``: on unseen rows, on seen ones, or the champion's own."""

    version: str
    how: str
    rows: int
    average_precision: float
    champion_average_precision: float
    share: float


class ContactedGroup(TypedDict):
    """The metrics of the customers with or without a contact; None where all outcomes are alike."""

    rows: int
    rate: float | None
    auc: float | None
    log_loss: float | None
    calibration_error: float | None


class ContactedRecord(TypedDict):
    """What is served on all validation rows, and on those without and with a contact within the horizon."""

    all: ContactedGroup
    not_contacted: ContactedGroup
    contacted: ContactedGroup
    sentence: NotRequired[str]
    sentence_zh: NotRequired[str]


class TrialRecord(TypedDict):
    """One try of a parameter search, and its validation log loss."""

    params: dict[str, float]
    loss: float


class SearchRecord(TypedDict):
    """A parameter search: its tries, and the validation log loss at the start and of the best."""

    tries: int
    start: float
    best: float
    trials: NotRequired[list[TrialRecord]]


class EvaluationRecord(TypedDict, total=False):
    """Everything that training measured."""

    rows: int
    out_of_time: bool
    rate: float | None
    measures: Mapping[str, Measures]
    gains: Mapping[str, Mapping[str, list[float]]]
    slices: list[FoldMetrics]
    grade: GradeRecord
    population: PopulationRecord | None
    served: ServedRecord
    weights: dict[str, float]
    level: BaseRateRecord
    size: TrainingSize
    importance: list[FamilyShare]
    matured: None
    compared: list[ComparedPart]
    calibration: list[CalibrationBin]
    gain: list[GainPoint]
    segments: list[SegmentMetrics]
    card: dict[str, object] | None
    data_checks: DataChecksRecord
    spend: SpendRecord
    profit: ProfitRecord
    contacted: ContactedRecord | None
    search: SearchRecord
    outlook: OutlookRecord
    interval: IntervalRecord
    gates: list[GateRecord]
    against_champion: ChampionComparison


class ProvenanceRecord(TypedDict, total=False):
    """What is needed to train the same model again."""

    target: str
    horizon: str
    active: str
    as_of: str
    cutoffs: list[str]
    data_fingerprint: str
    catalog_fingerprint: str
    tables: dict[str, int]
    table_ends: dict[str, str]
    settings: dict[str, object]
    python: str
    versions: dict[str, str]
    search: int
    gbm_params: dict[str, dict[str, float]]
    made_at: str
