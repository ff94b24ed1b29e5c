# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # A year has passed: does a newer model replace the champion, and can it be taken back?
# The same steps as `rapport train`, `rapport models promote` and `rapport models rollback`.

# %%
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from rapport.history import read_history
from rapport.history.simulate import simulate
from rapport.scoring import shelf
from rapport.training import models_list, promote, record, rollback, train

from rapport.durations import parse_span
from rapport.errors import PromotionError

place = Path(tempfile.mkdtemp())
simulate(place / "company", customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
history, home, year = read_history(place / "company"), place / "home", parse_span("12mo")
environ = {"MLFLOW_TRACKING_URI": os.environ.get("MLFLOW_TRACKING_URI", "")}


# %% [markdown]
# The first model of a target becomes the champion.


# %%
def trained_at(as_of: datetime) -> str:
    """Train on what was known then, keep the model, and return its version."""
    trained = train(history, "churn", as_of=as_of, horizon=year, active=year)
    kept = record(trained, home=home, environ=environ, now=datetime.now(UTC))
    print(kept.text)
    return str(shelf.versions(home, "churn")[-1])


first = trained_at(datetime(2025, 5, 1))

# %% [markdown]
# Half a year later there is more to learn from. The new model waits as challenger.

# %%
second = trained_at(datetime(2025, 11, 1))
print(models_list(home, "churn", environ=environ).text)

# %% [markdown]
# It is promoted only if its gates pass: its grade, and no worse than the champion on the same rows.

# %%
try:
    print(promote(home, "churn", second, environ=environ, now=datetime.now(UTC)).text)
    back = rollback(home, "churn", environ=environ, now=datetime.now(UTC))
    print(back.text)
    said = f"Version {second} passed its gates and was promoted; one command took it back to {first}."
except PromotionError as refusal:
    said = f"Version {second} stays challenger. {refusal}"

# %%
reigns = pd.DataFrame([vars(reign) for reign in shelf.history(home, "churn")])
print(reigns.to_string(index=False))

# %%
print(f"Answer: {said} Champion now: version {shelf.champion_version(home, 'churn')}.")
