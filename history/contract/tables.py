"""The table contract: every table and column that a history may hold, declared once.

Reading, checks, the simulator, the mapping proposal and ``docs/contract.md`` derive from these values.
"""

from rapport.history.contract.schema import Column, Kind, Table
from rapport.localized import LocalizedText


def _id(name: str, en: str, zh: str, *, required: bool = True) -> Column:
    return Column(name, "id", LocalizedText(en, zh), required=required)


def _time(name: str, en: str, zh: str, *, required: bool = False, later: bool = False) -> Column:
    return Column(name, "time", LocalizedText(en, zh), required=required, later=name if later else None)


def _amount(en: str, zh: str, *, required: bool = False) -> Column:
    return Column("amount", "number", LocalizedText(en, zh), required=required, unit="money")


def _number(name: str, unit: str, en: str, zh: str, *, required: bool = False) -> Column:
    return Column(name, "number", LocalizedText(en, zh), required=required, unit=unit)


def _key_text(name: str, en: str, zh: str) -> Column:
    return Column(name, "text", LocalizedText(en, zh), required=True)


def _text(name: str, en: str, zh: str, *examples: str) -> Column:
    return Column(name, "text", LocalizedText(en, zh), examples=examples)


def _state(name: str, kind: Kind, en: str, zh: str, *examples: str) -> Column:
    # A state is overwritten when it changes: only the recording time tells which value was known at a cutoff.
    return Column(name, kind, LocalizedText(en, zh), later="recorded_at", examples=examples)


_CUSTOMER = _id("customer_id", "customer", "客户编号")

CUSTOMERS = Table(
    "customers",
    LocalizedText("Customers and leads", "客户与线索"),
    (
        _CUSTOMER,
        _time("created_at", "when the customer or lead became known", "创建时间"),
        _text("name", "name", "客户名称"),
        _text("region", "region", "地区"),
        _text("industry", "industry", "行业"),
        Column("employees", "number", LocalizedText("employees", "员工人数"), unit="count", low=0),
        _text("source", "where the customer came from", "来源"),
        _id("parent_id", "the customer this one belongs to", "上级客户编号", required=False),
        _id("referred_by", "the customer who referred this one", "推荐客户编号", required=False),
        _text("owner", "account owner", "负责人"),
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

CONTACTS = Table(
    "contacts",
    LocalizedText("People at the customer", "联系人"),
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
    LocalizedText("Order lines", "订单"),
    (
        _CUSTOMER,
        _id("order_id", "order; several lines may share it", "订单编号"),
        _time("ordered_at", "when it was ordered", "下单时间", required=True),
        _amount("amount of the line; 0 or less is a return", "金额（小于等于0为退货）", required=True),
        _text("product", "product", "产品"),
        Column("quantity", "number", LocalizedText("quantity", "数量"), unit="count"),
    ),
    time="ordered_at",
)

INTERACTIONS = Table(
    "interactions",
    LocalizedText("Meetings, visits, calls and messages", "客户互动"),
    (
        _CUSTOMER,
        _time("occurred_at", "when it took place", "发生时间", required=True),
        _text("channel", "channel", "互动方式", "meeting", "visit", "call", "email", "chat"),
        _text("direction", "who started it", "发起方", "inbound", "outbound"),
        _id("contact_id", "with whom", "联系人编号", required=False),
        Column(
            "response_hours",
            "number",
            LocalizedText("hours the customer waited for it", "响应时长"),
            unit="hours",
            low=0,
        ),
        Column(
            "sentiment",
            "number",
            LocalizedText("sentiment from −1 to 1", "情感得分"),
            unit="score",
            low=-1,
            high=1,
        ),
        _text("text", "text of the conversation or message", "内容"),
    ),
    time="occurred_at",
)

TOUCHES = Table(
    "touches",
    LocalizedText("Marketing engagements", "营销互动"),
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
    _state("c139_decider", "flag", "C139: the final decider supports us", "C139：最终决策人支持"),
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
    LocalizedText("Sales opportunities", "商机"),
    (
        _id("opportunity_id", "opportunity", "商机编号"),
        _CUSTOMER,
        _time("opened_at", "when it was opened", "创建时间", required=True),
        _time("closed_at", "when it was won or lost", "关闭时间", later=True),
        Column("won", "flag", LocalizedText("was it won", "是否赢单"), later="closed_at"),
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
    LocalizedText("Service tickets and complaints", "服务工单"),
    (
        _id("ticket_id", "ticket", "工单编号"),
        _CUSTOMER,
        _time("opened_at", "when it was opened", "创建时间", required=True),
        _time("responded_at", "when it was first answered", "首次响应时间", later=True),
        _time("resolved_at", "when it was resolved", "解决时间", later=True),
        _text("kind", "kind", "工单类型", "complaint", "support"),
        Column("severity", "number", LocalizedText("severity, 1 low and more is worse", "严重程度"), unit="score"),
        Column(
            "satisfaction",
            "number",
            LocalizedText("satisfaction with the answer", "满意度"),
            unit="score",
            later="resolved_at",
        ),
    ),
    time="opened_at",
    key="ticket_id",
)

SURVEYS = Table(
    "surveys",
    LocalizedText("Survey answers", "满意度调查"),
    (
        _CUSTOMER,
        _time("answered_at", "when it was answered; when asked, if it was not", "回答时间", required=True),
        _text("kind", "kind", "调查类型", "nps", "csat", "referral"),
        Column("score", "number", LocalizedText("score; empty when not answered", "得分"), unit="score"),
    ),
    time="answered_at",
)

INVOICES = Table(
    "invoices",
    LocalizedText("Invoices and payments", "发票与回款"),
    (
        _id("invoice_id", "invoice", "发票编号"),
        _CUSTOMER,
        _time("issued_at", "when it was issued", "开票日期", required=True),
        Column("due_at", "time", LocalizedText("when it is due", "到期日"), required=True, planned=True),
        _time("paid_at", "when it was paid", "付款日期", later=True),
        _amount("amount", "发票金额", required=True),
    ),
    time="issued_at",
    key="invoice_id",
)

RISK_EVENTS = Table(
    "risk_events",
    LocalizedText("Law suits and other risk news", "风险事件"),
    (
        _CUSTOMER,
        _time("occurred_at", "when it took place", "发生时间", required=True),
        _text("category", "category", "风险类别", "judicial", "operational", "financial", "industry"),
        _text("kind", "kind", "事件类型"),
        _text("role", "role of the customer", "当事人角色", "plaintiff", "defendant"),
        _amount("amount in dispute", "涉案金额"),
    ),
    time="occurred_at",
)

CONTRACTS = Table(
    "contracts",
    LocalizedText("Contracts", "合同"),
    (
        _id("contract_id", "contract", "合同编号"),
        _CUSTOMER,
        _time("started_at", "when it starts", "开始日期", required=True),
        Column(
            "ends_at",
            "time",
            LocalizedText("when it ends; empty while it runs on", "结束日期（无固定期限为空）"),
            planned=True,
        ),
        _time("renewed_at", "when it was renewed", "续约时间", later=True),
        _time("cancelled_at", "when it was cancelled or ended early", "终止时间", later=True),
        _amount("amount", "合同金额"),
    ),
    time="started_at",
    key="contract_id",
)

CREDIT = Table(
    "credit",
    LocalizedText("Credit limit and use", "信用额度"),
    (
        _CUSTOMER,
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
        _CUSTOMER,
        _time("occurred_at", "when it was used", "使用时间", required=True),
        _text("feature", "what was used, such as login", "功能（如登录）"),
        _number("quantity", "count", "how often or how much", "用量"),
        _id("user_id", "who used it", "用户编号", required=False),
    ),
    time="occurred_at",
)

CHANGES = Table(
    "changes",
    LocalizedText("Histories of change", "变更记录"),
    (
        _key_text("table", "the contract table whose row changed", "所改的表"),
        _id("record_id", "the key of that row", "所改的记录编号"),
        _time("changed_at", "when it changed", "变更时间", required=True),
        _key_text("column", "the contract column that changed", "所改的列"),
        _text("value", "the value from then on; empty for none", "此后的取值（空为无）"),
        _text("former_value", "the value until then; empty for none", "此前的取值（空为无）"),
    ),
    time="changed_at",
    is_reference=True,
)

CAMPAIGNS = Table(
    "campaigns",
    LocalizedText("Marketing campaigns", "营销活动清单"),
    (
        _key_text("campaign", "campaign, as touches name it", "活动"),
        _time("started_at", "when it starts", "开始时间"),
        _number("cost", "money", "cost", "费用"),
        _text("channel", "channel", "渠道"),
    ),
    time="started_at",
    is_reference=True,
)

INDUSTRIES = Table(
    "industries",
    LocalizedText("Industry outlook", "行业景气"),
    (
        _key_text("industry", "industry, as customers name it", "行业"),
        _time("as_of", "from when on it holds", "适用时间", required=True),
        _number("growth", "share", "growth a year, 0.05 for 5 %", "年增长率（0.05 即 5 %）"),
    ),
    time="as_of",
    is_reference=True,
)

INTERVENTIONS = Table(
    "interventions",
    LocalizedText("What was done to keep or win a customer", "干预记录"),
    (
        _CUSTOMER,
        _time("at", "when it was done", "干预时间", required=True),
        _text("action", "action", "动作"),
        _text("outcome", "outcome", "结果"),
        Column("held_out", "flag", LocalizedText("was left alone on purpose, to compare", "是否为对照（有意不干预）")),
    ),
    time="at",
    is_reference=True,
)

RATES = Table(
    "rates",
    LocalizedText("Exchange rates", "汇率"),
    (
        _key_text("currency", "currency, as the tables write it", "币种"),
        _time("as_of", "from when on it holds", "适用时间", required=True),
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
    RATES,
)

FEATURE_TABLES: tuple[Table, ...] = tuple(table for table in TABLES if not table.is_reference)
"""The tables whose rows are facts of one customer, which features read."""


def by_name(name: str) -> Table:
    """Return the table of that name; KeyError if the contract has none."""
    return next((table for table in TABLES if table.name == name), None) or _no_table(name)


def _no_table(name: str) -> Table:
    raise KeyError(f"{name}: no such table; the contract has {', '.join(table.name for table in TABLES)}.")
