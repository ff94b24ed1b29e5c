"""Recency, cadence (key ``rhythm``), frequency, value, trend and tenure: features of orders."""

from __future__ import annotations

from rapport.features.catalog.feature import Feature
from rapport.features.measures import Constant, Events, Measure, When, larger, slope, smaller
from rapport.localized import LocalizedText

ORDERS, RETURNS, PRODUCTS = Events("orders"), Events("returns"), Events("products")

_since = ORDERS.days_since_last()
_usual = ORDERS.mean("gap")
_last_gap = ORDERS.latest("gap")
_QUARTER = 91.25
_WINDOWS = (30, 90, 180, 365)


def _net_spend(days: int | None) -> Measure:
    return ORDERS.sum("amount", days) - RETURNS.sum("amount", days)


RECENCY = (
    Feature(
        "days_since_last_order", "recency", "days",
        LocalizedText("Days since the last order.", "距上次下单的天数。"), _since, direction=1,
    ),
    Feature(
        "days_since_last_return", "recency", "days",
        LocalizedText("Days since the last returned or cancelled line.", "距上次退货或取消的天数。"), RETURNS.days_since_last(),
    ),
    Feature(
        "days_since_new_product", "recency", "days",
        LocalizedText("Days since a product was bought for the first time.", "距首次购买某新产品的天数。"),
        PRODUCTS.days_since_last(),
    ),
)  # fmt: skip

CADENCE = (
    Feature(
        "order_gap_mean", "rhythm", "days",
        LocalizedText("Mean days between two order days.", "平均下单间隔天数。"), _usual,
    ),
    Feature(
        "order_gap_sd", "rhythm", "days",
        LocalizedText("Standard deviation of the days between order days.", "下单间隔的波动（标准差）。"), ORDERS.standard_deviation("gap"),
    ),
    Feature(
        "order_gap_last", "rhythm", "days",
        LocalizedText("Days between the last two order days.", "最近两次下单的间隔天数。"), _last_gap,
    ),
    Feature(
        "order_gap_max", "rhythm", "days",
        LocalizedText("Longest gap between two order days so far.", "历史最长下单间隔天数。"), ORDERS.largest("gap"),
    ),
    Feature(
        "order_gap_last_to_usual", "rhythm", "ratio",
        LocalizedText("Last gap between orders relative to the mean gap.", "最近一次下单间隔与平均间隔之比。"), _last_gap / _usual,
    ),
    Feature(
        "order_regularity", "rhythm", "ratio",
        LocalizedText("Standard deviation of the order gaps relative to their mean: 0 is perfectly regular.", "下单间隔波动与均值之比，0 表示非常规律。"),
        ORDERS.standard_deviation("gap") / _usual,
    ),
    Feature(
        "overdue_ratio", "rhythm", "ratio",
        LocalizedText("Days since the last order relative to the mean gap.", "距上次下单天数与平均下单间隔之比。"),
        _since / _usual, direction=1,
    ),
    Feature(
        "overdue_to_longest", "rhythm", "ratio",
        LocalizedText("Days since the last order relative to the longest gap so far.", "距上次下单天数与历史最长间隔之比。"),
        _since / larger(ORDERS.largest("gap"), 1), direction=1,
    ),
    Feature(
        "orders_last_share_of_life", "rhythm", "share",
        LocalizedText("Share of the time since the first order that passed before the last one.", "首单至末单占客户订单生命期的比例。"),
        (ORDERS.days_since_first() - _since) / larger(ORDERS.days_since_first(), 1),
    ),
)  # fmt: skip

FREQUENCY = (
    *(
        Feature(
            f"orders_count_{days}d", "frequency", "count",
            LocalizedText(f"Orders in the last {days} days.", f"近 {days} 天的订单数。"),
            ORDERS.count(days), 0, direction=-1,
        )
        for days in _WINDOWS
    ),
    Feature(
        "orders_count_ever", "frequency", "count",
        LocalizedText("Orders so far.", "累计订单数。"), ORDERS.count(), 0, direction=-1,
    ),
    Feature(
        "order_days_count_365d", "frequency", "count",
        LocalizedText("Days with an order in the last 365 days.", "近 365 天有下单的天数。"),
        ORDERS.count(365, where="new_day"), 0, direction=-1,
    ),
    Feature(
        "order_days_count_ever", "frequency", "count",
        LocalizedText("Days with an order so far.", "累计有下单的天数。"), ORDERS.count(where="new_day"), 0, direction=-1,
    ),
    Feature(
        "orders_per_month_life", "frequency", "per_month",
        LocalizedText("Orders per month since the first order.", "自首单以来的月均订单数。"),
        ORDERS.count() * 30.4375 / larger(ORDERS.days_since_first(), 30),
    ),
    Feature(
        "orders_per_quarter_365d", "frequency", "ratio",
        LocalizedText("Orders a quarter, over the last 365 days or since the first order if that is shorter.", "季均订单数（近 365 天；合作不足一年的按实际时长计）。"),
        ORDERS.count(365) * _QUARTER / larger(smaller(ORDERS.days_since_first(), 365), _QUARTER), direction=-1,
    ),
    Feature(
        "order_lines_count_365d", "frequency", "count",
        LocalizedText("Order lines in the last 365 days.", "近 365 天的订单行数。"), ORDERS.sum("lines", 365), 0,
    ),
    Feature(
        "orders_returned_count_90d", "frequency", "count",
        LocalizedText("Returned or cancelled lines in the last 90 days.", "近 90 天的退货或取消行数。"), RETURNS.count(90), 0,
    ),
    Feature(
        "orders_returned_count_365d", "frequency", "count",
        LocalizedText("Returned or cancelled lines in the last 365 days.", "近 365 天的退货或取消行数。"), RETURNS.count(365), 0,
    ),
)  # fmt: skip

VALUE = (
    *(
        Feature(
            f"spend_sum_{days}d", "value", "money",
            LocalizedText(f"Spend in the last {days} days.", f"近 {days} 天的消费金额。"),
            ORDERS.sum("amount", days), 0, direction=-1,
        )
        for days in _WINDOWS
    ),
    Feature(
        "spend_sum_ever", "value", "money", LocalizedText("Spend so far.", "累计消费金额。"), ORDERS.sum("amount"), 0, direction=-1,
    ),
    Feature(
        "order_value_mean_365d", "value", "money",
        LocalizedText("Average order value in the last 365 days.", "近 365 天的平均订单金额。"),
        ORDERS.sum("amount", 365) / ORDERS.count(365),
    ),
    Feature(
        "order_value_mean_ever", "value", "money",
        LocalizedText("Average order value so far.", "历史平均订单金额。"), ORDERS.sum("amount") / ORDERS.count(),
    ),
    Feature(
        "order_value_max_365d", "value", "money",
        LocalizedText("Largest order in the last 365 days.", "近 365 天的最大订单金额。"), ORDERS.largest("amount", 365),
    ),
    Feature(
        "order_value_max_share_365d", "value", "share",
        LocalizedText("Share of the largest order in the spend of the last 365 days.", "近 365 天最大订单占消费金额的比例。"),
        ORDERS.largest("amount", 365) / ORDERS.sum("amount", 365),
    ),
    Feature(
        "order_value_90d_to_usual", "value", "ratio",
        LocalizedText("Average order value of the last 90 days relative to the average of all time.", "近 90 天平均订单金额与历史平均之比。"),
        ORDERS.sum("amount", 90) / ORDERS.count(90) / (ORDERS.sum("amount") / ORDERS.count()),
    ),
    Feature(
        "returned_share_365d", "value", "share",
        LocalizedText("Returned amount as a share of spend in the last 365 days.", "近 365 天退货金额占消费金额的比例。"),
        RETURNS.sum("amount", 365) / ORDERS.sum("amount", 365),
    ),
    Feature(
        "products_count_ever", "value", "count",
        LocalizedText("Distinct products bought so far.", "累计购买过的产品种数。"), PRODUCTS.count(), 0, direction=-1,
    ),
    Feature(
        "products_new_count_365d", "value", "count",
        LocalizedText("Products bought for the first time in the last 365 days.", "近 365 天首次购买的产品种数。"),
        PRODUCTS.count(365), 0,
    ),
    Feature(
        "quantity_sum_365d", "value", "count",
        LocalizedText("Quantity ordered in the last 365 days.", "近 365 天的订购数量。"), ORDERS.sum("quantity", 365), 0,
    ),
    Feature(
        "lines_per_order_365d", "value", "ratio",
        LocalizedText("Lines per order in the last 365 days.", "近 365 天的平均每单行数。"),
        ORDERS.sum("lines", 365) / ORDERS.count(365),
    ),
    *(
        Feature(
            f"spend_net_sum_{name}", "value", "money",
            LocalizedText(f"Spend net of returns {en}.", f"{zh}消费净额（扣除退货）。"), larger(_net_spend(days), 0), 0, direction=-1,
        )
        for name, days, en, zh in (("365d", 365, "in the last 365 days", "近 365 天"), ("ever", None, "so far", "累计"))
    ),
    Feature(
        "order_value_net_mean_365d", "value", "money",
        LocalizedText("Average order value net of returns in the last 365 days.", "近 365 天的平均订单净额（扣除退货）。"),
        larger(_net_spend(365), 0) / ORDERS.count(365),
    ),
)  # fmt: skip

_quarters = [ORDERS.count(days, skip=days - 90) for days in (360, 270, 180, 90)]
_spend_quarters = [ORDERS.sum("amount", days, skip=days - 90) for days in (360, 270, 180, 90)]

TREND = (
    Feature(
        "orders_slope_360d", "trend", "per_month",
        LocalizedText("Change of orders from quarter to quarter over 360 days.", "近 360 天订单数的季度变化趋势。"), slope(_quarters), 0,
    ),
    Feature(
        "spend_slope_share_360d", "trend", "ratio",
        LocalizedText("Change of spend from quarter to quarter, relative to the average quarter.", "近 360 天消费金额的季度变化趋势（占季均比例）。"),
        slope(_spend_quarters) * 4 / ORDERS.sum("amount", 360),
    ),
    Feature(
        "orders_change_90d", "trend", "count",
        LocalizedText("Orders of the last 90 days minus those of the 90 days before.", "近 90 天订单数与前 90 天之差。"),
        ORDERS.count(90) - ORDERS.count(180, skip=90), 0,
    ),
    Feature(
        "orders_ratio_90d_to_previous", "trend", "ratio",
        LocalizedText("Orders of the last 90 days relative to the 90 days before.", "近 90 天订单数与前 90 天之比。"), ORDERS.ratio(90, 90),
    ),
    Feature(
        "spend_ratio_90d_to_previous", "trend", "ratio",
        LocalizedText("Spend of the last 90 days relative to the 90 days before.", "近 90 天消费金额与前 90 天之比。"),
        ORDERS.sum("amount", 90) / ORDERS.sum("amount", 180, skip=90),
    ),
    Feature(
        "spend_ratio_180d_to_previous", "trend", "ratio",
        LocalizedText("Spend of the last 180 days relative to the 180 days before.", "近 180 天消费金额与前 180 天之比。"),
        ORDERS.sum("amount", 180) / ORDERS.sum("amount", 360, skip=180),
    ),
    Feature(
        "spend_ratio_90d_to_last_year", "trend", "ratio",
        LocalizedText("Spend of the last 90 days relative to the same days a year ago.", "近 90 天消费金额与去年同期之比。"),
        ORDERS.sum("amount", 90) / ORDERS.sum("amount", 455, skip=365),
    ),
    Feature(
        "spend_share_90d_of_365d", "trend", "share",
        LocalizedText("Share of the last 90 days in the spend of the last 365 days.", "近 90 天消费占近 365 天的比例。"),
        ORDERS.sum("amount", 90) / ORDERS.sum("amount", 365),
    ),
    Feature(
        "orders_season_ahead_count", "trend", "count",
        LocalizedText("Orders of last year in the 90 days after the same date.", "去年同期未来 90 天内的订单数。"),
        ORDERS.count(365, skip=275), 0,
    ),
    Feature(
        "order_gap_180d_to_usual", "trend", "ratio",
        LocalizedText("Gaps between orders in the last 180 days relative to the mean gap.", "近 180 天下单间隔与平均间隔之比。"),
        ORDERS.mean("gap", 180) / _usual,
    ),
)  # fmt: skip

TENURE = (
    Feature(
        "first_order_days_ago", "tenure", "days",
        LocalizedText("Days since the first order.", "距首次下单的天数。"), ORDERS.days_since_first(),
    ),
    Feature(
        "customer_age_days", "tenure", "days",
        LocalizedText("Days since the customer became known.", "客户建档以来的天数。"),
        Events("customers").days_since_first(),
    ),
    Feature(
        "created_to_first_order_days", "tenure", "days",
        LocalizedText("Days from becoming known to the first order.", "从建档到首单的天数。"),
        Events("customers").days_since_first() - ORDERS.days_since_first(),
    ),
    Feature(
        "order_life_days", "tenure", "days",
        LocalizedText("Days between the first and the last order.", "首单到末单的天数。"), ORDERS.days_since_first() - _since,
    ),
    Feature(
        "one_time_buyer", "tenure", "flag",
        LocalizedText("Has ordered on one day only (1) or more (null if never).", "是否仅在一天下单（1 为是）。"),
        When(ORDERS.count(), Constant(1.0) - smaller(ORDERS.count_known("gap"), 1)),
    ),
)  # fmt: skip
