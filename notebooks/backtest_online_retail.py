# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # On a real shop's orders, would Rapport have known in June 2011 who stops buying, and better than rules of thumb?
# Data: UCI Online Retail II (CC BY 4.0), in the table contract, in the folder named by `BENCH`.

# %%
import os
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from rapport.history import read_history
from rapport.training import backtest
from sklearn.metrics import log_loss, roc_auc_score

from rapport.durations import parse_span

bench = Path(os.environ.get("BENCH", "../shared/bench"))
history = read_history(bench / "data" / "online_retail_ii")
CUTOFF = datetime(2011, 6, 12)

# %% [markdown]
# Train on what was known at the cutoff, predict 180 days of silence for everyone who ordered in the year before.

# %%
rows = backtest(history, "churn", cutoff=CUTOFF, horizon=parse_span("180d"), active=parse_span("365d"))
ours = rows.to_pandas().set_index("customer_id").probability

# %% [markdown]
# What then happened, and what the peers had predicted for the same customers:

# %%
task = pd.read_parquet(bench / "tasks" / "uci_6m.parquet").astype({"customer_id": str}).set_index("customer_id")
chances = task.drop(columns="label").assign(rapport=ours.reindex(task.index).fillna(ours.mean())).clip(1e-6, 1 - 1e-6)
table = pd.DataFrame(
    {
        "auc": chances.apply(lambda chance: roc_auc_score(task.label, chance)),
        "log_loss": chances.apply(lambda chance: log_loss(task.label, chance)),
    }
).sort_values("log_loss")
print(table.round(4).to_string())

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 4))
table.auc.sort_values().plot.barh(ax=axes[0], title="AUC: who ranks best", xlim=(0.65, 0.82))
for name in ("rapport", "bg_nbd", "rfm_rule"):
    tenth = pd.qcut(chances[name].rank(method="first"), 10, labels=False)
    axes[1].plot(chances[name].groupby(tenth).mean(), task.label.groupby(tenth).mean(), "o-", label=name)
axes[1].axline((0, 0), slope=1, color="grey", linestyle=":")
axes[1].set(xlabel="said", ylabel="happened", title="Does it happen as often as said?")
axes[1].legend()

# %%
best = table.drop(index="rapport").iloc[0]
print(
    f"Answer: of {len(task):,} customers {task.label.mean():.0%} stopped. Rapport ranks with AUC "
    f"{table.auc['rapport']:.3f} (best peer {table.auc.drop('rapport').max():.3f}) and log loss "
    f"{table.log_loss['rapport']:.3f} (best peer, {best.name}: {best.log_loss:.3f})."
)
