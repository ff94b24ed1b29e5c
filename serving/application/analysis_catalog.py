"""The analyses that ``/v1/analytics`` and the console offer, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rapport.localized import LocalizedText


@dataclass(frozen=True)
class AnalysisEntry:
    """The title of an analysis, how to read it, and whether its rows are customers (or cover the whole company)."""

    title: LocalizedText
    note: LocalizedText
    by_customer: bool = False


def _entry(titles: tuple[str, str], notes: tuple[str, str], *, by_customer: bool = False) -> AnalysisEntry:
    return AnalysisEntry(LocalizedText(*titles), LocalizedText(*notes), by_customer)


_CREDIT = (
    "Conversions that each attribution model credits; every column sums to the same conversions.",
    "各归因模型分配的转化数；每列合计相同。",
)

ANALYSES: Mapping[str, AnalysisEntry] = {
    "deal_rates": _entry(
        ("What wins deals", "赢单因素"),
        (
            "Win rate of past deals by C139 tier, check and competitor, with 95 % intervals; tiers that do not differ "
            "share one rate. An association, not a cause.",
            "按 C139 等级、检查项和竞争对手统计的历史赢单率及 95% 区间；无差异的等级合并统计。仅为相关性，不代表因果。",
        ),
    ),
    "key_accounts": _entry(
        ("Key accounts", "重点客户"),
        (
            "Customers that bring the first 80 % of 12-month revenue, and candidates whose pace of the last half year "
            "would make them one.",
            "贡献近 12 个月前 80% 收入的客户，以及按近半年节奏可进入其中的候选客户。",
        ),
        by_customer=True,
    ),
    "account_plans": _entry(
        ("Account plans", "客户经营计划"),
        (
            "Three layers of relation of each key account: key people, goodwill, organisation; and their gaps.",
            "重点客户的三层关系：关键人、普遍好感、组织；列出各层缺项。",
        ),
        by_customer=True,
    ),
    "segment_shares": _entry(
        ("RFM segments", "RFM 细分占比"),
        ("Share of customers and of 12-month revenue by RFM segment.", "各 RFM 细分的客户占比与近 12 个月收入占比。"),
    ),
    "white_space": _entry(
        ("White space", "交叉销售空白"),
        (
            "Products that relatives in the account hierarchy bought in two years and this customer did not.",
            "同一客户体系内其他成员近两年购买、而该客户未购买的产品。",
        ),
        by_customer=True,
    ),
    "next_products": _entry(
        ("Next products", "推荐产品"),
        (
            "Up to three products that the customer has not bought; the hit rate on later first purchases is beside "
            "that of the most popular products, and the better way is served.",
            "客户尚未购买的至多三种产品；与“最畅销产品”在后续首次购买上的命中率对比，采用更优者。",
        ),
        by_customer=True,
    ),
    "referrals": _entry(
        ("Referrals", "转介绍"),
        (
            "Customers who referred others, what those bought; only referred customers known by the date count.",
            "转介绍客户及其带来的成交；仅统计截至该日已知的被推荐客户。",
        ),
        by_customer=True,
    ),
    "sales_cycle": _entry(
        ("Sales cycle", "销售周期"),
        (
            "Win rate and days to win by quarter and by owner, three years.",
            "近三年按季度和负责人统计的赢单率与赢单天数。",
        ),
    ),
    "response_times": _entry(
        ("Response times", "响应效率"),
        (
            "Hours to the first reply and to the solution of tickets, and how long messages waited, by quarter.",
            "按季度统计的工单首次响应、解决时长及消息等待时长。",
        ),
    ),
    "lead_stages": _entry(
        ("Stages of leads", "线索阶段"),
        (
            "Leads of two years that reached each stage or a later one, without the last quarter; the bottleneck loses "
            "most of those who reached the stage before it.",
            "近两年（不含最近一个季度）到达各阶段或更后阶段的线索；瓶颈为流失比例最大的阶段。",
        ),
    ),
    "channel_roi": _entry(
        ("Return on campaigns", "渠道与活动回报"),
        (
            "First-year revenue of won customers, shared equally among the touches of the 90 days before, beside the "
            "costs in the table campaigns; by source, all revenue of the customers that came by it.",
            "成交客户首年收入按成交前 90 天的互动平均分配，并与 campaigns 表中的费用对比；"
            "按来源则为该来源客户的全部首年收入。",
        ),
    ),
    "satisfaction": _entry(
        ("Retention and satisfaction", "留存与满意度"),
        (
            "Customer retention, gross and net revenue retention, NPS and CSAT by quarter.",
            "按季度统计的客户留存率、毛收入留存、净收入留存、NPS 与 CSAT。",
        ),
    ),
    "best_practice": _entry(
        ("What went before recoveries", "挽回前的动作"),
        (
            "How often quiet customers ordered again after each kind of contact, beside those nobody contacted. An "
            "association: whom one contacts is not chosen by chance.",
            "沉默客户在各类联系之后重新下单的比例，与无人联系者对比。仅为相关性：联系对象并非随机选择。",
        ),
    ),
    "key_figures": _entry(
        ("Key figures by owner", "负责人关键指标"),
        (
            "Revenue, growth, retention, deals won, contacts, overdue amounts and health by owner; health is also "
            "beside that of customers of the same industry. The adjusted change is the part of the 30-day change that "
            "customers of the same earlier health and industry did not have, shrunk where an owner has few customers.",
            "按负责人统计的收入、增长、留存、赢单、联系次数、逾期金额与健康度；健康度同时与同行业客户对比。调整后变化为"
            "扣除期初健康度与行业相同的客户的普遍变化（均值回归）之后的部分；客户数少的负责人向 0 收缩。",
        ),
    ),
    "risk": _entry(
        ("Risk events of a year", "年度风险概览"),
        (
            "Records, amount and share as defendant by customer and category in the last 12 months; cases in which "
            "the customer is the plaintiff are counted apart.",
            "近 12 个月按客户和类别统计的风险记录数、涉及金额与被告占比；客户作为原告的案件单列。",
        ),
        by_customer=True,
    ),
    "signals": _entry(
        ("Signals in interactions", "沟通内容信号"),
        (
            "Needs, pains, praise, competitors, prices and intents to stop, found in what customers wrote in the last "
            "six months, with the quoted words. About one in eleven is wrong, one in three is missed.",
            "近六个月客户沟通文本中的需求、不满、好评、竞品、价格与停止合作意向，附原话；约十一条中有一条误判，三条中遗漏一条。",
        ),
        by_customer=True,
    ),
    "industries": _entry(
        ("Industries", "行业"),
        (
            "Customers, share at high risk, revenue at risk and share of the expected spend by industry, beside the "
            "growth in the table industries.",
            "按行业统计的客户数、高风险占比、流失风险金额、预期消费占比，以及 industries 表中的行业增长率。",
        ),
    ),
    "cost_to_serve": _entry(
        ("Cost to serve", "服务成本"),
        (
            "Net revenue, contacts and tickets of 12 months by customer, their cost at the setting contact_cost each, "
            "and what is left of the margin; those that cost more than they bring first.",
            "按客户统计近 12 个月净收入、联系与工单次数，按设置 contact_cost 折算的成本及扣除后的毛利；"
            "入不敷出者在前。",
        ),
        by_customer=True,
    ),
    "late_tickets": _entry(
        ("Late tickets", "超时工单"),
        (
            "Open tickets that wait longer for a reply or a solution than 90 % of the tickets of their kind did.",
            "等待答复或解决的时间超过同类 90% 工单的未结工单。",
        ),
        by_customer=True,
    ),
    "presale_health": _entry(
        ("Pre-sale health of prospects", "售前健康度"),
        (
            "Prospects of the last year by the share of seven checks that hold, of 100: decision maker, contact, "
            "response, deal, budget, tone, engagement; missing names the others.",
            "近一年的潜在客户，按七项检查（决策人、联系、回应、商机、预算、态度、参与）的达成率计分（满分 100），"
            "并列出缺项。",
        ),
        by_customer=True,
    ),
    "touch_effect": _entry(
        ("Effect of marketing engagements", "营销互动效果"),
        (
            "Order rate of leads and customers in the quarter after an action or campaign, beside those it did not "
            "reach, over eight quarters; multiple is their ratio. An association, not a cause.",
            "近八个季度内，线索与客户在参与某行为或活动后一季度的下单率，与未触达者对比；"
            "multiple 为两者之比。仅为相关性，不代表因果。",
        ),
    ),
    "clv_concentration": _entry(
        ("Concentration of CLV", "客户终身价值集中度"),
        (
            "Share of the three-year CLV that customers above the average bring, and that the best 20 % bring.",
            "高于平均值的客户与前 20% 客户各贡献的三年客户终身价值占比。",
        ),
    ),
    "carts": _entry(
        ("Abandoned carts", "购物车放弃率"),
        (
            "Days with a filled cart by quarter, and the share that no order followed within a week.",
            "按季度统计加购天数，以及其后一周内未下单的占比。",
        ),
    ),
    "attribution_campaign": _entry(("Attribution by campaign", "按活动归因"), _CREDIT),
    "attribution_action": _entry(("Attribution by action", "按行为归因"), _CREDIT),
    "attribution_asset": _entry(("Attribution by asset", "按内容归因"), _CREDIT),
}
