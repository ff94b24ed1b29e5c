# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Is your own model better than ours, on the same customers at the same cutoffs?
# Put your scikit-learn estimator into `yours`. Every model learns from the same rows, known before the last cutoff, and
# is judged on the outcomes that came after it.

# %%
import os
import tempfile
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from rapport.durations import parse_duration
from rapport.features import training_rows
from rapport.history import read_history
from rapport.history.simulate import simulate
from rapport.training import EnsembleClassifier, backtest

yours = HistGradientBoostingClassifier(max_iter=80, learning_rate=0.05, random_state=0)

company = Path(tempfile.mkdtemp()) / "company"
simulate(company, customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
history = read_history(company)
CUTOFF, YEAR = datetime(2025, 10, 1), parse_duration("12mo")
EARLIER = [datetime(2024, 10, 1), datetime(2024, 7, 1), datetime(2024, 4, 1), datetime(2024, 1, 1)]

# %% [markdown]
# The rows to learn from are known at the cutoff, outcomes included; the rows to judge on are those of the cutoff.

# %%
known = training_rows(history, "churn", EARLIER, active=YEAR, horizon=YEAR, known_by=CUTOFF).to_pandas()
judged = training_rows(history, "churn", [CUTOFF], active=YEAR, horizon=YEAR, known_by=YEAR.after(CUTOFF)).to_pandas()
candidates = known.drop(columns=["customer_id", "cutoff", "label"]).select_dtypes("number").columns
# scikit-learn's trees refuse a column without any value.
numbers = [name for name in candidates if known[name].nunique() > 1]
print(f"{len(known):,} rows to learn from, {len(judged):,} customers to judge on, {len(numbers)} features")

# %%
ours = EnsembleClassifier().fit(known[numbers], known.label, groups=known.customer_id, cutoffs=known.cutoff)
yours.fit(known[numbers], known.label)
predicted = {
    "yours": yours.predict_proba(judged[numbers])[:, 1],
    "our estimator": ours.predict_proba(judged[numbers])[:, 1],
}

# %% [markdown]
# The whole pipeline has more: order cadence, card, base rate by season, calibration on validation cutoffs.

# %%
whole = backtest(history, "churn", cutoff=CUTOFF, horizon=YEAR, active=YEAR).to_pandas().set_index("customer_id")
predicted["our pipeline"] = whole.probability[judged.customer_id].to_numpy()

# %%
figures = {"AUC": roc_auc_score, "average precision": average_precision_score, "Brier": brier_score_loss}
table = pd.DataFrame(
    {name: [measure(judged.label, values) for measure in figures.values()] for name, values in predicted.items()},
    figures,
)
print(table.round(3).to_string())
table.T.plot.bar(subplots=True, layout=(1, 3), figsize=(10, 3), legend=False, sharex=True)
plt.show()

# %%
best = table.loc["average precision"].idxmax()
print(f"Answer: {best} ranks best (average precision {table.loc['average precision', best]:.3f}).")
