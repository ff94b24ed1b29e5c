"""Marketing, opportunity and fit: what leads do, what is being sold, and who they are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rapport.features.feature import Feature
from rapport.features.measures import Events, larger
from rapport.history.contract import Words

TOUCHES, DEALS, CLOSED = Events("touches"), Events("opportunities"), Events("closings")
TALKS = Events("interactions")

MARKETING = (
    *(
        Feature(
            f"touches_count_{days}d", "marketing", "count",
            Words(f"Touches in the last {days} days.", f"近 {days} 天的触点次数。"),
            TOUCHES.count(days), 0, buying=1,
        )
        for days in (7, 30, 90, 365)
    ),
    Feature(
        "touches_count_ever", "marketing", "count", Words("Touches so far.", "累计触点次数。"), TOUCHES.count(), 0,
    ),
    Feature(
        "days_since_last_touch", "marketing", "days",
        Words("Days since the last touch.", "距上次触点的天数。"), TOUCHES.days_since_last(), buying=-1,
    ),
    Feature(
        "days_since_first_touch", "marketing", "days",
        Words("Days since the first touch.", "距首次触点的天数。"), TOUCHES.days_since_first(),
    ),
    Feature(
        "touch_days_count_30d", "marketing", "count",
        Words("Days with a touch in the last 30 days.", "近 30 天有触点的天数。"), TOUCHES.count(30, where="new_day"), 0, buying=1,
    ),
    Feature(
        "touches_ratio_30d_to_previous", "marketing", "ratio",
        Words("Touches of the last 30 days against the 30 days before.", "近 30 天触点次数与前 30 天之比。"), TOUCHES.ratio(30, 30),
    ),
    Feature(
        "touch_depth_90d", "marketing", "ratio",
        Words("Touches on each day with one, last 90 days.", "近 90 天每个活跃日的触点次数。"),
        TOUCHES.count(90) / TOUCHES.count(90, where="new_day"),
    ),
    Feature(
        "assets_count_ever", "marketing", "count",
        Words("Different assets seen so far.", "累计接触过的素材数。"), Events("assets").count(), 0, buying=1,
    ),
    Feature(
        "campaigns_count_ever", "marketing", "count",
        Words("Different campaigns met so far.", "累计参与过的活动数。"), Events("campaigns").count(), 0,
    ),
    Feature(
        "actions_count_ever", "marketing", "count",
        Words("Different kinds of touches so far.", "累计触点类型数。"), Events("actions").count(), 0, buying=1,
    ),
    Feature(
        "touches_webinar_count_365d", "marketing", "count",
        Words("Webinars and trainings attended in 365 days.", "近 365 天参加网络研讨会或培训的次数。"),
        TOUCHES.count(365, where="action=webinar"), 0, buying=1,
    ),
)  # fmt: skip

OPPORTUNITY = (
    Feature(
        "opportunities_open_count", "opportunity", "count",
        Words("Opportunities open now.", "当前进行中的商机数。"), Events("open_opportunities").sum("change"), 0, direction=-1,
    ),
    Feature(
        "opportunities_open_amount", "opportunity", "money",
        Words("Amount of the opportunities open now.", "当前进行中的商机金额。"), Events("open_pipeline").sum("change"), 0,
    ),
    Feature(
        "opportunities_count_365d", "opportunity", "count",
        Words("Opportunities opened in 365 days.", "近 365 天新增商机数。"), DEALS.count(365), 0,
    ),
    Feature(
        "opportunity_amount_latest_mean", "opportunity", "money",
        Words("Mean amount of the opportunities of 365 days.", "近 365 天商机平均金额。"), DEALS.mean("amount", 365),
    ),
    Feature(
        "days_since_last_opportunity", "opportunity", "days",
        Words("Days since an opportunity was opened.", "距最近新增商机的天数。"), DEALS.days_since_last(),
    ),
    *(
        Feature(
            f"opportunities_{name}_count_ever", "opportunity", "count",
            Words(f"Opportunities {name} so far.", f"累计{zh}商机数。"), CLOSED.count(where=flag), 0,
            direction=sign, buying=-sign,
        )
        for name, zh, flag, sign in (("won", "赢单", "won_flag", -1), ("lost", "丢单", "lost", 1))
    ),
    Feature(
        "win_share_ever", "opportunity", "share",
        Words("Share of the closed opportunities that were won.", "已关闭商机的赢单率。"), CLOSED.share("won_flag"),
    ),
    Feature(
        "days_since_last_loss", "opportunity", "days",
        Words("Days since an opportunity was lost.", "距最近丢单的天数。"), CLOSED.days_since_last(where="lost"),
    ),
    Feature(
        "closing_days_mean_ever", "opportunity", "days",
        Words("Mean days from opening to closing an opportunity.", "商机平均成交周期天数。"), CLOSED.mean("age"),
    ),
    Feature(
        "rival_losses_count_ever", "opportunity", "count",
        Words("Closed opportunities with a competitor named.", "出现竞争对手的已关闭商机数。"), CLOSED.count(where="rival"), 0,
    ),
    Feature(
        "touches_since_opening_rate", "opportunity", "ratio",
        Words("Touches of 30 days for each day since the last opportunity was opened, up to 30.", "自商机开启以来的触点密度。"),
        TOUCHES.count(30) / larger(DEALS.days_since_last(), 1),
    ),
)  # fmt: skip


def slug(value: str) -> str:
    """Return a value as a part of a feature's name: lower case Latin letters, digits and ``_``."""
    plain = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")
    return plain or "u" + "_".join(f"{ord(letter):x}" for letter in value)


def slugs(values: Iterable[str]) -> dict[str, str]:
    """Return each value's part of a name; of values that differ only in what a name cannot hold, later ones count up."""
    found: dict[str, str] = {}
    for value in values:
        plain, times = slug(value), 1
        while (name := plain if times == 1 else f"{plain}_{times}") in found.values():
            times += 1
        found[value] = name
    return found


def by_action(actions: Iterable[str]) -> tuple[Feature, ...]:
    """Return the features of each action that a company's touches can have."""
    return tuple(feature for action, name in slugs(actions).items() for feature in _action(action, f"touches_{name}"))


def _action(action: str, name: str) -> tuple[Feature, ...]:
    where = f"action={action.lower()}"
    return (
        *(
            Feature(
                f"{name}_count_{days}d", "marketing", "count",
                Words(f"Touches of the kind {action} in {days} days.", f"近 {days} 天“{action}”触点次数。"),
                TOUCHES.count(days, where=where), 0,
            )
            for days in (30, 90)
        ),
        Feature(
            f"{name}_days_ago", "marketing", "days",
            Words(f"Days since the last touch of the kind {action}.", f"距上次“{action}”触点的天数。"),
            TOUCHES.days_since_last(where=where),
        ),
    )  # fmt: skip


def by_channel(channels: Iterable[str]) -> tuple[Feature, ...]:
    """Return the features of each further channel that a company's interactions can have."""
    return tuple(
        feature
        for channel, name in slugs(channels).items()
        for feature in (
            Feature(
                f"interactions_{name}_count_90d", "engagement", "count",
                Words(f"Interactions by {channel} in 90 days.", f"近 90 天“{channel}”互动次数。"),
                TALKS.count(90, where=f"channel={channel.lower()}"), 0,
            ),
            Feature(
                f"interactions_{name}_days_ago", "engagement", "days",
                Words(f"Days since the last interaction by {channel}.", f"距上次“{channel}”互动的天数。"),
                TALKS.days_since_last(where=f"channel={channel.lower()}"),
            ),
        )
    )  # fmt: skip


NUMBERS_OF_CUSTOMERS = ("employees",)


def by_attribute(attributes: Iterable[str]) -> tuple[Feature, ...]:
    """Return the features of the customers' attributes that the company says never change."""
    return tuple(
        Feature(
            f"attribute_{name}", "fit", "count" if column in NUMBERS_OF_CUSTOMERS else "category",
            Words(f"The customer's {column}.", f"客户属性：{column}。"), None,
        )
        for column, name in slugs(attributes).items()
    )  # fmt: skip
