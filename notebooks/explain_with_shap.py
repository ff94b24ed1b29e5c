# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Which features drive the served probability, by the plots that users of shap know?
# `explain` returns a `shap.Explanation` of the served blend in log-odds: trees, regression, order cadence, card.

# %%
import os
import tempfile
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import shap

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.simulate import simulate
from rapport.scoring import Scorer
from rapport.training import explain, train

company = Path(tempfile.mkdtemp()) / "company"
simulate(company, customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
history = read_history(company)
AS_OF, YEAR = datetime(2025, 11, 1), parse_duration("12mo")
model = train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR)
customers = snapshot(history, AS_OF, model.run.catalog, active=YEAR).to_pandas()
active = customers[customers.state == "active"].reset_index(drop=True)

# %%
explanation = explain(model.bundle, active)
scored = Scorer(model.bundle).score(snapshot(history, AS_OF, model.run.catalog, active=YEAR), AS_OF)
served = scored.logit[scored.eligible]
gap = np.abs(explanation.base_values + explanation.values.sum(axis=1) - served).max()
print(f"largest difference between base + values and the served log-odds: {gap:.1e}")

# %% [markdown]
# All customers: the strongest features, and their direction.

# %%
shap.plots.bar(explanation, max_display=12, show=False)
plt.show()
shap.plots.beeswarm(explanation, max_display=12, show=False)
plt.show()

# %% [markdown]
# One customer: the one with the highest probability.

# %%
riskiest = int(np.argmax(served))
shap.plots.waterfall(explanation[riskiest], max_display=10, show=False)
plt.show()

# %% [markdown]
# How one feature acts, and the families that the answers show.

# %%
strongest = int(np.abs(explanation.values).mean(axis=0).argmax())
shap.plots.scatter(explanation[:, strongest], show=False)
plt.show()
families = explain(model.bundle, active, families=True)
shap.plots.heatmap(families, show=False)
plt.show()

# %%
share = np.abs(families.values).mean(axis=0)
order = np.argsort(-share)[:3]
named = ", ".join(f"{families.feature_names[one]} ({share[one] / share.sum():.0%})" for one in order)
print(f"Answer: the evidence comes from {named}; the strongest feature is {explanation.feature_names[strongest]}.")
