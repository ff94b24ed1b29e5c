# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Why do customers leave, and are the reasons that Rapport gives the true ones?
# Only an invented company knows its true reasons: they lie beside the history, where no model sees them.

# %%
import os
import tempfile
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.simulate import judge, read_truth, simulate
from rapport.scoring import Scorer
from rapport.training import train

from rapport.durations import parse_span

company = Path(tempfile.mkdtemp()) / "company"
simulate(company, customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
history = read_history(company)
AS_OF, YEAR = datetime(2025, 11, 1), parse_span("12mo")

# %%
trained = train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR)
print(trained.as_text())

# %%
people = snapshot(history, AS_OF, trained.made.features, active=YEAR)
scored = Scorer(trained.bundle).score(people, AS_OF)
scores = scored.to_table().to_pandas().dropna(subset="probability").set_index("customer_id")
riskiest = np.argsort(-np.nan_to_num(scored.probability))[:3]
for answer in scored.take(riskiest).answers(3):
    told = answer.as_dict()
    print(f"{told['customer_id']}  {told['probability']:.0%}")
    print("".join(f"    {reason['text']} ({reason['points']:+.0%})\n" for reason in told["reasons"]))

# %% [markdown]
# Evidence is in log-odds and adds up, so it can be summed over customers: what speaks for leaving, among those at risk?

# %%
evidence = scores.filter(like="evidence_").rename(columns=lambda name: name.removeprefix("evidence_"))
at_risk = scores.probability >= 0.3
weight = evidence[at_risk].clip(lower=0).mean().sort_values()
weight[weight > 0.01].plot.barh(figsize=(8, 4), title="Mean evidence for leaving, customers at 30 % and more")
plt.xlabel("log-odds")

# %% [markdown]
# The truth: the chance that an observer of every hidden driver would give, and the driver that makes most of it.

# %%
truth = read_truth(company, "churn", AS_OF)
families = {customer: list(row.nlargest(2).index) for customer, row in evidence.iterrows()}
verdict = judge(scores.probability.to_dict(), truth, families)
true = truth.to_pandas().set_index("customer_id").probability.reindex(scores.index)
scores.assign(true=true).plot.scatter("true", "probability", s=6, alpha=0.4, title="Predicted against true chance")

# %%
found = pd.DataFrame(verdict.by_driver, index=["found among the first two reasons", "customers"]).T
print(found.round(2).to_string())

# %%
print(
    f"Answer: mostly because of {weight.index[-1]} and {weight.index[-2]}. Predictions rank like the truth with "
    f"Spearman {verdict.spearman:.2f}, miss it by {verdict.calibration_error:.3f} on average, and where one driver "
    f"makes the risk, its family is among the first two reasons for {verdict.reasons:.0%}."
)
