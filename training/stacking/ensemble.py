"""Fit the ensemble's members at the cutoffs of a schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from rapport.scoring.cards import Card
from rapport.scoring.models.evaluation_record import SearchRecord
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.scoring.models.members.corrected import CorrectedMember
from rapport.scoring.models.members.member import EnsembleMember
from rapport.scoring.models.members.trees import TreesMember
from rapport.training.data.cutoff_schedule import CutoffSchedule
from rapport.training.data.dataset import Dataset
from rapport.training.members.bg_nbd import FEATURES as BG_NBD_FEATURES
from rapport.training.members.card import fit_card
from rapport.training.members.gbm import HISTORICAL_PARAMS, RECENT_PARAMS, GbmParams, fit_gbm
from rapport.training.members.logistic import fit_logistic
from rapport.training.members.prediction import member_logits
from rapport.training.members.renewal_hazard import fit_renewal_hazard
from rapport.training.stacking.base_rate import ObservedRate

HALF_LIFE_DAYS = 365.0
# The logistic regression and the card have tens of coefficients: more rows change none of them.
LINEAR_ROWS = 150_000


@dataclass(frozen=True)
class FitConfig:
    """What a fit needs besides rows: BG/NBD by cutoff, the card, the parameters of the trees.

    ``newest_weeks`` has for some moments the rate of the weeks before them beside BG/NBD's expectation.
    ``search_result`` has the tries of a parameter search, and the validation log loss at the start and of the best.
    """

    bg_nbd: Mapping[datetime, BgNbdMember]
    card: Card | None
    newest_weeks: Mapping[datetime, ObservedRate] = field(default_factory=dict)
    recent_params: GbmParams = RECENT_PARAMS
    historical_params: GbmParams = HISTORICAL_PARAMS
    learn: bool = True
    by_contract: bool = False
    search_result: SearchRecord | None = None


@dataclass(frozen=True)
class Ensemble:
    """Members fitted at the same cutoffs; the base ``rates`` there are compared with the ``reference`` member."""

    members: tuple[EnsembleMember, ...]
    reference: EnsembleMember
    rates: tuple[ObservedRate, ...]

    def logits(self, rows: Matrix) -> dict[str, Floats]:
        """Return each member's log-odds."""
        return {member.name: member_logits(member, rows) for member in self.members}

    def with_bg_nbd(self, bg_nbd: BgNbdMember) -> "Ensemble":
        """Return the same ensemble with BG/NBD as fitted at another moment; the trees that correct it stay."""
        return replace(self, members=tuple(_with_bg_nbd(member, bg_nbd) for member in self.members))


@dataclass(frozen=True)
class TrainingData:
    """The rows of the historical cutoffs with their weights, and each cutoff's base rate as an offset."""

    dataset: Dataset
    weight: Floats
    offset: Floats
    reference: EnsembleMember
    rates: tuple[ObservedRate, ...]

    @property
    def shifts(self) -> dict[datetime, float]:
        """Return how far each cutoff's outcome exceeded the reference member's expectation, in log-odds."""
        return _shifts(self.rates)

    def at_most(self, count: int) -> "TrainingData":
        """Keep about ``count`` rows at most, evenly over cutoffs and customers."""
        step = max(1, len(self.dataset) // count)
        if step == 1:
            return self
        return replace(
            self, dataset=self.dataset.at_most(count), weight=self.weight[::step], offset=self.offset[::step]
        )

    @property
    def base_logit(self) -> float:
        """Return the log-odds of the outcome rate."""
        return float(np.log(self.dataset.label.mean() / (1 - self.dataset.label.mean())))

    def fit_historical(self, params: GbmParams) -> TreesMember | None:
        """Fit the trees of the historical cutoffs."""
        return fit_gbm("many", self.dataset, params, offset=self.offset + self.base_logit, weight=self.weight)

    def fit_corrected(
        self, bg_nbd: Mapping[datetime, BgNbdMember], newest: BgNbdMember, params: GbmParams
    ) -> CorrectedMember | None:
        """Fit trees of the historical cutoffs to what BG/NBD, as fitted at each of them, leaves unexplained."""
        # Rows that are only bins have no order counts.
        rows = self.dataset.in_memory
        offset, matrix = self.offset.copy(), rows.matrix.select(BG_NBD_FEATURES)
        for index, cutoff in enumerate(rows.cutoffs):
            here = np.flatnonzero(rows.cutoff_index == index)
            offset[here] += member_logits(bg_nbd.get(cutoff, newest), matrix.take(here))
        trees = fit_gbm("corrected", rows, params, offset=offset, weight=self.weight)
        return CorrectedMember("corrected", newest, trees) if trees else None


def prepare_training_data(
    dataset: Dataset, schedule: CutoffSchedule, config: FitConfig, *, as_of: datetime
) -> TrainingData:
    """Prepare the historical cutoffs for members that will be used at ``as_of``."""
    historical = dataset.at_cutoffs(schedule.historical)
    age = np.array([(schedule.all_cutoffs[0] - cutoff).total_seconds() / 86400 for cutoff in dataset.cutoffs])
    weight = np.asarray(0.5 ** (age[historical.cutoff_index] / HALF_LIFE_DAYS))
    reference = config.bg_nbd.get(as_of) or fit_logistic(
        historical, offset=np.zeros(len(historical)), weight=weight, name="plain"
    )
    rates = _observed_rates(dataset, schedule, config.bg_nbd, reference)
    return TrainingData(historical, weight, historical.per_row(_shifts(rates)), reference, rates)


def fit_ensemble(dataset: Dataset, schedule: CutoffSchedule, config: FitConfig, *, as_of: datetime) -> Ensemble:
    """Fit every member at the cutoffs of ``schedule``, to be used at ``as_of``."""
    data = prepare_training_data(dataset, schedule, config, as_of=as_of)
    few = data.at_most(LINEAR_ROWS)
    historical, weight, offset = few.dataset, few.weight, few.offset
    bg_nbd = config.bg_nbd.get(as_of)
    members: list[EnsembleMember | None] = [
        bg_nbd,
        fit_renewal_hazard(historical, offset=offset, weight=weight) if config.by_contract else None,
        fit_card(config.card, historical, offset=offset, weight=weight) if config.card else None,
    ]
    if config.learn:
        recent = dataset.at_cutoffs(schedule.recent)
        base_logit = recent.per_row(data.shifts) + data.base_logit
        # With BG/NBD the small trees share the seeds, because each tree has its cost in every answer.
        params = config.recent_params if bg_nbd is None else replace(config.recent_params, seeds=1)
        members = [
            data.fit_corrected(config.bg_nbd, bg_nbd, params) if bg_nbd else None,
            fit_gbm("newest", recent, params, offset=base_logit, weight=np.ones(len(recent))),
            data.fit_historical(config.historical_params),
            fit_logistic(historical, offset=offset, weight=weight),
            *members,
        ]
    fitted = tuple(member for member in members if member is not None)
    return Ensemble(fitted or (data.reference,), data.reference, data.rates)


def _with_bg_nbd(member: EnsembleMember, bg_nbd: BgNbdMember) -> EnsembleMember:
    if isinstance(member, CorrectedMember):
        return replace(member, bg_nbd=bg_nbd)
    return bg_nbd if isinstance(member, BgNbdMember) else member


def _observed_rates(
    dataset: Dataset, schedule: CutoffSchedule, bg_nbd: Mapping[datetime, BgNbdMember], reference: EnsembleMember
) -> tuple[ObservedRate, ...]:
    """Return each cutoff's outcome rate beside the reference member's expectation."""
    rates = []
    # BG/NBD reads a few columns of many.
    matrix = dataset.matrix.select(BG_NBD_FEATURES) if isinstance(reference, BgNbdMember) else dataset.matrix
    for cutoff in schedule.all_cutoffs:
        rows = np.flatnonzero(dataset.cutoff_index == dataset.cutoffs.index(cutoff))
        if len(rows):
            logits = member_logits(bg_nbd.get(cutoff, reference), matrix.take(rows))
            rates.append(ObservedRate.of(cutoff, logits, float(dataset.label[rows].mean())))
    return tuple(rates)


def _shifts(rates: tuple[ObservedRate, ...]) -> dict[datetime, float]:
    return {each.start: each.shrunk_excess for each in rates}
