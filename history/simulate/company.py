"""Write an invented company's history as Parquet, and the truth about it in a folder beside."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rapport.history.contract import TABLES
from rapport.history.simulate.care import risk_events, surveys, tickets
from rapport.history.simulate.deals import opportunities
from rapport.history.simulate.ledger import churn_truth, conversion_truth
from rapport.history.simulate.people import customers as accounts
from rapport.history.simulate.people import draw_people
from rapport.history.simulate.talk import interactions, touches
from rapport.history.simulate.trade import contracts, credit, draw_orders, invoices, order_lines
from rapport.history.simulate.world import World, invent

from rapport.errors import SettingsError

Progress = Callable[[str, float], None]
FEWEST, MOST = 20, 1_000_000
SHORTEST, LONGEST = 2, 15


def simulate(
    out: Path, customers: int = 2000, years: int = 4, seed: int = 7, *, progress: Progress | None = None
) -> None:
    """Invent a company and write its twelve tables to ``out`` and the truth to ``out`` + ``.truth``.

    ``customers`` is how many accounts buy at some time, roughly; more than as many leads come beside them.
    Equal arguments give equal files on every machine.

    Raises
    ------
    SettingsError
        A number out of range, or ``out`` holds something else.
    """
    _check(customers, years)
    truth = _folder(out.with_name(out.name + ".truth"), {"churn", "conversion"})
    history = _folder(out, {table.name for table in TABLES})
    say = progress or (lambda _message, _share: None)
    say("living through the years", 0.0)
    world = invent(customers, years, seed)
    done = 0.2
    for name, table in _tables(world):
        say(f"writing {name}", done)
        pq.write_table(table, history / f"{name}.parquet")
        done += 0.05
    say("writing down the truth", done)
    pq.write_table(churn_truth(world), truth / "churn.parquet")
    pq.write_table(conversion_truth(world), truth / "conversion.parquet")
    say("done", 1.0)


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
    ]


def _check(customers: int, years: int) -> None:
    if not FEWEST <= customers <= MOST:
        raise SettingsError(f"--customers {customers}: choose a number from {FEWEST} to {MOST}.")
    if not SHORTEST <= years <= LONGEST:
        raise SettingsError(f"--years {years}: choose a number from {SHORTEST} to {LONGEST}.")


def _folder(folder: Path, names: set[str]) -> Path:
    """Make the folder, or take one that holds nothing but such files."""
    if folder.is_file():
        raise SettingsError(f"{folder}: is a file. Name a folder for the invented history.")
    folder.mkdir(parents=True, exist_ok=True)
    strange = sorted(path.name for path in folder.iterdir() if path.name not in {f"{name}.parquet" for name in names})
    if strange:
        raise SettingsError(f"{folder}: holds other files ({', '.join(strange[:3])}). Choose an empty or a new folder.")
    return folder
