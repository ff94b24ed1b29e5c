# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # What is in a history, and what can be learnt from it?
# An invented company stands for your own: put your folder in `company` and run the cells again.

# %%
import os
import tempfile
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.check import check_history
from rapport.history.simulate import simulate

from rapport.durations import parse_span

company = Path(tempfile.mkdtemp()) / "company"
simulate(company, customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
history = read_history(company)
AS_OF, YEAR = datetime(2025, 11, 1), parse_span("12mo")

# %% [markdown]
# What was read, what was refused, and what can be trained:

# %%
print(check_history(history).as_text())

# %% [markdown]
# Orders have seasons: the dip of Chinese New Year, the push at the end of each quarter.

# %%
orders = history.connection.sql(
    "SELECT date_trunc('month', ordered_at) AS month, count(DISTINCT order_id) AS orders, sum(amount) AS amount "
    "FROM orders WHERE amount > 0 GROUP BY month ORDER BY month"
).to_arrow_table().to_pandas()  # fmt: skip
figure, axes = plt.subplots(figsize=(9, 3))
axes.bar(orders.month, orders.orders, width=25)
axes.set_title("Orders by month")

# %% [markdown]
# Who are the customers at one moment? Everyone is in one state; only *active* ones get a churn probability, only
# *new* ones a chance to buy.

# %%
people = snapshot(history, AS_OF, active=YEAR).to_pandas()
print(people.state.value_counts().to_string())

# %% [markdown]
# How long do active customers stay silent, against their own usual gap?

# %%
active = people[people.state == "active"]
figure, axes = plt.subplots(figsize=(9, 3))
axes.hist(active.overdue_ratio.clip(upper=10), bins=40)
axes.set_xlabel("most are on time: days since the last order ÷ usual gap, at most 10")

# %%
later = history.connection.sql(
    f"SELECT DISTINCT customer_id FROM orders WHERE amount > 0 AND ordered_at >= TIMESTAMP '{AS_OF}' "
    f"AND ordered_at < TIMESTAMP '{YEAR.after(AS_OF)}'"
).to_arrow_table()["customer_id"].to_pylist()  # fmt: skip
left = ~active.customer_id.isin(later)
by_silence = left.groupby(pd.cut(active.overdue_ratio, [0, 1, 2, 4, 8, 1e9])).mean()
print(by_silence.round(2).to_string())

# %%
print(
    f"Answer: {len(people):,} customers and leads, {len(active):,} of them active at {AS_OF:%Y-%m-%d}; "
    f"{left.mean():.0%} of these ordered nothing in the next year, and {by_silence.iloc[-1]:.0%} of those "
    "who had been silent for more than 8 usual gaps."
)
