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

from rapport.durations import parse_duration
from rapport.history import read_history
from rapport.history.simulate import simulate
from rapport.scoring.cards import load_card
from rapport.training import backtest, train

company = Path(tempfile.mkdtemp()) / "company"
simulate(company, customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
history = read_history(company)
AS_OF, YEAR = datetime(2025, 11, 1), parse_duration("12mo")

# %% [markdown]
# People write the card: dimensions, indicators, bands and weights. The model learns from past outcomes.

# %%
card = load_card("relationship")
print(f"{card.name}/{card.version} uses {', '.join(str(name) for name in card.features)}")

# %% [markdown]
# Both predict from the facts before one date; the next twelve months show the outcomes.

# %%
predicted = backtest(history, "churn", cutoff=AS_OF, horizon=YEAR, active=YEAR).to_pandas().set_index("customer_id")
ordered = history.connection.sql(
    f"SELECT DISTINCT customer_id FROM orders WHERE amount > 0 AND ordered_at >= TIMESTAMP '{AS_OF}' "
    f"AND ordered_at < TIMESTAMP '{YEAR.after(AS_OF)}'"
).to_arrow_table()["customer_id"].to_pylist()  # fmt: skip
churned = pd.Series(~predicted.index.isin(ordered), predicted.index)
parts = {"card": "rule_probability", "model": "model_probability", "blend": "probability"}

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 4))
recall = {}
for name, column in parts.items():
    ranked = churned[predicted[column].sort_values(ascending=False).index].to_numpy()
    recall[name] = ranked.cumsum() / ranked.sum()
    axes[0].plot([rank / len(ranked) for rank in range(len(ranked))], recall[name], label=name)
    decile = pd.qcut(predicted[column].rank(method="first"), 10, labels=False)
    axes[1].plot(predicted[column].groupby(decile).mean(), churned.groupby(decile).mean(), "o-", label=name)
axes[0].set(xlabel="share of customers called", ylabel="share of churners found", title="Recall by contacted share")
axes[1].set(xlabel="predicted", ylabel="observed", title="Calibration by decile")
axes[1].axline((0, 0), slope=1, color="grey", linestyle=":")
axes[0].legend()

# %% [markdown]
# The same comparison on the validation cutoffs of a training run, with simple rules:

# %%
print(train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR).as_text())

# %%
fifth = len(churned) // 5
print(
    f"Answer: contacting the riskiest fifth finds {recall['card'][fifth]:.0%} of the churners with the card, "
    f"{recall['model'][fifth]:.0%} with the model and {recall['blend'][fifth]:.0%} with the blend. The card explains "
    "a score in the company's own terms, so the blend keeps it with the weight that validation supports."
)
