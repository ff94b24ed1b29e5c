"""A history without an outcome of this season in an earlier year: the expected rate cannot know the season."""

from datetime import timedelta

from scipy.special import expit, logit

from rapport.localized import LocalizedText
from rapport.training.data.task_spec import TaskSpec
from rapport.training.messages import localized
from rapport.training.stacking.base_rate import YEAR, BaseRateForecast
from rapport.training.stacking.fixed_mix import season_window

NINE_TENTHS = 1.645


def unknown_season(base_rate: BaseRateForecast, task: TaskSpec) -> LocalizedText | None:
    """Say that the season is not known, and where the rate of nine forecasts in ten lies; None if it is known.

    A horizon of a year has every season in it.
    """
    horizon = timedelta(days=task.horizon_days)
    first_known = min(base_rate.by_cutoff, default=task.as_of)
    if horizon > YEAR - season_window(horizon) or first_known <= task.as_of - YEAR + season_window(horizon):
        return None
    centre, error = float(logit(base_rate.rate)), NINE_TENTHS * base_rate.error
    low, high = (float(expit(centre + step)) for step in (-error, error))
    return localized("base_rate.unknown_season", low=low, high=high)
