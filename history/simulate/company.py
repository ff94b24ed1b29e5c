"""Write the history of a simulated company as Parquet, and its ground truth to a folder beside it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rapport.errors import SettingsError
from rapport.history.contract import TABLES
from rapport.history.simulate.contacts import customers as accounts
from rapport.history.simulate.contacts import draw_people
from rapport.history.simulate.interactions import interactions, touches
from rapport.history.simulate.opportunities import opportunities
from rapport.history.simulate.reference_tables import campaigns, industries
from rapport.history.simulate.service_events import risk_events, surveys, tickets
from rapport.history.simulate.transactions import contracts, credit, draw_orders, invoices, order_lines
from rapport.history.simulate.truth_tables import churn_truth, conversion_truth
from rapport.history.simulate.world import World, draw_world
from rapport.progress import Progress, no_progress

MIN_CUSTOMERS, MAX_CUSTOMERS = 20, 1_000_000
MIN_YEARS, MAX_YEARS = 2, 15


def simulate(
    out: Path, customers: int = 2000, years: int = 4, seed: int = 7, *, progress: Progress = no_progress
) -> None:
    """Simulate a company, write its fourteen tables to ``out`` and the ground truth to ``out`` + ``.truth``.

    ``customers`` is the approximate number of accounts that buy at some time; there are slightly more leads than that.
    The same arguments give the same files on every machine.

    Raises
    ------
    SettingsError
        A number out of range, or ``out`` holds something else.
    """
    _check(customers, years)
    truth = _folder(out.with_name(out.name + ".truth"), {"churn", "conversion"})
    history = _folder(out, {table.name for table in TABLES})
    progress("simulating the years", 0.0)
    world = draw_world(customers, years, seed)
    done = 0.2
    for name, table in _tables(world):
        progress(f"writing {name}", done)
        pq.write_table(table, history / f"{name}.parquet")
        done += 0.05
    progress("writing the ground truth", done)
    pq.write_table(churn_truth(world), truth / "churn.parquet")
    pq.write_table(conversion_truth(world), truth / "conversion.parquet")
    progress("done", 1.0)


def _tables(world: World) -> list[tuple[str, pa.Table]]:
    people, orders = draw_people(world), draw_orders(world)
    return [
        ("customers", accounts(world)),
        ("contacts", people.table),
        ("orders", order_lines(world, orders)),
        ("interactions", interactions(world, people)),
        ("touches", touches(world)),
        ("opportunities", opportunities(world, orders)),
        ("tickets", tickets(world)),
        ("surveys", surveys(world)),
        ("invoices", invoices(world, orders)),
        ("risk_events", risk_events(world)),
        ("contracts", contracts(world, orders)),
        ("credit", credit(world)),
        ("campaigns", campaigns(world)),
        ("industries", industries(world)),
    ]


def _check(customers: int, years: int) -> None:
    if not MIN_CUSTOMERS <= customers <= MAX_CUSTOMERS:
        raise SettingsError(f"--customers {customers}: choose a number from {MIN_CUSTOMERS} to {MAX_CUSTOMERS}.")
    if not MIN_YEARS <= years <= MAX_YEARS:
        raise SettingsError(f"--years {years}: choose a number from {MIN_YEARS} to {MAX_YEARS}.")


def _folder(folder: Path, names: set[str]) -> Path:
    """Create the folder, or accept one that holds only such files."""
    if folder.is_file():
        raise SettingsError(f"{folder}: is a file. Name a folder for the simulated history.")
    folder.mkdir(parents=True, exist_ok=True)
    others = sorted(path.name for path in folder.iterdir() if path.name not in {f"{name}.parquet" for name in names})
    if others:
        raise SettingsError(f"{folder}: holds other files ({', '.join(others[:3])}). Choose an empty or a new folder.")
    return folder
