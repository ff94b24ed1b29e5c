"""Risk overview: the reported risk events of each customer in the last year, by category."""

from datetime import datetime

import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

# Kinds that are grave whatever the amount; in both languages, because sources of risk events use both.
_GRAVE = "bankrupt|insolven|liquidat|dishonest|freeze|frozen|seiz|default|破产|清算|失信|冻结|查封|违约|被执行"


def risk_overview(history: History, as_of: datetime) -> pa.Table:
    """Return one row per customer and category: events and amount in 12 months, defendant share, latest, gravest."""
    return query_as_of(
        history,
        f"""
        WITH events AS (SELECT *, regexp_matches(lower(coalesce(kind, '')), '{_GRAVE}') AS grave
            FROM {rows_known_at("risk_events")} WHERE occurred_at >= $as_of::TIMESTAMP - INTERVAL 365 DAY)
        SELECT events.customer_id, any_value(name) AS name, category, count(*) AS records,
            coalesce(sum(amount), 0) AS amount,
            avg((role = 'defendant')::INT) FILTER (role IS NOT NULL) AS defendant_share,
            max(occurred_at) AS latest, bool_or(grave) AS grave,
            arg_max(concat_ws(' · ', kind, role), (grave::INT, coalesce(amount, 0), occurred_at)) AS important
        FROM events LEFT JOIN {rows_known_at("customers")} AS customers USING (customer_id)
        GROUP BY events.customer_id, category ORDER BY events.customer_id, category
        """,
        as_of,
    )
