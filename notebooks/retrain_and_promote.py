# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # Half a year later, does a newer model replace the champion, and can that be undone?
# The same steps as `rapport train`, `rapport models promote` and `rapport models rollback`.

# %%
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from rapport.durations import parse_duration
from rapport.errors import PromotionError
from rapport.history import read_history
from rapport.history.simulate import simulate
from rapport.scoring.models import model_store
from rapport.training import list_models, promote, register, rollback, train

folder = Path(tempfile.mkdtemp())
simulate(folder / "company", customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
history, data_dir, year = read_history(folder / "company"), folder / "data", parse_duration("12mo")
environ = {"MLFLOW_TRACKING_URI": os.environ.get("MLFLOW_TRACKING_URI", "")}


# %% [markdown]
# The first model of a target becomes the champion.


# %%
def trained_at(as_of: datetime) -> str:
    """Train on the facts before ``as_of``, register the model, and return its version."""
    trained = train(history, "churn", as_of=as_of, horizon=year, active=year)
    registered = register(trained, data_dir=data_dir, environ=environ, now=datetime.now(UTC))
    print(registered.text)
    return str(model_store.versions(data_dir, "churn")[-1])


first = trained_at(datetime(2025, 5, 1))

# %% [markdown]
# Half a year later there is more data. The new model is registered as challenger.

# %%
second = trained_at(datetime(2025, 11, 1))
print(list_models(data_dir, "churn", environ=environ).text)

# %% [markdown]
# The gate promotes it only if its grade suffices and it is no worse than the champion on the same rows.

# %%
try:
    print(promote(data_dir, "churn", second, environ=environ, now=datetime.now(UTC)).text)
    restored = rollback(data_dir, "churn", environ=environ, now=datetime.now(UTC))
    print(restored.text)
    outcome = f"Version {second} passed the gate and was promoted; one command restored version {first}."
except PromotionError as refusal:
    outcome = f"Version {second} stays challenger. {refusal}"

# %%
periods = pd.DataFrame([vars(period) for period in model_store.history(data_dir, "churn")])
print(periods.to_string(index=False))

# %%
print(f"Answer: {outcome} Champion now: version {model_store.champion_version(data_dir, 'churn')}.")
