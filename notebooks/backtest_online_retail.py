# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # On a real shop's orders, could Rapport have predicted in June 2011 who stops buying, and better than simple rules?
# Data: UCI Online Retail II (CC BY 4.0), in the table contract. The variable `BENCH` names its folder.

# %%
import os
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from rapport.durations import parse_duration
from rapport.history import read_history
from rapport.training import backtest

bench = Path(os.environ.get("BENCH", "../shared/bench"))
history = read_history(bench / "data" / "online_retail_ii")
CUTOFF = datetime(2011, 6, 12)

# %% [markdown]
# Train on the facts before the cutoff, and predict for every customer of the last year: no order within 180 days.

# %%
rows = backtest(history, "churn", cutoff=CUTOFF, horizon=parse_duration("180d"), active=parse_duration("365d"))
predicted = rows.to_pandas().set_index("customer_id").probability

# %% [markdown]
# Compare with the outcomes, and with other models' predictions for the same customers:

# %%
task = pd.read_parquet(bench / "tasks" / "uci_6m.parquet").astype({"customer_id": str}).set_index("customer_id")
models = task.drop(columns="label").assign(rapport=predicted.reindex(task.index).fillna(predicted.mean()))
models = models.clip(1e-6, 1 - 1e-6)
table = pd.DataFrame(
    {
        "auc": models.apply(lambda probability: roc_auc_score(task.label, probability)),
        "log_loss": models.apply(lambda probability: log_loss(task.label, probability)),
    }
).sort_values("log_loss")
print(table.round(4).to_string())

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 4))
table.auc.sort_values().plot.barh(ax=axes[0], title="Ranking quality (AUC)", xlim=(0.65, 0.82))
for name in ("rapport", "bg_nbd", "rfm_rule"):
    decile = pd.qcut(models[name].rank(method="first"), 10, labels=False)
    axes[1].plot(models[name].groupby(decile).mean(), task.label.groupby(decile).mean(), "o-", label=name)
axes[1].axline((0, 0), slope=1, color="grey", linestyle=":")
axes[1].set(xlabel="predicted", ylabel="observed", title="Calibration by decile")
axes[1].legend()

# %%
best = table.drop(index="rapport").iloc[0]
print(
    f"Answer: of {len(task):,} customers {task.label.mean():.0%} stopped. Rapport has an AUC of "
    f"{table.auc['rapport']:.3f} (best peer {table.auc.drop('rapport').max():.3f}) and log loss "
    f"{table.log_loss['rapport']:.3f} (best peer, {best.name}: {best.log_loss:.3f})."
)
