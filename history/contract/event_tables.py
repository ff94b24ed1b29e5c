"""The tables of what happened with a customer: contacts, orders, interactions, deals, tickets, invoices."""

from rapport.history.contract.columns import (
    CUSTOMER_ID,
    amount_column,
    id_column,
    state_column,
    text_column,
    time_column,
)
from rapport.history.contract.schema import Column, Table
from rapport.localized import LocalizedText

CONTACTS = Table(
    "contacts",
    LocalizedText("People at the customer", "联系人"),
    (
        id_column("contact_id", "contact", "联系人编号"),
        CUSTOMER_ID,
        text_column("name", "name", "联系人姓名"),
        text_column("role", "role in the decision", "角色", "decision_maker", "influencer", "user", "finance", "other"),
        text_column("level", "level in the company", "职级"),
        time_column("created_at", "when the contact became known", "创建时间"),
    ),
    time="created_at",
    key="contact_id",
)

ORDERS = Table(
    "orders",
    LocalizedText("Order lines", "订单"),
    (
        CUSTOMER_ID,
        id_column("order_id", "order; several lines may share it", "订单编号"),
        time_column("ordered_at", "when it was ordered", "下单时间", required=True),
        amount_column("amount of the line; 0 or less is a return", "金额（小于等于 0 为退货）", required=True),
        text_column("product", "product", "产品"),
        Column("quantity", "number", LocalizedText("quantity", "数量"), unit="count"),
    ),
    time="ordered_at",
)

INTERACTIONS = Table(
    "interactions",
    LocalizedText("Meetings, visits, calls and messages", "客户互动"),
    (
        CUSTOMER_ID,
        time_column("occurred_at", "when it took place", "发生时间", required=True),
        text_column("channel", "channel", "互动方式", "meeting", "visit", "call", "email", "chat"),
        text_column("direction", "who started it", "发起方", "inbound", "outbound"),
        id_column("contact_id", "with whom", "联系人编号", required=False),
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
        text_column("text", "text of the conversation or message", "内容"),
    ),
    time="occurred_at",
)

TOUCHES = Table(
    "touches",
    LocalizedText("Marketing engagements", "营销互动"),
    (
        CUSTOMER_ID,
        time_column("occurred_at", "when it took place", "发生时间", required=True),
        text_column("action", "action", "行为", "view", "download", "webinar", "form", "click", "cart", "login"),
        text_column("channel", "channel", "渠道"),
        text_column("campaign", "campaign", "活动"),
        text_column("asset", "page, paper or webinar", "内容资产"),
    ),
    time="occurred_at",
)

# The C139 checks of a key deal: 1 coverage and value won, 3 key people, 9 elements of the contest.
C139 = (
    state_column("c139_coverage", "flag", "C139: all key people are covered", "C139：关键人全覆盖"),
    state_column("c139_value", "flag", "C139: our value is agreed", "C139：价值已获认可"),
    state_column("c139_decider", "flag", "C139: the final decider supports us", "C139：最终决策人支持"),
    state_column("c139_evaluator", "flag", "C139: the evaluator supports us", "C139：评估者支持"),
    state_column("c139_coach", "flag", "C139: we have a coach inside", "C139：有内部教练"),
    state_column("c139_need", "flag", "C139: the need is clear", "C139：需求清楚"),
    state_column("c139_budget", "flag", "C139: the budget is clear", "C139：预算清楚"),
    state_column("c139_timing", "flag", "C139: the timetable is clear", "C139：时间表清楚"),
    state_column(
        "c139_criteria",
        "flag",
        "C139: the decision process and criteria are clear",
        "C139：决策流程与标准清楚",
    ),
    state_column("c139_solution", "flag", "C139: our solution fits", "C139：方案匹配"),
    state_column("c139_rival", "flag", "C139: the rivals are known", "C139：竞争对手清楚"),
    state_column("c139_price", "flag", "C139: the price is accepted", "C139：价格可接受"),
    state_column("c139_risk", "flag", "C139: the risks are known", "C139：风险清楚"),
    state_column("c139_contract", "flag", "C139: the contract terms are agreed", "C139：合同条款一致"),
)

OPPORTUNITIES = Table(
    "opportunities",
    LocalizedText("Sales opportunities", "商机"),
    (
        id_column("opportunity_id", "opportunity", "商机编号"),
        CUSTOMER_ID,
        time_column("opened_at", "when it was opened", "创建时间", required=True),
        time_column("closed_at", "when it was won or lost", "关闭时间", later=True),
        Column("won", "flag", LocalizedText("was it won", "是否赢单"), later="closed_at"),
        amount_column("expected amount", "预计金额"),
        state_column("stage", "text", "stage", "阶段", "qualify", "propose", "negotiate"),
        state_column("competitor", "text", "competitor", "竞争对手"),
        *C139,
    ),
    time="opened_at",
    key="opportunity_id",
)

TICKETS = Table(
    "tickets",
    LocalizedText("Service tickets and complaints", "服务工单"),
    (
        id_column("ticket_id", "ticket", "工单编号"),
        CUSTOMER_ID,
        time_column("opened_at", "when it was opened", "创建时间", required=True),
        time_column("responded_at", "when it was first answered", "首次响应时间", later=True),
        time_column("resolved_at", "when it was resolved", "解决时间", later=True),
        text_column("kind", "kind", "工单类型", "complaint", "support"),
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
        CUSTOMER_ID,
        time_column("answered_at", "when it was answered; when asked, if it was not", "回答时间", required=True),
        text_column("kind", "kind", "调查类型", "nps", "csat", "referral"),
        Column("score", "number", LocalizedText("score; empty when not answered", "得分"), unit="score"),
    ),
    time="answered_at",
)

INVOICES = Table(
    "invoices",
    LocalizedText("Invoices and payments", "发票与回款"),
    (
        id_column("invoice_id", "invoice", "发票编号"),
        CUSTOMER_ID,
        time_column("issued_at", "when it was issued", "开票日期", required=True),
        Column("due_at", "time", LocalizedText("when it is due", "到期日"), required=True, planned=True),
        time_column("paid_at", "when it was paid", "付款日期", later=True),
        amount_column("amount", "发票金额", required=True),
    ),
    time="issued_at",
    key="invoice_id",
)

RISK_EVENTS = Table(
    "risk_events",
    LocalizedText("Law suits and other risk news", "风险事件"),
    (
        CUSTOMER_ID,
        time_column("occurred_at", "when it took place", "发生时间", required=True),
        text_column("category", "category", "风险类别", "judicial", "operational", "financial", "industry"),
        text_column("kind", "kind", "事件类型"),
        text_column("role", "role of the customer", "当事人角色", "plaintiff", "defendant"),
        amount_column("amount in dispute", "涉案金额"),
    ),
    time="occurred_at",
)
