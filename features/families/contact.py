"""Engagement, relationship and sentiment: how we and the customer talk, and with whom."""

from __future__ import annotations

from rapport.features.feature import Feature
from rapport.features.measures import Events
from rapport.history.contract import Words

TALKS, CHAIN, PEOPLE = Events("interactions"), Events("chain"), Events("contacts")
_REAL = "deep"

ENGAGEMENT = (
    Feature(
        "days_since_last_interaction", "engagement", "days",
        Words("Days since the last interaction.", "距上次互动的天数。"), TALKS.days_since_last(), direction=1, actionable=True,
    ),
    Feature(
        "days_since_last_inbound", "engagement", "days",
        Words("Days since the customer last contacted us.", "距客户上次主动联系的天数。"),
        TALKS.days_since_last(where="inbound"), direction=1, buying=-1,
    ),
    Feature(
        "days_since_last_meeting", "engagement", "days",
        Words("Days since the last meeting or visit.", "距上次会面或拜访的天数。"),
        TALKS.days_since_last(where="meeting"), direction=1, actionable=True,
    ),
    *(
        Feature(
            f"interactions_count_{days}d", "engagement", "count",
            Words(f"Interactions in the last {days} days.", f"近 {days} 天的互动次数。"), TALKS.count(days), 0,
        )
        for days in (30, 90, 365)
    ),
    *(
        Feature(
            f"inbound_count_{days}d", "engagement", "count",
            Words(f"Contacts that the customer began in the last {days} days.", f"近 {days} 天客户主动联系的次数。"),
            TALKS.count(days, where="inbound"), 0, direction=-1, buying=1,
        )
        for days in (90, 365)
    ),
    Feature(
        "outbound_count_90d", "engagement", "count",
        Words("Contacts that we began in the last 90 days.", "近 90 天我方主动联系的次数。"),
        TALKS.count(90, where="outbound"), 0, actionable=True, outbound=True,
    ),
    *(
        Feature(
            f"meetings_count_{days}d", "engagement", "count",
            Words(f"Meetings and visits in the last {days} days.", f"近 {days} 天的会面与拜访次数。"),
            TALKS.count(days, where="meeting"), 0, direction=-1, actionable=True,
        )
        for days in (90, 180, 365)
    ),
    *(
        Feature(
            f"{name}_count_90d", "engagement", "count",
            Words(f"{en} in the last 90 days.", f"近 90 天的{zh}次数。"), TALKS.count(90, where=f"channel={name}"), 0,
        )
        for name, en, zh in (("call", "Calls", "电话"), ("email", "E-mails", "邮件"), ("chat", "Chats", "即时通讯"))
    ),
    Feature(
        "visits_count_180d", "engagement", "count",
        Words("Visits in the last 180 days.", "近 180 天的拜访次数。"),
        TALKS.count(180, where="channel=visit"), 0, direction=-1, actionable=True,
    ),
    Feature(
        "deep_share_180d", "engagement", "share",
        Words("Share of meetings, visits and calls in the interactions of 180 days.", "近 180 天深度互动（会面、拜访、电话）占比。"),
        TALKS.share(_REAL, 180),
    ),
    Feature(
        "inbound_share_180d", "engagement", "share",
        Words("Share of the interactions of 180 days that the customer began.", "近 180 天互动中由客户发起的比例。"),
        TALKS.share("inbound", 180),
    ),
    Feature(
        "interactions_ratio_90d_to_previous", "engagement", "ratio",
        Words("Interactions of the last 90 days against the 90 days before.", "近 90 天互动次数与前 90 天之比。"),
        TALKS.ratio(90, 90), direction=-1,
    ),
    Feature(
        "interactions_ratio_90d_to_year", "engagement", "ratio",
        Words("Interactions of the last 90 days against the usual 90 days of the year before.", "近 90 天互动次数与此前一年均值之比。"),
        TALKS.ratio(90, 365), direction=-1,
    ),
    Feature(
        "meetings_ratio_180d_to_previous", "engagement", "ratio",
        Words("Meetings of the last 180 days against the 180 days before.", "近 180 天会面次数与前 180 天之比。"),
        TALKS.ratio(180, 180, where="meeting"), direction=-1,
    ),
    Feature(
        "inbound_ratio_90d_to_year", "engagement", "ratio",
        Words("Customer's own contacts of the last 90 days against the usual 90 days of the year before.", "近 90 天客户主动联系次数与此前一年均值之比。"),
        TALKS.ratio(90, 365, where="inbound"), direction=-1,
    ),
    Feature(
        "response_hours_mean_180d", "engagement", "hours",
        Words("Mean hours until an answer in the last 180 days.", "近 180 天的平均响应小时数。"), TALKS.mean("response", 180),
    ),
    Feature(
        "response_hours_mean_ever", "engagement", "hours",
        Words("Mean hours until an answer so far.", "历史平均响应小时数。"), TALKS.mean("response"),
    ),
    Feature(
        "silence_to_usual", "engagement", "ratio",
        Words("Days since the last interaction against the usual days between them.", "距上次互动天数与平均互动间隔之比。"),
        TALKS.days_since_last() / TALKS.mean("gap"), direction=1,
    ),
    Feature(
        "interaction_gap_mean", "engagement", "days",
        Words("Usual days between interactions.", "平均互动间隔天数。"), TALKS.mean("gap"),
    ),
)  # fmt: skip

RELATIONSHIP = (
    *(
        Feature(
            f"contacts_active_count_{days}d", "relationship", "count",
            Words(f"People talked to in the last {days} days.", f"近 {days} 天有互动的联系人数。"),
            Events(f"contacts_{days}d").sum("change"), 0, direction=-1, actionable=True,
        )
        for days in (90, 180, 365)
    ),
    Feature(
        "contacts_lost_count_180d", "relationship", "count",
        Words("People talked to within a year, but not in the last 180 days.", "一年内有互动但近 180 天无互动的联系人数。"),
        Events("contacts_365d").sum("change") - Events("contacts_180d").sum("change"), 0, direction=1, actionable=True,
    ),
    Feature(
        "contacts_count_ever", "relationship", "count",
        Words("People known at the customer.", "已知联系人数。"), PEOPLE.count(), 0,
    ),
    Feature(
        "deciders_count_ever", "relationship", "count",
        Words("Decision makers known at the customer.", "已知决策人数。"), PEOPLE.count(where="decider"), 0, actionable=True,
    ),
    Feature(
        "contacts_new_count_180d", "relationship", "count",
        Words("People that became known in the last 180 days.", "近 180 天新增联系人数。"), PEOPLE.count(180), 0,
    ),
    Feature(
        "decision_maker_days_ago", "relationship", "days",
        Words("Days since we last talked to a decision maker.", "距上次与决策人互动的天数。"),
        CHAIN.days_since_last(where="decider"), direction=1, actionable=True,
    ),
    Feature(
        "decision_maker_count_180d", "relationship", "count",
        Words("Talks with a decision maker in the last 180 days.", "近 180 天与决策人的互动次数。"),
        CHAIN.count(180, where="decider"), 0, direction=-1, actionable=True,
    ),
    Feature(
        "decision_maker_count_180d_to_previous", "relationship", "ratio",
        Words("Talks with a decision maker in 180 days against the 180 days before.", "近 180 天与决策人互动次数与前 180 天之比。"),
        CHAIN.ratio(180, 180, where="decider"), direction=-1,
    ),
    Feature(
        "influencer_count_180d", "relationship", "count",
        Words("Talks with an influencer in the last 180 days.", "近 180 天与影响者的互动次数。"),
        CHAIN.count(180, where="influencer"), 0, actionable=True,
    ),
    Feature(
        "finance_count_180d", "relationship", "count",
        Words("Talks with the finance side in the last 180 days.", "近 180 天与财务人员的互动次数。"),
        CHAIN.count(180, where="finance"), 0,
    ),
    Feature(
        "decision_maker_share_365d", "relationship", "share",
        Words("Share of decision makers in the talks of 365 days.", "近 365 天互动中决策人的占比。"), CHAIN.share("decider", 365),
    ),
)  # fmt: skip

SENTIMENT = (
    Feature(
        "sentiment_mean_180d", "sentiment", "score",
        Words("Mean sentiment of the last 180 days, -1 to 1.", "近 180 天的平均情绪（-1 到 1）。"),
        TALKS.mean("sentiment", 180), direction=-1,
    ),
    Feature(
        "sentiment_latest", "sentiment", "score",
        Words("Sentiment of the last interaction that has one.", "最近一次互动的情绪。"), TALKS.latest("sentiment"), direction=-1,
    ),
    Feature(
        "sentiment_change_90d", "sentiment", "score",
        Words("Mean sentiment of the last 90 days less that of all the past.", "近 90 天平均情绪与历史平均之差。"),
        TALKS.mean("sentiment", 90) - TALKS.mean("sentiment"), direction=-1,
    ),
    Feature(
        "negative_count_90d", "sentiment", "count",
        Words("Interactions with a bad feeling in the last 90 days.", "近 90 天负面情绪的互动次数。"),
        TALKS.count(90, where="negative"), 0, direction=1,
    ),
)  # fmt: skip
