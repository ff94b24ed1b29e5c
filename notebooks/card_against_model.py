# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Is the scorecard as good as the model, and what does the blend of both add?

# %%
import os
import tempfile
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from rapport.history import read_history
from rapport.history.simulate import simulate
from rapport.scoring.cards import load_card
from rapport.training import backtest, train

from rapport.durations import parse_span

company = Path(tempfile.mkdtemp()) / "company"
simulate(company, customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
history = read_history(company)
AS_OF, YEAR = datetime(2025, 11, 1), parse_span("12mo")

# %% [markdown]
# The card is written by people: dimensions, indicators, bands and weights. The model learns from what happened.

# %%
card = load_card("relationship")
print(f"{card.name}/{card.version} weighs {', '.join(str(name) for name in card.features)}")

# %% [markdown]
# Both predict from what was known on one day; then the next twelve months are looked up.

# %%
predicted = backtest(history, "churn", cutoff=AS_OF, horizon=YEAR, active=YEAR).to_pandas().set_index("customer_id")
ordered = history.connection.sql(
    f"SELECT DISTINCT customer_id FROM orders WHERE amount > 0 AND ordered_at >= TIMESTAMP '{AS_OF}' "
    f"AND ordered_at < TIMESTAMP '{YEAR.after(AS_OF)}'"
).to_arrow_table()["customer_id"].to_pylist()  # fmt: skip
left = pd.Series(~predicted.index.isin(ordered), predicted.index)
parts = {"card": "rule_probability", "model": "model_probability", "blend": "probability"}

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 4))
caught = {}
for name, column in parts.items():
    ranked = left[predicted[column].sort_values(ascending=False).index].to_numpy()
    caught[name] = ranked.cumsum() / ranked.sum()
    axes[0].plot([place / len(ranked) for place in range(len(ranked))], caught[name], label=name)
    tenth = pd.qcut(predicted[column].rank(method="first"), 10, labels=False)
    axes[1].plot(predicted[column].groupby(tenth).mean(), left.groupby(tenth).mean(), "o-", label=name)
axes[0].set(xlabel="share of customers called", ylabel="share of leavers found", title="Who finds the leavers first")
axes[1].set(xlabel="said", ylabel="happened", title="Does it happen as often as said?")
axes[1].axline((0, 0), slope=1, color="grey", linestyle=":")
axes[0].legend()

# %% [markdown]
# The same on the slices that training itself kept aside, beside the rules of thumb:

# %%
print(train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR).as_text())

# %%
fifth = len(left) // 5
print(
    f"Answer: calling the riskiest fifth finds {caught['card'][fifth]:.0%} of the leavers by the card, "
    f"{caught['model'][fifth]:.0%} by the model and {caught['blend'][fifth]:.0%} by the blend. The card says why in a "
    "company's own words, so it stays in the answer with the weight that it has earned."
)
