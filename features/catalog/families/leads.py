"""Marketing, opportunity and fit: features of touches, opportunities and fixed attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rapport.features.catalog.feature import Feature
from rapport.features.measures import Events, larger
from rapport.localized import LocalizedText

TOUCHES, DEALS, CLOSED = Events("touches"), Events("opportunities"), Events("closings")
TALKS = Events("interactions")

MARKETING = (
    *(
        Feature(
            f"touches_count_{days}d", "marketing", "count",
            LocalizedText(f"Marketing engagements in the last {days} days.", f"近 {days} 天的营销互动次数。"),
            TOUCHES.count(days), 0, conversion_direction=1,
        )
        for days in (7, 30, 90, 365)
    ),
    Feature(
        "touches_count_ever", "marketing", "count", LocalizedText("Marketing engagements so far.", "累计营销互动次数。"), TOUCHES.count(), 0,
    ),
    Feature(
        "days_since_last_touch", "marketing", "days",
        LocalizedText("Days since the last marketing engagement.", "距上次营销互动的天数。"), TOUCHES.days_since_last(), conversion_direction=-1,
    ),
    Feature(
        "days_since_first_touch", "marketing", "days",
        LocalizedText("Days since the first marketing engagement.", "距首次营销互动的天数。"), TOUCHES.days_since_first(),
    ),
    Feature(
        "touch_days_count_30d", "marketing", "count",
        LocalizedText("Days with a marketing engagement in the last 30 days.", "近 30 天有营销互动的天数。"), TOUCHES.count(30, where="new_day"), 0, conversion_direction=1,
    ),
    Feature(
        "touches_ratio_30d_to_previous", "marketing", "ratio",
        LocalizedText("Marketing engagements of the last 30 days relative to the 30 days before.", "近 30 天营销互动次数与前 30 天之比。"), TOUCHES.ratio(30, 30),
    ),
    Feature(
        "touch_depth_90d", "marketing", "ratio",
        LocalizedText("Marketing engagements per active day, last 90 days.", "近 90 天日均互动次数（按活跃日计）。"),
        TOUCHES.count(90) / TOUCHES.count(90, where="new_day"),
    ),
    Feature(
        "assets_count_ever", "marketing", "count",
        LocalizedText("Distinct assets seen so far.", "累计接触过的素材数。"), Events("assets").count(), 0, conversion_direction=1,
    ),
    Feature(
        "campaigns_count_ever", "marketing", "count",
        LocalizedText("Distinct campaigns reached so far.", "累计参与过的活动数。"), Events("campaigns").count(), 0,
    ),
    Feature(
        "actions_count_ever", "marketing", "count",
        LocalizedText("Distinct kinds of marketing engagements so far.", "累计营销互动类型数。"), Events("actions").count(), 0, conversion_direction=1,
    ),
    Feature(
        "touches_webinar_count_365d", "marketing", "count",
        LocalizedText("Webinars and trainings attended in the last 365 days.", "近 365 天参加网络研讨会或培训的次数。"),
        TOUCHES.count(365, where="action=webinar"), 0, conversion_direction=1,
    ),
)  # fmt: skip

OPPORTUNITY = (
    Feature(
        "opportunities_open_count", "opportunity", "count",
        LocalizedText("Open opportunities.", "当前进行中的商机数。"), Events("open_opportunities").sum("change"), 0, direction=-1,
    ),
    Feature(
        "opportunities_open_amount", "opportunity", "money",
        LocalizedText("Amount of the open opportunities.", "当前进行中的商机金额。"), Events("open_pipeline").sum("change"), 0,
    ),
    Feature(
        "opportunities_count_365d", "opportunity", "count",
        LocalizedText("Opportunities opened in the last 365 days.", "近 365 天新增商机数。"), DEALS.count(365), 0,
    ),
    Feature(
        "opportunity_amount_latest_mean", "opportunity", "money",
        LocalizedText("Mean amount of the opportunities of the last 365 days.", "近 365 天商机平均金额。"), DEALS.mean("amount", 365),
    ),
    Feature(
        "days_since_last_opportunity", "opportunity", "days",
        LocalizedText("Days since an opportunity was opened.", "距最近新增商机的天数。"), DEALS.days_since_last(),
    ),
    *(
        Feature(
            f"opportunities_{name}_count_ever", "opportunity", "count",
            LocalizedText(f"Opportunities {name} so far.", f"累计{zh}商机数。"), CLOSED.count(where=flag), 0,
            direction=sign, conversion_direction=-sign,
        )
        for name, zh, flag, sign in (("won", "赢单", "won_flag", -1), ("lost", "丢单", "lost", 1))
    ),
    Feature(
        "win_share_ever", "opportunity", "share",
        LocalizedText("Share of the closed opportunities that were won.", "已关闭商机的赢单率。"), CLOSED.share("won_flag"),
    ),
    Feature(
        "days_since_last_loss", "opportunity", "days",
        LocalizedText("Days since an opportunity was lost.", "距最近丢单的天数。"), CLOSED.days_since_last(where="lost"),
    ),
    Feature(
        "closing_days_mean_ever", "opportunity", "days",
        LocalizedText("Mean days from opening to closing an opportunity.", "商机平均成交周期天数。"), CLOSED.mean("age"),
    ),
    Feature(
        "rival_losses_count_ever", "opportunity", "count",
        LocalizedText("Closed opportunities with a competitor named.", "出现竞争对手的已关闭商机数。"), CLOSED.count(where="rival"), 0,
    ),
    Feature(
        "touches_since_opening_rate", "opportunity", "ratio",
        LocalizedText("Marketing engagements of the last 30 days per day since the last opportunity was opened.", "自商机开启以来的营销互动密度。"),
        TOUCHES.count(30) / larger(DEALS.days_since_last(), 1),
    ),
)  # fmt: skip


def slug(value: str) -> str:
    """Return a value as part of a feature name: lower-case Latin letters, digits and ``_``."""
    plain = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")
    return plain or "u" + "_".join(f"{ord(letter):x}" for letter in value)


def slugs(values: Iterable[str]) -> dict[str, str]:
    """Return each value's slug; if two values have the same slug, the later one gets a number."""
    names: dict[str, str] = {}
    for value in values:
        base, number = slug(value), 1
        while (name := base if number == 1 else f"{base}_{number}") in names.values():
            number += 1
        names[value] = name
    return names


def action_features(actions: Iterable[str]) -> tuple[Feature, ...]:
    """Return the features of each action of a company's touches."""
    return tuple(feature for action, name in slugs(actions).items() for feature in _action(action, f"touches_{name}"))


# Templates, because every language fills them with the company's words.
_ACTION_COUNT = LocalizedText(
    "Marketing engagements of the kind {action} in the last {days} days.", "近 {days} 天“{action}”营销互动次数。"
)
_ACTION_DAYS = LocalizedText(
    "Days since the last marketing engagement of the kind {action}.", "距上次“{action}”营销互动的天数。"
)
_CHANNEL_COUNT = LocalizedText("Interactions by {channel} in the last 90 days.", "近 90 天“{channel}”互动次数。")
_CHANNEL_DAYS = LocalizedText("Days since the last interaction by {channel}.", "距上次“{channel}”互动的天数。")


def _action(action: str, name: str) -> tuple[Feature, ...]:
    where = f"action={action.lower()}"
    return (
        *(
            Feature(
                f"{name}_count_{days}d", "marketing", "count",
                _ACTION_COUNT.filled(action=action, days=days),
                TOUCHES.count(days, where=where), 0,
            )
            for days in (30, 90)
        ),
        Feature(
            f"{name}_days_ago", "marketing", "days",
            _ACTION_DAYS.filled(action=action),
            TOUCHES.days_since_last(where=where),
        ),
    )  # fmt: skip


def channel_features(channels: Iterable[str]) -> tuple[Feature, ...]:
    """Return the features of each further channel of a company's interactions."""
    return tuple(
        feature
        for channel, name in slugs(channels).items()
        for feature in (
            Feature(
                f"interactions_{name}_count_90d", "engagement", "count",
                _CHANNEL_COUNT.filled(channel=channel),
                TALKS.count(90, where=f"channel={channel.lower()}"), 0,
            ),
            Feature(
                f"interactions_{name}_days_ago", "engagement", "days",
                _CHANNEL_DAYS.filled(channel=channel),
                TALKS.days_since_last(where=f"channel={channel.lower()}"),
            ),
        )
    )  # fmt: skip
