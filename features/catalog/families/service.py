"""Service, satisfaction, payment, risk and contract: features of tickets, surveys, invoices, risk events, contracts."""

from __future__ import annotations

from rapport.features.catalog.feature import Feature
from rapport.features.measures import Events, Unary, When, larger, smaller
from rapport.localized import LocalizedText

TICKETS, ANSWERED, SOLVED = Events("tickets"), Events("responses"), Events("resolutions")
SURVEYS, MARKS = Events("surveys"), Events("satisfaction")
INVOICES, PAID, OVERDUE, CREDIT = Events("invoices"), Events("payments"), Events("overdue"), Events("credit")
RISKS = Events("risks")
CONTRACTS, RENEWED, ENDED = Events("contracts"), Events("renewals"), Events("endings")

SERVICE = (
    Feature(
        "tickets_open", "service", "count",
        LocalizedText("Open tickets.", "当前未解决工单数。"),
        Events("open_tickets").sum("change"), 0, direction=1, actionable=True,
    ),
    Feature(
        "complaints_open", "service", "count",
        LocalizedText("Open complaints.", "当前未解决投诉数。"),
        Events("open_complaints").sum("change"), 0, direction=1, actionable=True,
    ),
    Feature(
        "tickets_overdue", "service", "count",
        LocalizedText("Tickets open for more than a week.", "超过一周未解决的工单数。"),
        Events("overdue_tickets").sum("change"), 0, direction=1, actionable=True,
    ),
    *(
        Feature(
            f"tickets_count_{days}d", "service", "count",
            LocalizedText(f"Tickets opened in the last {days} days.", f"近 {days} 天新开工单数。"), TICKETS.count(days), 0,
        )
        for days in (90, 365)
    ),
    *(
        Feature(
            f"complaints_count_{days}d", "service", "count",
            LocalizedText(f"Complaints in the last {days} days.", f"近 {days} 天的投诉数。"),
            TICKETS.count(days, where="complaint"), 0, direction=1,
        )
        for days in (90, 180, 365)
    ),
    Feature(
        "complaints_per_order_365d", "service", "ratio",
        LocalizedText("Complaints for each order of the last 365 days.", "近 365 天每单投诉率。"),
        TICKETS.count(365, where="complaint") / Events("orders").count(365), direction=1,
    ),
    Feature(
        "complaints_per_contact_365d", "service", "ratio",
        LocalizedText("Complaints for each interaction of the last 365 days.", "近 365 天投诉数与沟通次数之比。"),
        TICKETS.count(365, where="complaint") / larger(Events("interactions").count(365), 1), 0, direction=1,
    ),
    Feature(
        "complaint_share_365d", "service", "share",
        LocalizedText("Share of complaints in the tickets of the last 365 days.", "近 365 天工单中投诉占比。"), TICKETS.share("complaint", 365),
    ),
    Feature(
        "days_since_last_complaint", "service", "days",
        LocalizedText("Days since the last complaint.", "距上次投诉的天数。"), TICKETS.days_since_last(where="complaint"),
    ),
    Feature(
        "days_since_last_ticket", "service", "days",
        LocalizedText("Days since the last ticket.", "距上次工单的天数。"), TICKETS.days_since_last(),
    ),
    Feature(
        "tickets_ratio_90d_to_year", "service", "ratio",
        LocalizedText("Tickets of the last 90 days relative to the mean 90 days of the year before.", "近 90 天工单数与此前一年均值之比。"),
        TICKETS.ratio(90, 365),
    ),
    Feature(
        "first_response_hours_mean_180d", "service", "hours",
        LocalizedText("Mean hours to the first answer of tickets in the last 180 days.", "近 180 天工单平均首次响应小时数。"),
        ANSWERED.mean("hours", 180), direction=1, actionable=True,
    ),
    Feature(
        "resolution_hours_mean_180d", "service", "hours",
        LocalizedText("Mean hours to resolve a ticket in the last 180 days.", "近 180 天工单平均解决小时数。"),
        SOLVED.mean("hours", 180), direction=1, actionable=True,
    ),
    Feature(
        "resolution_hours_max_365d", "service", "hours",
        LocalizedText("Longest hours to resolve a ticket in the last 365 days.", "近 365 天工单最长解决小时数。"), SOLVED.largest("hours", 365),
    ),
    Feature(
        "severity_mean_180d", "service", "score",
        LocalizedText("Mean severity of the tickets of the last 180 days.", "近 180 天工单平均严重程度。"), TICKETS.mean("severity", 180), direction=1,
    ),
    Feature(
        "quiet_after_spike", "service", "ratio",
        LocalizedText("Tickets of the 90 days before relative to those of the last 30: high after a spike that went silent.", "工单先激增后沉寂的程度。"),
        TICKETS.count(120, skip=30) / (TICKETS.count(30) + 1), 0,
    ),
)  # fmt: skip

SATISFACTION = (
    Feature(
        "satisfaction_mean_365d", "satisfaction", "score",
        LocalizedText("Mean satisfaction score of the last 365 days, 1 to 5.", "近 365 天平均满意度（1 到 5）。"), MARKS.mean("mark", 365), direction=-1,
    ),
    Feature(
        "satisfaction_mean_90d", "satisfaction", "score",
        LocalizedText("Mean satisfaction score of the last 90 days, 1 to 5.", "近 90 天平均满意度（1 到 5）。"), MARKS.mean("mark", 90), direction=-1,
    ),
    Feature(
        "satisfaction_latest", "satisfaction", "score",
        LocalizedText("Last satisfaction score, 1 to 5.", "最近一次满意度（1 到 5）。"), MARKS.latest("mark"), direction=-1,
    ),
    Feature(
        "satisfaction_change", "satisfaction", "score",
        LocalizedText("Mean satisfaction of the last 180 days minus the mean of all time.", "近 180 天平均满意度与历史平均之差。"),
        MARKS.mean("mark", 180) - MARKS.mean("mark"), direction=-1,
    ),
    Feature(
        "nps_latest", "satisfaction", "score",
        LocalizedText("Last NPS answer, 0 to 10.", "最近一次 NPS 评分（0 到 10）。"), SURVEYS.latest("nps"), direction=-1,
    ),
    Feature(
        "nps_detractor_count_365d", "satisfaction", "count",
        LocalizedText("NPS detractor answers (6 or less) in the last 365 days.", "近 365 天 NPS 贬损评分次数。"),
        SURVEYS.count(365, where="detractor"), 0, direction=1,
    ),
    Feature(
        "nps_promoter_count_365d", "satisfaction", "count",
        LocalizedText("NPS promoter answers (9 or 10) in the last 365 days.", "近 365 天 NPS 推荐评分次数。"),
        SURVEYS.count(365, where="promoter"), 0, direction=-1,
    ),
    Feature(
        "referral_latest", "satisfaction", "score",
        LocalizedText("Last answer on willingness to refer us.", "最近一次转介绍意愿评分。"), SURVEYS.latest("referral"), direction=-1,
    ),
    Feature(
        "surveys_count_365d", "satisfaction", "count",
        LocalizedText("Surveys in the last 365 days, answered or not.", "近 365 天的问卷次数（含未回复）。"), SURVEYS.count(365), 0,
    ),
    Feature(
        "days_since_last_survey", "satisfaction", "days",
        LocalizedText("Days since the last survey, answered or not.", "距上次问卷的天数（含未回复）。"), SURVEYS.days_since_last(),
    ),
)  # fmt: skip

PAYMENT = (
    Feature(
        "invoices_overdue_amount", "payment", "money",
        LocalizedText("Overdue amount.", "逾期未付金额。"), OVERDUE.sum("change"), 0, direction=1, actionable=True,
    ),
    Feature(
        "invoices_overdue_count", "payment", "count",
        LocalizedText("Overdue invoices.", "逾期未付发票数。"), OVERDUE.sum("each"), 0, direction=1, actionable=True,
    ),
    Feature(
        "overdue_share_of_billed_365d", "payment", "share",
        LocalizedText("Overdue amount as a share of the amount billed in the last 365 days.", "逾期金额占近 365 天开票金额的比例。"),
        OVERDUE.sum("change") / INVOICES.sum("amount", 365), direction=1,
    ),
    *(
        Feature(
            f"late_share_{days}d", "payment", "share",
            LocalizedText(f"Share of late payments in the last {days} days.", f"近 {days} 天付款中逾期的比例。"),
            PAID.share("late", days), direction=1,
        )
        for days in (180, 365)
    ),
    *(
        Feature(
            f"days_late_mean_{days}d", "payment", "days",
            LocalizedText(f"Mean days late of the payments in the last {days} days.", f"近 {days} 天付款的平均逾期天数。"),
            PAID.mean("late_days", days), direction=1,
        )
        for days in (90, 365)
    ),
    Feature(
        "days_late_change", "payment", "days",
        LocalizedText("Mean days late in the last 180 days minus the mean of all time.", "近 180 天平均逾期天数与历史平均之差。"),
        PAID.mean("late_days", 180) - PAID.mean("late_days"), direction=1,
    ),
    Feature(
        "days_late_max_365d", "payment", "days",
        LocalizedText("Longest payment delay in the last 365 days.", "近 365 天付款的最长逾期天数。"), PAID.largest("late_days", 365), direction=1,
    ),
    Feature(
        "days_since_last_payment", "payment", "days",
        LocalizedText("Days since the last payment.", "距上次付款的天数。"), PAID.days_since_last(),
    ),
    Feature(
        "billed_sum_365d", "payment", "money",
        LocalizedText("Amount billed in the last 365 days.", "近 365 天开票金额。"), INVOICES.sum("amount", 365), 0,
    ),
    Feature(
        "credit_used_share", "payment", "share",
        LocalizedText("Credit utilization.", "信用额度使用率。"), CREDIT.latest("used_share"),
    ),
    Feature(
        "credit_used_share_change_180d", "payment", "share",
        LocalizedText("Credit utilization minus its mean of the last 180 days.", "当前信用使用率与近 180 天平均之差。"),
        CREDIT.latest("used_share") - CREDIT.mean("used_share", 180),
    ),
)  # fmt: skip

_SEVERITY = (
    RISKS.count(90)
    + RISKS.count(365, skip=90) * 0.5
    + RISKS.count(730, skip=365) * 0.25
    + RISKS.count(skip=730) * 0.125
)

RISK = (
    *(
        Feature(
            f"risk_{name}_count_365d", "risk", "count",
            LocalizedText(f"{en} risk events in the last 365 days.", f"近 365 天{zh}风险事件数。"),
            RISKS.count(365, where=name), 0, direction=1,
        )
        for name, en, zh in (
            ("judicial", "Judicial", "司法"),
            ("operational", "Operational", "经营"),
            ("financial", "Financial", "财务"),
            ("industry", "Industry", "行业"),
            ("public_opinion", "Public opinion", "舆情"),
        )
    ),
    Feature(
        "risk_defendant_count_365d", "risk", "count",
        LocalizedText("Risk events of the last 365 days in which the customer is the defendant.", "近 365 天作为被告的风险事件数。"),
        RISKS.count(365, where="defendant"), 0, direction=1,
    ),
    Feature(
        "risk_count_90d", "risk", "count",
        LocalizedText("Risk events in the last 90 days.", "近 90 天风险事件数。"), RISKS.count(90), 0, direction=1,
    ),
    Feature(
        "risk_amount_sum_365d", "risk", "money",
        LocalizedText("Amount of the risk events of the last 365 days, without claims of the customer's own.", "近 365 天风险事件涉及金额（不含客户作为原告的案件）。"),
        RISKS.sum("amount", 365), 0, direction=1,
    ),
    Feature(
        "risk_defendant_share_ever", "risk", "share",
        LocalizedText("Share of the risk events in which the customer is the defendant.", "风险事件中作为被告的比例。"), RISKS.share("defendant"),
    ),
    Feature(
        "days_since_last_risk", "risk", "days",
        LocalizedText("Days since the last risk event.", "距最近风险事件的天数。"), RISKS.days_since_last(),
    ),
    Feature(
        "risk_severity", "risk", "score",
        LocalizedText("Risk events with time decay: weight 1, then 1/2, 1/4, 1/8 after 90, 365, 730 days.", "风险强度（事件随时间递减计分）。"),
        _SEVERITY, 0, direction=1,
    ),
)  # fmt: skip

_priced = Events("contract_value").sum("each")
_left = Unary("until", CONTRACTS.largest("end_day"))

CONTRACT = (
    Feature(
        "contract_days_to_end", "contract", "days",
        LocalizedText("Days until the last contract with an end date ends; negative after its end.", "距最后一份合同到期的天数（负数为已到期，不含无到期日的合同）。"), _left, direction=-1,
    ),
    Feature(
        "contracts_in_force", "contract", "count",
        LocalizedText("Contracts in force.", "当前有效合同数。"), Events("contracts_in_force").sum("change"), 0, direction=-1,
    ),
    Feature(
        "contract_running", "contract", "flag",
        LocalizedText("Has a contract in force (1) or not (0).", "是否有有效合同（1 为有）。"),
        smaller(Events("contracts_in_force").sum("change"), 1), 0, direction=-1,
    ),
    Feature(
        "contracts_count_ever", "contract", "count",
        LocalizedText("Contracts so far.", "累计合同数。"), CONTRACTS.count(), 0,
    ),
    Feature(
        "contracts_renewed_count_ever", "contract", "count",
        LocalizedText("Renewals so far.", "累计续约次数。"), RENEWED.count(), 0, direction=-1,
    ),
    Feature(
        "contracts_renewed_share", "contract", "share",
        LocalizedText("Share of the ended contracts that were renewed by their end.", "已到期合同中按期续约的比例。"), ENDED.share("renewed"), direction=-1,
    ),
    Feature(
        "contract_price_change_latest", "contract", "ratio",
        LocalizedText("Relative change of the contract amount to the previous contract.", "最新合同金额较上一份的变化比例。"),
        CONTRACTS.latest("rise_share"),
    ),
    Feature(
        "days_since_last_renewal", "contract", "days",
        LocalizedText("Days since the last renewal.", "距上次续约的天数。"), RENEWED.days_since_last(),
    ),
    Feature(
        "contract_value_sum", "contract", "money",
        LocalizedText("Amount of the contracts of the last two years.", "近两年合同金额。"), CONTRACTS.sum("amount", 730), 0,
    ),
    Feature(
        "contract_value_yearly", "contract", "money",
        LocalizedText("What the contracts in force pay a year; unknown if the amount of one is.", "当前有效合同折合每年的金额；有一份金额未知则为未知。"),
        # Of as many contracts as are in force.
        When(_priced - Events("contracts_in_force").sum("change") + 1, When(_priced, Events("contract_value").sum("change"))),
    ),
)  # fmt: skip
