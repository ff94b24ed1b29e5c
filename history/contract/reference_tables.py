"""The tables beside the customers' own events: campaigns, industries, interventions, exchange rates."""

from rapport.history.contract.columns import (
    CUSTOMER_ID,
    id_column,
    key_text_column,
    number_column,
    text_column,
    time_column,
)
from rapport.history.contract.schema import Column, Table
from rapport.localized import LocalizedText

CAMPAIGNS = Table(
    "campaigns",
    LocalizedText("Marketing campaigns", "营销活动清单"),
    (
        key_text_column("campaign", "campaign, as touches name it", "活动"),
        time_column("started_at", "when it starts", "开始时间"),
        number_column("cost", "money", "cost", "费用"),
        text_column("channel", "channel", "渠道"),
    ),
    time="started_at",
    is_reference=True,
)

INDUSTRIES = Table(
    "industries",
    LocalizedText("Industry outlook", "行业景气"),
    (
        key_text_column("industry", "industry, as customers name it", "行业"),
        time_column("as_of", "from when on it holds", "适用时间", required=True),
        number_column("growth", "share", "growth a year, 0.05 for 5 %", "年增长率（0.05 即 5 %）"),
    ),
    time="as_of",
    is_reference=True,
)

INTERVENTIONS = Table(
    "interventions",
    LocalizedText("What was done to keep or win a customer", "干预记录"),
    (
        CUSTOMER_ID,
        time_column("at", "when it was done", "干预时间", required=True),
        text_column("action", "action", "动作"),
        text_column("outcome", "outcome", "结果"),
        Column("held_out", "flag", LocalizedText("was left alone on purpose, to compare", "是否为对照（有意不干预）")),
    ),
    time="at",
    is_reference=True,
)

MERGES = Table(
    "merges",
    LocalizedText("Customers that were merged into others", "客户合并"),
    (
        id_column("customer_id", "customer that was merged into another and is gone", "被合并客户编号"),
        id_column("merged_into", "customer that both are since then", "合并后客户编号"),
        time_column("merged_at", "when they were merged", "合并时间", required=True),
    ),
    time="merged_at",
    key="customer_id",
    is_reference=True,
)

RATES = Table(
    "rates",
    LocalizedText("Exchange rates", "汇率"),
    (
        key_text_column("currency", "currency, as the tables write it", "币种"),
        time_column("as_of", "from when on it holds", "适用时间", required=True),
        Column(
            "rate",
            "number",
            LocalizedText("what one unit is worth in the company's currency", "一个单位折合本币金额"),
            required=True,
            low=0,
        ),
    ),
    time="as_of",
    is_reference=True,
)
