"""Features by Featuretools with cutoff times; run by an interpreter of its own, see engine_peers.py."""

import json
import resource
import sys
import time
import warnings
from pathlib import Path

import featuretools
import numpy as np
import pandas as pd


def cells_at(folder: Path, cutoffs: list[pd.Timestamp]) -> pd.DataFrame:
    """Return the cells of every customer with an order at each cutoff."""
    orders = pd.read_parquet(folder / "orders.parquet", columns=["customer_id", "order_id", "ordered_at", "amount"])
    contacts = pd.read_parquet(folder / "interactions.parquet", columns=["customer_id", "occurred_at"])
    contacts["contact"] = np.arange(len(contacts))
    customers = pd.DataFrame({"customer_id": sorted(set(orders.customer_id) | set(contacts.customer_id))})
    tables = {
        "customers": (customers, "customer_id"),
        "orders": (orders[orders.amount > 0], "order_id", "ordered_at"),
        "contacts": (contacts, "contact", "occurred_at"),
    }
    links = [
        ("customers", "customer_id", "orders", "customer_id"),
        ("customers", "customer_id", "contacts", "customer_id"),
    ]
    store = featuretools.EntitySet("company", tables, links)
    parts = [_windowed(store, customers, cutoffs, days) for days in (90, 365)]
    return parts[0].merge(parts[1], on=["customer_id", "cutoff"])


def _windowed(
    store: "featuretools.EntitySet", customers: pd.DataFrame, cutoffs: list[pd.Timestamp], days: int
) -> pd.DataFrame:
    """Return counts, sums and largest of one window; a cutoff itself belongs to the future."""
    instant = pd.Timedelta(microseconds=1)
    times = pd.concat([customers.assign(time=cutoff - instant) for cutoff in cutoffs])
    rows, _ = featuretools.dfs(
        entityset=store,
        target_dataframe_name="customers",
        cutoff_time=times,
        cutoff_time_in_index=True,
        training_window=f"{days * 86_400} seconds",
        agg_primitives=["count", "sum", "max"],
        trans_primitives=[],
    )
    named = {
        "COUNT(orders)": f"orders_count_{days}d",
        "SUM(orders.amount)": f"spend_sum_{days}d",
        "MAX(orders.amount)": f"order_value_max_{days}d",
        "COUNT(contacts)": f"interactions_count_{days}d",
    }
    rows = rows[list(named)].rename(columns=named).reset_index()
    return rows.assign(cutoff=rows.time + instant).drop(columns="time")


def main() -> None:
    """Write the cells and print what they took."""
    warnings.simplefilter("ignore")
    folder, out, *written = sys.argv[1:]
    wall, cpu = time.perf_counter(), time.process_time()
    cells = cells_at(Path(folder), [pd.Timestamp(each) for each in written])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    cells = cells.assign(customer_id=cells.customer_id.astype(str))
    cells.astype({name: float for name in cells if name not in ("customer_id", "cutoff")}).to_parquet(out)
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}))


if __name__ == "__main__":
    main()
