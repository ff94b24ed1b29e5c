"""Product use: how lately, how often, by how many people and how widely, and where it is heading."""

from __future__ import annotations

from rapport.features.catalog.feature import Feature
from rapport.features.measures import Events, slope
from rapport.localized import LocalizedText

USES = Events("usage")
_MONTHS = tuple(USES.count(30 + back, skip=back, where="new_day") for back in (90, 60, 30, 0))


def _users(days: int) -> Events:
    return Events(f"usage_users_{days}d")


USAGE = (
    Feature(
        "days_since_last_usage", "engagement", "days",
        LocalizedText("Days since the product was last used.", "距上次使用产品的天数。"), USES.days_since_last(),
        direction=1, conversion_direction=-1,
    ),
    *(
        Feature(
            f"usage_days_count_{days}d", "engagement", "count",
            LocalizedText(f"Days with product use in the last {days} days.", f"近 {days} 天有产品使用的天数。"),
            USES.count(days, where="new_day"), 0, direction=-1, conversion_direction=1,
        )
        for days in (30, 90)
    ),
    *(
        Feature(
            f"usage_users_count_{days}d", "engagement", "count",
            LocalizedText(f"People who used the product in the last {days} days.", f"近 {days} 天使用产品的人数。"),
            _users(days).sum("change"), 0, direction=-1, conversion_direction=1,
        )
        for days in (30, 90)
    ),
    Feature(
        "usage_users_share_30d_of_90d", "trend", "share",
        LocalizedText("Share of the users of the last 90 days who used the product in the last 30 days.", "近 90 天的使用者中近 30 天仍在使用的比例。"),
        _users(30).sum("change") / _users(90).sum("change"), direction=-1, conversion_direction=1,
    ),
    Feature(
        "usage_functions_count_90d", "engagement", "count",
        LocalizedText("Distinct functions used in the last 90 days.", "近 90 天使用过的功能数。"),
        Events("usage_functions_90d").sum("change"), 0, direction=-1, conversion_direction=1,
    ),
    Feature(
        "usage_days_ratio_30d_to_previous", "trend", "ratio",
        LocalizedText("Days with product use in the last 30 days relative to the 30 days before.", "近 30 天有产品使用的天数与前 30 天之比。"),
        USES.ratio(30, 30, where="new_day"), direction=-1, conversion_direction=1,
    ),
    Feature(
        "usage_days_slope_120d", "trend", "per_month",
        LocalizedText("Change of the days with product use from month to month over 120 days.", "近 120 天有产品使用天数的月度变化趋势。"),
        slope(_MONTHS), 0, direction=-1, conversion_direction=1,
    ),
    Feature(
        "usage_quantity_ratio_30d_to_previous", "trend", "ratio",
        LocalizedText("Quantity used in the last 30 days relative to the 30 days before.", "近 30 天用量与前 30 天之比。"),
        USES.sum("quantity", 30) / USES.sum("quantity", 60, skip=30), direction=-1, conversion_direction=1,
    ),
)  # fmt: skip
