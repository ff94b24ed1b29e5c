# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # What is in a history, and what can be learned from it?
# This is an invented company. To explore your own, set `company` to your folder.

# %%
import os
import tempfile
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.checks import check_history
from rapport.history.simulate import simulate

company = Path(tempfile.mkdtemp()) / "company"
simulate(company, customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
history = read_history(company)
AS_OF, YEAR = datetime(2025, 11, 1), parse_duration("12mo")

# %% [markdown]
# What was read, what was rejected, and which models can be trained:

# %%
print(check_history(history).as_text())

# %% [markdown]
# Orders have seasons: fewer at Chinese New Year, more at the end of each quarter.

# %%
orders = history.connection.sql(
    "SELECT date_trunc('month', ordered_at) AS month, count(DISTINCT order_id) AS orders, sum(amount) AS amount "
    "FROM orders WHERE amount > 0 GROUP BY month ORDER BY month"
).to_arrow_table().to_pandas()  # fmt: skip
figure, axes = plt.subplots(figsize=(9, 3))
axes.bar(orders.month, orders.orders, width=25)
axes.set_title("Orders by month")

# %% [markdown]
# Every customer is in one state at a cutoff. *Active* customers get a churn probability, *new* ones a conversion
# probability.

# %%
customers = snapshot(history, AS_OF, active=YEAR).to_pandas()
print(customers.state.value_counts().to_string())

# %% [markdown]
# How long is the time since the last order, compared with the customer's usual gap between orders?

# %%
active = customers[customers.state == "active"]
figure, axes = plt.subplots(figsize=(9, 3))
axes.hist(active.overdue_ratio.clip(upper=10), bins=40)
axes.set_xlabel("days since the last order ÷ usual gap (capped at 10); most customers are on time")

# %%
later = history.connection.sql(
    f"SELECT DISTINCT customer_id FROM orders WHERE amount > 0 AND ordered_at >= TIMESTAMP '{AS_OF}' "
    f"AND ordered_at < TIMESTAMP '{YEAR.after(AS_OF)}'"
).to_arrow_table()["customer_id"].to_pylist()  # fmt: skip
churned = ~active.customer_id.isin(later)
churn_rate = churned.groupby(pd.cut(active.overdue_ratio, [0, 1, 2, 4, 8, 1e9])).mean()
print(churn_rate.round(2).to_string())

# %%
print(
    f"Answer: {len(customers):,} customers and leads, {len(active):,} of them active at {AS_OF:%Y-%m-%d}; "
    f"{churned.mean():.0%} of these ordered nothing in the next year, and {churn_rate.iloc[-1]:.0%} of those "
    "whose last order was more than 8 usual gaps ago."
)
