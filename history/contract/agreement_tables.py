"""The tables of what was agreed with a customer and how it is used."""

from rapport.history.contract.columns import (
    CUSTOMER_ID,
    amount_column,
    id_column,
    key_text_column,
    number_column,
    text_column,
    time_column,
)
from rapport.history.contract.schema import Column, Table
from rapport.localized import LocalizedText

PAYMENTS_A_YEAR = {"year": 1, "half_year": 2, "quarter": 4, "month": 12, "week": 52}
"""How often a year the amount of a contract is paid, by its ``amount_period``."""

AMOUNT_PERIODS = ("term", *PAYMENTS_A_YEAR)

CONTRACTS = Table(
    "contracts",
    LocalizedText("Contracts", "合同"),
    (
        id_column("contract_id", "contract", "合同编号"),
        CUSTOMER_ID,
        time_column("started_at", "when it starts", "开始日期", required=True),
        Column(
            "ends_at",
            "time",
            LocalizedText("when it ends; empty while it runs on", "结束日期（无固定期限为空）"),
            planned=True,
        ),
        time_column("renewed_at", "when it was renewed", "续约时间", later=True),
        time_column("cancelled_at", "when it was cancelled or ended early", "终止时间", later=True),
        amount_column("amount", "合同金额"),
        text_column(
            "amount_period",
            "what the amount pays for: the whole term, or each year, half-year, quarter, month or week of it; empty: "
            "the term",
            "金额对应的期间：整个合同期（term），或每年、每半年、每季度、每月、每周；为空按整个合同期",
            *AMOUNT_PERIODS,
        ),
    ),
    time="started_at",
    key="contract_id",
)

CREDIT = Table(
    "credit",
    LocalizedText("Credit limit and use", "信用额度"),
    (
        CUSTOMER_ID,
        Column("recorded_at", "time", LocalizedText("when it was recorded", "记录时间"), required=True),
        Column("credit_limit", "number", LocalizedText("credit limit", "信用额度"), unit="money"),
        Column("credit_used", "number", LocalizedText("credit used", "已用额度"), unit="money"),
    ),
    time="recorded_at",
)

USAGE = Table(
    "usage",
    LocalizedText("Product usage", "产品使用"),
    (
        CUSTOMER_ID,
        time_column("occurred_at", "when it was used", "使用时间", required=True),
        text_column("feature", "what was used, such as login", "功能（如登录）"),
        number_column("quantity", "count", "how often or how much", "用量"),
        id_column("user_id", "who used it", "用户编号", required=False),
    ),
    time="occurred_at",
)

CHANGES = Table(
    "changes",
    LocalizedText("Histories of change", "变更记录"),
    (
        key_text_column("table", "the contract table whose row changed", "所改的表"),
        id_column("record_id", "the key of that row", "所改的记录编号"),
        time_column("changed_at", "when it changed", "变更时间", required=True),
        key_text_column("column", "the contract column that changed", "所改的列"),
        text_column("value", "the value from then on; empty for none", "此后的取值（空为无）"),
        text_column("former_value", "the value until then; empty for none", "此前的取值（空为无）"),
    ),
    time="changed_at",
    is_reference=True,
)
