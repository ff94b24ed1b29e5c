"""Engagement, relationship and sentiment: features of interactions and contacts."""

from __future__ import annotations

from rapport.features.catalog.feature import Feature
from rapport.features.measures import Events, smaller
from rapport.localized import LocalizedText

INTERACTIONS, CONTACT_TALKS, CONTACTS = Events("interactions"), Events("chain"), Events("contacts")
SIGNALS = Events("signals")
_DEEP = "deep"

ENGAGEMENT = (
    Feature(
        "days_since_last_interaction", "engagement", "days",
        LocalizedText("Days since the last interaction.", "距上次互动的天数。"), INTERACTIONS.days_since_last(), direction=1, actionable=True,
    ),
    Feature(
        "days_since_last_inbound", "engagement", "days",
        LocalizedText("Days since the customer last contacted us.", "距客户上次主动联系的天数。"),
        INTERACTIONS.days_since_last(where="inbound"), direction=1, conversion_direction=-1,
    ),
    Feature(
        "days_since_last_meeting", "engagement", "days",
        LocalizedText("Days since the last meeting or visit.", "距上次会面或拜访的天数。"),
        INTERACTIONS.days_since_last(where="meeting"), direction=1, actionable=True,
    ),
    *(
        Feature(
            f"interactions_count_{days}d", "engagement", "count",
            LocalizedText(f"Interactions in the last {days} days.", f"近 {days} 天的互动次数。"), INTERACTIONS.count(days), 0,
        )
        for days in (30, 90, 365)
    ),
    *(
        Feature(
            f"inbound_count_{days}d", "engagement", "count",
            LocalizedText(f"Interactions started by the customer in the last {days} days.", f"近 {days} 天客户主动联系的次数。"),
            INTERACTIONS.count(days, where="inbound"), 0, direction=-1, conversion_direction=1,
        )
        for days in (90, 365)
    ),
    Feature(
        "outbound_count_90d", "engagement", "count",
        LocalizedText("Interactions that we started in the last 90 days.", "近 90 天我方主动联系的次数。"),
        INTERACTIONS.count(90, where="outbound"), 0, actionable=True, outbound=True,
    ),
    *(
        Feature(
            f"meetings_count_{days}d", "engagement", "count",
            LocalizedText(f"Meetings and visits in the last {days} days.", f"近 {days} 天的会面与拜访次数。"),
            INTERACTIONS.count(days, where="meeting"), 0, direction=-1, actionable=True,
        )
        for days in (90, 180, 365)
    ),
    *(
        Feature(
            f"{name}_count_90d", "engagement", "count",
            LocalizedText(f"{en} in the last 90 days.", f"近 90 天的{zh}次数。"), INTERACTIONS.count(90, where=f"channel={name}"), 0,
        )
        for name, en, zh in (("call", "Calls", "电话"), ("email", "E-mails", "邮件"), ("chat", "Chats", "即时通讯"))
    ),
    Feature(
        "visits_count_180d", "engagement", "count",
        LocalizedText("Visits in the last 180 days.", "近 180 天的拜访次数。"),
        INTERACTIONS.count(180, where="channel=visit"), 0, direction=-1, actionable=True,
    ),
    Feature(
        "deep_share_180d", "engagement", "share",
        LocalizedText("Share of meetings, visits and calls in the interactions of the last 180 days.", "近 180 天深度互动（会面、拜访、电话）占比。"),
        INTERACTIONS.share(_DEEP, 180),
    ),
    Feature(
        "inbound_share_180d", "engagement", "share",
        LocalizedText("Share of the interactions of the last 180 days started by the customer.", "近 180 天互动中由客户发起的比例。"),
        INTERACTIONS.share("inbound", 180),
    ),
    Feature(
        "interactions_ratio_90d_to_previous", "engagement", "ratio",
        LocalizedText("Interactions of the last 90 days relative to the 90 days before.", "近 90 天互动次数与前 90 天之比。"),
        INTERACTIONS.ratio(90, 90), direction=-1,
    ),
    Feature(
        "interactions_ratio_90d_to_year", "engagement", "ratio",
        LocalizedText("Interactions of the last 90 days relative to the mean 90 days of the year before.", "近 90 天互动次数与此前一年均值之比。"),
        INTERACTIONS.ratio(90, 365), direction=-1,
    ),
    Feature(
        "meetings_ratio_180d_to_previous", "engagement", "ratio",
        LocalizedText("Meetings of the last 180 days relative to the 180 days before.", "近 180 天会面次数与前 180 天之比。"),
        INTERACTIONS.ratio(180, 180, where="meeting"), direction=-1,
    ),
    Feature(
        "inbound_ratio_90d_to_year", "engagement", "ratio",
        LocalizedText("Interactions started by the customer in the last 90 days relative to the mean 90 days of the year before.", "近 90 天客户主动联系次数与此前一年均值之比。"),
        INTERACTIONS.ratio(90, 365, where="inbound"), direction=-1,
    ),
    Feature(
        "response_hours_mean_180d", "engagement", "hours",
        LocalizedText("Mean hours to response in the last 180 days.", "近 180 天的平均响应小时数。"), INTERACTIONS.mean("response", 180),
    ),
    Feature(
        "response_hours_mean_ever", "engagement", "hours",
        LocalizedText("Mean hours to response so far.", "历史平均响应小时数。"), INTERACTIONS.mean("response"),
    ),
    Feature(
        "silence_to_usual", "engagement", "ratio",
        LocalizedText("Days since the last interaction relative to the mean days between interactions.", "距上次互动天数与平均互动间隔之比。"),
        INTERACTIONS.days_since_last() / INTERACTIONS.mean("gap"), direction=1,
    ),
    Feature(
        "interaction_gap_mean", "engagement", "days",
        LocalizedText("Mean days between interactions.", "平均互动间隔天数。"), INTERACTIONS.mean("gap"),
    ),
)  # fmt: skip

RELATIONSHIP = (
    *(
        Feature(
            f"contacts_active_count_{days}d", "relationship", "count",
            LocalizedText(f"Contacts with an interaction in the last {days} days.", f"近 {days} 天有互动的联系人数。"),
            Events(f"contacts_{days}d").sum("change"), 0, direction=-1, actionable=True,
        )
        for days in (90, 180, 365)
    ),
    Feature(
        "contacts_lost_count_180d", "relationship", "count",
        LocalizedText("Contacts with an interaction within a year, but not in the last 180 days.", "一年内有互动但近 180 天无互动的联系人数。"),
        Events("contacts_365d").sum("change") - Events("contacts_180d").sum("change"), 0, direction=1, actionable=True,
    ),
    Feature(
        "contacts_count_ever", "relationship", "count",
        LocalizedText("Known contacts at the customer.", "已知联系人数。"), CONTACTS.count(), 0,
    ),
    Feature(
        "deciders_count_ever", "relationship", "count",
        LocalizedText("Known decision makers at the customer.", "已知决策人数。"), CONTACTS.count(where="decider"), 0, actionable=True,
    ),
    Feature(
        "contacts_new_count_180d", "relationship", "count",
        LocalizedText("New contacts in the last 180 days.", "近 180 天新增联系人数。"), CONTACTS.count(180), 0,
    ),
    Feature(
        "decision_maker_days_ago", "relationship", "days",
        LocalizedText("Days since the last interaction with a decision maker.", "距上次与决策人互动的天数。"),
        CONTACT_TALKS.days_since_last(where="decider"), direction=1, actionable=True,
    ),
    Feature(
        "decision_maker_count_180d", "relationship", "count",
        LocalizedText("Interactions with a decision maker in the last 180 days.", "近 180 天与决策人的互动次数。"),
        CONTACT_TALKS.count(180, where="decider"), 0, direction=-1, actionable=True,
    ),
    Feature(
        "senior_contact_180d", "relationship", "flag",
        LocalizedText("Has talked with a decision maker in the last 180 days (1) or not (0).", "近 180 天是否与决策人沟通（1 为是）。"),
        smaller(CONTACT_TALKS.count(180, where="decider"), 1), 0, direction=-1,
    ),
    Feature(
        "decision_maker_count_180d_to_previous", "relationship", "ratio",
        LocalizedText("Interactions with a decision maker in the last 180 days relative to the 180 days before.", "近 180 天与决策人互动次数与前 180 天之比。"),
        CONTACT_TALKS.ratio(180, 180, where="decider"), direction=-1,
    ),
    Feature(
        "influencer_count_180d", "relationship", "count",
        LocalizedText("Interactions with an influencer in the last 180 days.", "近 180 天与影响人的互动次数。"),
        CONTACT_TALKS.count(180, where="influencer"), 0, actionable=True,
    ),
    Feature(
        "finance_count_180d", "relationship", "count",
        LocalizedText("Interactions with finance contacts in the last 180 days.", "近 180 天与财务人员的互动次数。"),
        CONTACT_TALKS.count(180, where="finance"), 0,
    ),
    Feature(
        "decision_maker_share_365d", "relationship", "share",
        LocalizedText("Share of decision makers in the interactions of the last 365 days.", "近 365 天互动中决策人的占比。"), CONTACT_TALKS.share("decider", 365),
    ),
)  # fmt: skip

SENTIMENT = (
    Feature(
        "sentiment_mean_180d", "sentiment", "score",
        LocalizedText("Mean sentiment of the last 180 days, -1 to 1.", "近 180 天的平均情绪（-1 到 1）。"),
        INTERACTIONS.mean("sentiment", 180), direction=-1,
    ),
    Feature(
        "sentiment_latest", "sentiment", "score",
        LocalizedText("Sentiment of the last interaction that has one.", "最近一次互动的情绪。"), INTERACTIONS.latest("sentiment"), direction=-1,
    ),
    Feature(
        "sentiment_change_90d", "sentiment", "score",
        LocalizedText("Mean sentiment of the last 90 days minus the mean of all time.", "近 90 天平均情绪与历史平均之差。"),
        INTERACTIONS.mean("sentiment", 90) - INTERACTIONS.mean("sentiment"), direction=-1,
    ),
    Feature(
        "negative_count_90d", "sentiment", "count",
        LocalizedText("Interactions with negative sentiment in the last 90 days.", "近 90 天负面情绪的互动次数。"),
        INTERACTIONS.count(90, where="negative"), 0, direction=1,
    ),
    *(
        Feature(
            f"signals_{kind}_count_180d", "sentiment", "count",
            LocalizedText(f"Messages of the last 180 days {en}.", f"近 180 天{zh}的消息数。"),
            SIGNALS.count(180, where=kind), 0, direction=direction, conversion_direction=conversion,
        )
        for kind, en, zh, direction, conversion in (
            ("stop", "that speak of stopping", "提到停止合作", 1, -1),
            ("competitor", "that name a competitor or alternatives", "提到竞争对手或替代方案", 1, 0),
            ("price", "that are about price", "谈到价格", 0, 0),
            ("pain", "that report a problem", "反映问题", 1, 0),
            ("need", "that express a need", "表达需求", 0, 1),
            ("praise", "with praise", "表示好评", -1, 0),
        )
    ),
)  # fmt: skip
