# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Why do customers leave, and does Rapport report the true reasons?
# Only an invented company knows its true reasons: the simulator writes them to a separate folder that no model reads.

# %%
import os
import tempfile
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import read_history
from rapport.history.simulate import evaluate_against_truth, read_truth, simulate
from rapport.scoring import Scorer, build_answers
from rapport.training import train

company = Path(tempfile.mkdtemp()) / "company"
simulate(company, customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
history = read_history(company)
AS_OF, YEAR = datetime(2025, 11, 1), parse_duration("12mo")

# %%
trained = train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR)
print(trained.as_text())

# %%
customers = snapshot(history, AS_OF, trained.run.catalog, active=YEAR)
scored = Scorer(trained.bundle).score(customers, AS_OF)
scores = scored.to_table().to_pandas().dropna(subset="probability").set_index("customer_id")
riskiest = np.argsort(-np.nan_to_num(scored.probability))[:3]
for answer in build_answers(scored.take(riskiest), 3):
    score = answer.as_dict()
    print(f"{score['customer_id']}  {score['probability']:.0%}")
    print("".join(f"    {reason['text']} ({reason['points']:+.0%})\n" for reason in score["reasons"]))

# %% [markdown]
# Evidence is in log-odds and adds up, so it can be averaged: what raises the risk of the customers at risk?

# %%
evidence = scores.filter(like="evidence_").rename(columns=lambda name: name.removeprefix("evidence_"))
at_risk = scores.probability >= 0.3
weight = evidence[at_risk].clip(lower=0).mean().sort_values()
weight[weight > 0.01].plot.barh(figsize=(8, 4), title="Mean evidence for churn, customers at 30 % and more")
plt.xlabel("log-odds")

# %% [markdown]
# The truth: the probability given every hidden driver of the simulation, and the driver with the largest effect.

# %%
truth = read_truth(company, "churn", AS_OF)
families = {customer: list(row.nlargest(2).index) for customer, row in evidence.iterrows()}
verdict = evaluate_against_truth(scores.probability.to_dict(), truth, families)
true = truth.to_pandas().set_index("customer_id").probability.reindex(scores.index)
scores.assign(true=true).plot.scatter("true", "probability", s=6, alpha=0.4, title="Predicted against true probability")

# %%
found = pd.DataFrame(verdict.by_driver, index=["found among the first two reasons", "customers"]).T
print(found.round(2).to_string())

# %%
print(
    f"Answer: mainly because of {weight.index[-1]} and {weight.index[-2]}. Predictions agree with the truth: "
    f"rank correlation {verdict.spearman:.2f}, mean error {verdict.calibration_error:.3f}; where one driver "
    f"causes the risk, its family is among the first two reasons for {verdict.reasons:.0%}."
)
