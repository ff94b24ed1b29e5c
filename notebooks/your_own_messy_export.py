# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # What does your own messy export say about churn, fifteen minutes from now?
# Set EXPORT to your file or folder. Without it, this notebook makes one that looks as exports do: GB18030, a title
# above the header, Chinese names, `¥1,234.50`, a total at the end.

# %%
import os
import tempfile
import tomllib
from pathlib import Path

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.history import Settings, read_history
from rapport.history.checks import check_history
from rapport.history.mapping import propose_mapping
from rapport.history.simulate import simulate
from rapport.scoring import Scorer
from rapport.training import default_cutoff, train


def invented_export() -> Path:
    folder = Path(tempfile.mkdtemp())
    simulate(folder / "company", customers=int(os.environ.get("NOTEBOOK_CUSTOMERS", "1000")))
    with read_history(folder / "company") as history:
        orders = history.connection.sql("SELECT * FROM orders").to_arrow_table().to_pandas()
    lines = ["销售订单明细", "客户编号,订单号,下单日期,金额"]
    for row in orders.itertuples():
        day = row.ordered_at
        lines.append(f'{row.customer_id},{row.order_id},{day.year}/{day.month}/{day.day},"¥{row.amount:,.2f}"')
    export = folder / "订单.csv"
    export.write_text("\n".join([*lines, f'合计,,,"¥{orders.amount.sum():,.2f}"']), encoding="gb18030")
    return export


export = Path(os.environ["EXPORT"]) if "EXPORT" in os.environ else invented_export()

# %% [markdown]
# What it was taken for. `rapport init FILE` asks the same and writes `rapport.toml`.

# %%
proposal = propose_mapping(export, None, None)
print(proposal.as_toml())
settings = Settings.of(tomllib.loads(proposal.as_toml()))

# %% [markdown]
# What was read, what was set aside and why, and which models can be trained:

# %%
history = read_history(export, settings)
print(check_history(history).as_text())

# %%
AS_OF, YEAR = default_cutoff(history), parse_duration("12mo")
model = train(history, "churn", as_of=AS_OF, horizon=YEAR, active=YEAR)
print(model.as_text())

# %% [markdown]
# The customers to look at first:

# %%
customers = snapshot(history, AS_OF, model.run.catalog, active=YEAR)
scores = Scorer(model.bundle).score(customers, AS_OF).to_table().to_pandas().dropna(subset="probability")
print(scores.nlargest(10, "value_at_risk")[["customer_id", "probability", "value_at_risk"]].to_string(index=False))

# %%
leaving = (scores.probability >= 0.5).sum()
print(
    f"Answer: of {len(scores):,} active customers, {leaving:,} are more likely to leave than to stay; "
    f"{scores.value_at_risk.sum():,.0f} of revenue is at risk. The model has grade {model.bundle.grade}."
)
