"""Features of a customer's relatives: its parent, siblings and children in the customer tree."""

from __future__ import annotations

from rapport.features.catalog.feature import Feature
from rapport.localized import LocalizedText

PARENT = "parent_id"
"""The fixed attribute that links a customer to its parent."""

RELATIVES = (
    Feature(
        "kin_customers_count", "relationship", "count",
        LocalizedText("Other known customers of the same group: parent, siblings and children.", "同一集团内其他已知客户数（上级、同级与下级）。"),
        None, 0, relatives="customers",
    ),
    Feature(
        "kin_active_count", "relationship", "count",
        LocalizedText("Active customers among the relatives.", "集团关联客户中的活跃客户数。"), None, 0, relatives="active",
    ),
    Feature(
        "kin_lapsed_count", "relationship", "count",
        LocalizedText("Lapsed customers among the relatives.", "集团关联客户中已流失的客户数。"), None, 0, relatives="lapsed",
    ),
    Feature(
        "kin_spend_sum_365d", "relationship", "money",
        LocalizedText("Spend of the relatives in the last 365 days.", "集团关联客户近 365 天的消费金额。"), None, 0, relatives="spend_sum_365d",
    ),
    Feature(
        "kin_days_since_last_order", "relationship", "days",
        LocalizedText("Days since the last order of any relative.", "集团关联客户距上次下单的最短天数。"), None, relatives="days_since_last_order",
    ),
    Feature(
        "kin_complaints_count_365d", "relationship", "count",
        LocalizedText("Complaints of the relatives in the last 365 days.", "集团关联客户近 365 天的投诉数。"), None, 0,
        relatives="complaints_count_365d",
    ),
    Feature(
        "parent_active", "relationship", "flag",
        LocalizedText("The parent is active (1) or has lapsed (0); null where it has never ordered or there is none.", "上级客户活跃为 1，已流失为 0，未下单或无上级为空。"),
        None, relatives="parent",
    ),
)  # fmt: skip
