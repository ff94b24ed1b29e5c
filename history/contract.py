"""The table contract: every table and column that a history may hold, declared once.

Reading, checking, the invented company, the mapping proposal and ``docs/contract.md`` are all made from
these values.
"""

from rapport.history.tables import RECORDED_AT, SQL_TYPES, Column, Kind, Table, Words, columns_of

__all__ = [
    "C139",
    "CUSTOMERS",
    "RECORDED_AT",
    "SQL_TYPES",
    "TABLES",
    "Column",
    "Table",
    "Words",
    "by_name",
    "columns_of",
]


def _id(name: str, en: str, zh: str, *, required: bool = True) -> Column:
    return Column(name, "id", Words(en, zh), required=required)


def _time(name: str, en: str, zh: str, *, required: bool = False, later: bool = False) -> Column:
    return Column(name, "time", Words(en, zh), required=required, later=name if later else None)


def _amount(en: str, zh: str, *, required: bool = False) -> Column:
    return Column("amount", "number", Words(en, zh), required=required, unit="money")


def _text(name: str, en: str, zh: str, *examples: str) -> Column:
    return Column(name, "text", Words(en, zh), examples=examples)


def _state(name: str, kind: Kind, en: str, zh: str, *examples: str) -> Column:
    # A state that is overwritten as it moves: only the time of writing says what was known when.
    return Column(name, kind, Words(en, zh), later="recorded_at", examples=examples)


_CUSTOMER = _id("customer_id", "customer", "客户编号")

CUSTOMERS = Table(
    "customers",
    Words("Customers and leads", "客户与线索"),
    (
        _CUSTOMER,
        _time("created_at", "when the customer or lead became known", "创建时间"),
        _text("name", "name", "客户名称"),
        _text("region", "region", "地区"),
        _text("industry", "industry", "行业"),
        Column("employees", "number", Words("employees", "员工人数"), unit="count", low=0),
        _text("source", "where the customer came from", "来源"),
        _id("parent_id", "the customer this one belongs to", "上级客户编号", required=False),
        _text("owner", "who looks after the customer", "负责人"),
    ),
    time="created_at",
    key="customer_id",
)

CONTACTS = Table(
    "contacts",
    Words("People at the customer", "联系人"),
    (
        _id("contact_id", "contact", "联系人编号"),
        _CUSTOMER,
        _text("name", "name", "联系人姓名"),
        _text("role", "role in the decision", "角色", "decision_maker", "influencer", "user", "finance", "other"),
        _text("level", "level in the company", "职级"),
        _time("created_at", "when the contact became known", "创建时间"),
    ),
    time="created_at",
    key="contact_id",
)

ORDERS = Table(
    "orders",
    Words("Order lines", "订单"),
    (
        _CUSTOMER,
        _id("order_id", "order; several lines may share it", "订单编号"),
        _time("ordered_at", "when it was ordered", "下单时间", required=True),
        _amount("amount of the line; 0 or less is a return", "金额（小于等于0为退货）", required=True),
        _text("product", "product", "产品"),
        Column("quantity", "number", Words("quantity", "数量"), unit="count"),
    ),
    time="ordered_at",
)

INTERACTIONS = Table(
    "interactions",
    Words("Meetings, visits, calls and messages", "客户互动"),
    (
        _CUSTOMER,
        _time("occurred_at", "when it took place", "发生时间", required=True),
        _text("channel", "channel", "互动方式", "meeting", "visit", "call", "email", "chat"),
        _text("direction", "who started it", "发起方", "inbound", "outbound"),
        _id("contact_id", "with whom", "联系人编号", required=False),
        Column(
            "response_hours",
            "number",
            Words("hours the customer waited for it", "响应时长"),
            unit="hours",
            low=0,
        ),
        Column("sentiment", "number", Words("mood, −1 bad to 1 good", "情感得分"), unit="score", low=-1, high=1),
        _text("text", "what was said", "内容"),
    ),
    time="occurred_at",
)

TOUCHES = Table(
    "touches",
    Words("Marketing and website touches", "营销触点"),
    (
        _CUSTOMER,
        _time("occurred_at", "when it took place", "发生时间", required=True),
        _text("action", "action", "行为", "view", "download", "webinar", "form", "click", "cart", "login"),
        _text("channel", "channel", "渠道"),
        _text("campaign", "campaign", "活动"),
        _text("asset", "page, paper or webinar", "内容资产"),
    ),
    time="occurred_at",
)

# The C139 checks of a key deal: 1 coverage and value won, 3 key people, 9 elements of the contest.
C139 = (
    _state("c139_coverage", "flag", "C139: all key people are covered", "C139：关键人全覆盖"),
    _state("c139_value", "flag", "C139: our value is agreed", "C139：价值已获认可"),
    _state("c139_decider", "flag", "C139: the final decider supports us", "C139：最终决策者支持"),
    _state("c139_evaluator", "flag", "C139: the evaluator supports us", "C139：评估者支持"),
    _state("c139_coach", "flag", "C139: we have a coach inside", "C139：有内部教练"),
    _state("c139_need", "flag", "C139: the need is clear", "C139：需求清楚"),
    _state("c139_budget", "flag", "C139: the budget is clear", "C139：预算清楚"),
    _state("c139_timing", "flag", "C139: the timetable is clear", "C139：时间表清楚"),
    _state(
        "c139_criteria",
        "flag",
        "C139: the decision process and criteria are clear",
        "C139：决策流程与标准清楚",
    ),
    _state("c139_solution", "flag", "C139: our solution fits", "C139：方案匹配"),
    _state("c139_rival", "flag", "C139: the rivals are known", "C139：竞争对手清楚"),
    _state("c139_price", "flag", "C139: the price is accepted", "C139：价格可接受"),
    _state("c139_risk", "flag", "C139: the risks are known", "C139：风险清楚"),
    _state("c139_contract", "flag", "C139: the contract terms are agreed", "C139：合同条款一致"),
)

OPPORTUNITIES = Table(
    "opportunities",
    Words("Sales opportunities", "商机"),
    (
        _id("opportunity_id", "opportunity", "商机编号"),
        _CUSTOMER,
        _time("opened_at", "when it was opened", "创建时间", required=True),
        _time("closed_at", "when it was won or lost", "关闭时间", later=True),
        Column("won", "flag", Words("was it won", "是否赢单"), later="closed_at"),
        _amount("expected amount", "预计金额"),
        _state("stage", "text", "stage", "阶段", "qualify", "propose", "negotiate"),
        _state("competitor", "text", "competitor", "竞争对手"),
        *C139,
    ),
    time="opened_at",
    key="opportunity_id",
)

TICKETS = Table(
    "tickets",
    Words("Service tickets and complaints", "服务工单"),
    (
        _id("ticket_id", "ticket", "工单编号"),
        _CUSTOMER,
        _time("opened_at", "when it was opened", "创建时间", required=True),
        _time("responded_at", "when it was first answered", "首次响应时间", later=True),
        _time("resolved_at", "when it was resolved", "解决时间", later=True),
        _text("kind", "kind", "工单类型", "complaint", "support"),
        Column("severity", "number", Words("severity, 1 low and more is worse", "严重程度"), unit="score"),
        Column(
            "satisfaction",
            "number",
            Words("satisfaction with the answer", "满意度"),
            unit="score",
            later="resolved_at",
        ),
    ),
    time="opened_at",
    key="ticket_id",
)

SURVEYS = Table(
    "surveys",
    Words("Survey answers", "满意度调查"),
    (
        _CUSTOMER,
        _time("answered_at", "when it was answered; when asked, if it was not", "回答时间", required=True),
        _text("kind", "kind", "调查类型", "nps", "csat", "referral"),
        Column("score", "number", Words("score; empty when not answered", "得分"), unit="score"),
    ),
    time="answered_at",
)

INVOICES = Table(
    "invoices",
    Words("Invoices and payments", "发票与回款"),
    (
        _id("invoice_id", "invoice", "发票编号"),
        _CUSTOMER,
        _time("issued_at", "when it was issued", "开票日期", required=True),
        Column("due_at", "time", Words("when it is due", "到期日"), required=True, planned=True),
        _time("paid_at", "when it was paid", "付款日期", later=True),
        _amount("amount", "发票金额", required=True),
    ),
    time="issued_at",
    key="invoice_id",
)

RISK_EVENTS = Table(
    "risk_events",
    Words("Law suits and other risk news", "风险事件"),
    (
        _CUSTOMER,
        _time("occurred_at", "when it took place", "发生时间", required=True),
        _text("category", "category", "风险类别", "judicial", "operational", "financial", "industry"),
        _text("kind", "kind", "事件类型"),
        _text("role", "the customer's part in it", "当事人角色", "plaintiff", "defendant"),
        _amount("amount in dispute", "涉案金额"),
    ),
    time="occurred_at",
)

CONTRACTS = Table(
    "contracts",
    Words("Contracts", "合同"),
    (
        _id("contract_id", "contract", "合同编号"),
        _CUSTOMER,
        _time("started_at", "when it starts", "开始日期", required=True),
        Column("ends_at", "time", Words("when it ends", "结束日期"), required=True, planned=True),
        _time("renewed_at", "when it was renewed", "续约时间", later=True),
        _amount("amount", "合同金额"),
    ),
    time="started_at",
    key="contract_id",
)

CREDIT = Table(
    "credit",
    Words("Credit limit and use", "信用额度"),
    (
        _CUSTOMER,
        Column("recorded_at", "time", Words("when it was read off", "记录时间"), required=True),
        Column("credit_limit", "number", Words("credit limit", "信用额度"), unit="money"),
        Column("credit_used", "number", Words("credit used", "已用额度"), unit="money"),
    ),
    time="recorded_at",
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
)


def by_name(name: str) -> Table:
    """Return the table of that name; KeyError if the contract has none."""
    return next((table for table in TABLES if table.name == name), None) or _no_table(name)


def _no_table(name: str) -> Table:
    raise KeyError(f"{name}: no such table; the contract has {', '.join(table.name for table in TABLES)}.")
