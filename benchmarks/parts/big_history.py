"""A big invented history without meaning: only for time and memory, made by DuckDB in one statement a table."""

import shutil
from pathlib import Path

import duckdb

MONTHS = 36
BEGIN = "2023-01-01"
END = "2026-01-01"

# hash() gives the same numbers on every machine, random() does not.
DRAW = "(hash({seed}, i) % 1000003 / 1000003.0)"
SECONDS = MONTHS * 30.4375 * 86_400
WHEN = f"TIMESTAMP '{BEGIN}' + to_seconds(floor((i + {{jitter}}) / {{rows}} * {SECONDS}))"


def _customer(customers: int, seed: int) -> str:
    # A few customers have much, most have little, as in real companies.
    return f"'C' || lpad(CAST(CAST(pow({DRAW.format(seed=seed)}, 1.4) * {customers} AS INTEGER) AS VARCHAR), 7, '0')"


def statements(customers: int, orders: int, interactions: int) -> dict[str, str]:
    """Return the SQL of the three tables."""

    def when(rows: int) -> str:
        return WHEN.format(jitter=DRAW.format(seed=9), rows=rows)

    def draw(seed: int) -> str:
        return DRAW.format(seed=seed)

    return {
        "customers": "SELECT 'C' || lpad(CAST(i AS VARCHAR), 7, '0') AS customer_id, "
        f"TIMESTAMP '{BEGIN}' AS created_at FROM range({customers + 1}) AS rows(i)",
        "orders": f"SELECT {_customer(customers, 1)} AS customer_id, 'O' || i AS order_id, "
        f"{when(orders)} AS ordered_at, "
        f"CASE WHEN {draw(2)} < 0.03 THEN -1 ELSE 1 END * round(20 + 500 * pow({draw(3)}, 3), 2) AS amount, "
        f"'P' || CAST(floor(40 * {draw(4)}) AS INTEGER) AS product, 1 + floor(9 * {draw(5)}) AS quantity "
        f"FROM range({orders}) AS rows(i)",
        "interactions": f"SELECT customer_id, {when(interactions)} AS occurred_at, "
        "['meeting', 'visit', 'call', 'email', 'email', 'chat'][1 + CAST(floor(6 * a) AS INTEGER)] AS channel, "
        "CASE WHEN b < 0.4 THEN 'inbound' ELSE 'outbound' END AS direction, "
        "customer_id || '-' || CAST(floor(5 * c) AS INTEGER) AS contact_id, "
        "CASE WHEN b < 0.4 THEN round(48 * a * c, 1) END AS response_hours, "
        "CASE WHEN a < 0.3 THEN round(2 * c - 1, 2) END AS sentiment FROM "
        f"(SELECT i, {_customer(customers, 6)} AS customer_id, {draw(7)} AS a, {draw(8)} AS b, {draw(10)} AS c "
        f"FROM range({interactions}) AS rows(i))",
    }


def more_statements(customers: int) -> dict[str, str]:
    """Return the SQL of three tables more, two, one and one row a customer, for histories that keep books."""

    def rows(count: int, seed: int, *columns: str) -> str:
        at = WHEN.format(jitter=DRAW.format(seed=9), rows=count)
        draws = ", ".join(f"{DRAW.format(seed=seed + place)} AS {name}" for place, name in enumerate("abc", 1))
        drawn = f"i, {_customer(customers, seed)} AS customer_id, {at} AS moment, {draws}"
        return f"SELECT customer_id, {', '.join(columns)} FROM (SELECT {drawn} FROM range({count}) AS rows(i))"

    return {
        "touches": rows(
            2 * customers,
            21,
            "moment AS occurred_at",
            "['view', 'view', 'click', 'download', 'login', 'cart'][1 + CAST(floor(6 * a) AS INTEGER)] AS action",
            "['web', 'email'][1 + CAST(floor(2 * b) AS INTEGER)] AS channel",
        ),
        "tickets": rows(
            customers,
            31,
            "'T' || i AS ticket_id",
            "moment AS opened_at",
            "moment + to_hours(CAST(48 * b AS INTEGER)) AS responded_at",
            "CASE WHEN c < 0.9 THEN moment + to_hours(CAST(48 * b + 300 * c AS INTEGER)) END AS resolved_at",
            "CASE WHEN a < 0.3 THEN 'complaint' ELSE 'support' END AS kind",
            "1 + floor(3 * c) AS severity",
        ),
        "invoices": rows(
            customers,
            41,
            "'I' || i AS invoice_id",
            "moment AS issued_at",
            "moment + INTERVAL 30 DAY AS due_at",
            "CASE WHEN a < 0.95 THEN moment + to_hours(CAST(1200 * b AS INTEGER)) END AS paid_at",
            "round(50 + 400 * c, 2) AS amount",
        ),
    }


def big_history(folder: Path, scale: float, threads: int = 2) -> Path:
    """Write 200,000 customers, 20 M orders and 20 M interactions times ``scale``, unless they are there."""
    home = folder / f"big-{scale:g}"
    if not (home / "interactions.parquet").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        connection = duckdb.connect(config={"threads": threads})
        connection.execute("SET enable_progress_bar = false")
        sizes = (round(200_000 * scale), round(20_000_000 * scale), round(20_000_000 * scale))
        for name, sql in statements(*sizes).items():
            # A half-written file must not pass for a whole one.
            part = home / f"{name}.part"
            connection.execute(f"COPY ({sql}) TO '{part}' (FORMAT parquet)")
            part.rename(home / f"{name}.parquet")
    return home
