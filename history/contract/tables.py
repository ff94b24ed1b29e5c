"""The table contract: every table and column that a history may hold, declared once.

Reading, checks, the simulator, the mapping proposal and ``docs/contract.md`` derive from these values.
"""

from rapport.history.contract.agreement_tables import CHANGES, CONTRACTS, CREDIT, USAGE
from rapport.history.contract.columns import CUSTOMER_ID, id_column, text_column, time_column
from rapport.history.contract.event_tables import (
    CONTACTS,
    INTERACTIONS,
    INVOICES,
    OPPORTUNITIES,
    ORDERS,
    RISK_EVENTS,
    SURVEYS,
    TICKETS,
    TOUCHES,
)
from rapport.history.contract.reference_tables import CAMPAIGNS, INDUSTRIES, INTERVENTIONS, MERGES, RATES
from rapport.history.contract.schema import Column, Table
from rapport.localized import LocalizedText

CUSTOMERS = Table(
    "customers",
    LocalizedText("Customers and leads", "客户与线索"),
    (
        CUSTOMER_ID,
        time_column("created_at", "when the customer or lead became known", "创建时间"),
        text_column("name", "name", "客户名称"),
        text_column("region", "region", "地区"),
        text_column("industry", "industry", "行业"),
        Column("employees", "number", LocalizedText("employees", "员工人数"), unit="count", low=0),
        text_column("source", "where the customer came from", "来源"),
        id_column("parent_id", "the customer this one belongs to", "上级客户编号", required=False),
        id_column("referred_by", "the customer who referred this one", "推荐客户编号", required=False),
        text_column("owner", "account owner", "负责人"),
        Column(
            "automated_decisions",
            "flag",
            LocalizedText("may be scored; no means that it never is", "是否允许自动评分（否则不评分）"),
        ),
        Column("do_not_contact", "flag", LocalizedText("must not be contacted", "请勿联系")),
    ),
    time="created_at",
    key="customer_id",
)

TABLES: tuple[Table, ...] = (
    CUSTOMERS,
    CONTACTS,
    ORDERS,
    INTERACTIONS,
    TOUCHES,
    OPPORTUNITIES,
    TICKETS,
    SURVEYS,
    INVOICES,
    RISK_EVENTS,
    CONTRACTS,
    CREDIT,
    USAGE,
    CHANGES,
    CAMPAIGNS,
    INDUSTRIES,
    INTERVENTIONS,
    MERGES,
    RATES,
)

FEATURE_TABLES: tuple[Table, ...] = tuple(table for table in TABLES if not table.is_reference)
"""The tables whose rows are facts of one customer, which features read."""


def by_name(name: str) -> Table:
    """Return the table of that name; KeyError if the contract has none."""
    return next((table for table in TABLES if table.name == name), None) or _no_table(name)


def _no_table(name: str) -> Table:
    raise KeyError(f"{name}: no such table; the contract has {', '.join(table.name for table in TABLES)}.")
