"""The alert job: after a scoring run, raise the alerts of the company's rules and deliver each of them once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rapport.errors import ServingError
from rapport.features import catalog
from rapport.files import atomic_write
from rapport.history import History
from rapport.scoring.actions.playbook import playbook_of
from rapport.scoring.alerts import AlertContext
from rapport.scoring.health.tiers import Hysteresis, TierStates, update_tiers
from rapport.serving.environment import WEBHOOK_SECRET, WEBHOOK_URL
from rapport.serving.jobs.alert_delivery import AlertReport, deliver_alerts
from rapport.serving.jobs.channels import AlertFile, Channel, Webhook
from rapport.serving.snapshots.history import latest_day_on_or_before
from rapport.serving.snapshots.live_model import ScoreSnapshot
from rapport.serving.snapshots.portfolio_table import TABLE
from rapport.serving.snapshots.table_files import replace_table
from rapport.serving.work.alert_rules import RulesInForce

_TIERS = "tiers.arrow"
_TIERS_KEPT = timedelta(days=100)


def run_alert_job(
    history: History, data_dir: Path, snapshot: ScoreSnapshot, *, now: datetime, channels: Sequence[Channel] = ()
) -> AlertReport:
    """Raise and deliver the alerts of a snapshot; a second run for the same snapshot delivers nothing new."""
    playbook = playbook_of(history.settings)
    bundle = snapshot.scored.bundle
    rules = RulesInForce(data_dir, lambda: playbook)().for_target(bundle.target)
    if bundle.card is None:
        raise ServingError(f"The {bundle.target} model has no card, so it has no tiers to watch.")
    now_table = _current_table(data_dir, snapshot, rules.features, playbook.hysteresis)
    before = _earlier_table(data_dir, snapshot, rules.features, rules.rise_days)
    context = AlertContext(snapshot.as_of, bundle.card.card, now_table, before)
    return deliver_alerts(history, data_dir, context, rules, now=now, channels=channels)


def alert_channels(data_dir: Path, environ: Mapping[str, str]) -> tuple[Channel, ...]:
    """Return the channels of alerts: a JSON Lines file in the data folder, and the webhook of the environment."""
    file = AlertFile(data_dir / "alerts.jsonl")
    url, secret = environ.get(WEBHOOK_URL.name), environ.get(WEBHOOK_SECRET.name)
    if not url:
        return (file,)
    if not secret:
        raise ServingError(
            f"{WEBHOOK_URL.name} is set but {WEBHOOK_SECRET.name} is not. Set it: every alert is signed with it."
        )
    return (file, Webhook(url, secret))


def _current_table(
    data_dir: Path, snapshot: ScoreSnapshot, features: Sequence[str], hysteresis: Hysteresis
) -> pa.Table:
    """Return a row for every customer, lapsed ones and leads included, with what the rules read."""
    scored, customers = snapshot.scored, snapshot.customers
    eligible = np.array(scored.customer_id)[scored.eligible]
    tiers = dict(zip(eligible, _tiers(data_dir, snapshot, hysteresis).to_pylist(), strict=True))
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "customer_id": pa.array(scored.customer_id, pa.string()),
        "probability": pa.array(scored.probability, from_pandas=True),
        "tier": pa.array([tiers.get(one) for one in scored.customer_id], pa.string()),
        "value_at_risk": pa.array(scored.value_at_risk, from_pandas=True),
        "state": pa.array(scored.state, pa.string()),
    }
    if "name" in customers.column_names:
        columns["name"] = customers.column("name")
    portfolio = snapshot.run.table(TABLE)
    for name in ("health_score", "lead_grade", "owner"):
        if portfolio is not None and name in portfolio.column_names:
            columns[name] = portfolio.column(name)
    return pa.table(columns | rule_features(snapshot.run.table("features"), features))


def rule_features(table: pa.Table | None, names: Sequence[str]) -> dict[str, object]:
    """Return the features that rules read; one of the catalog that this table lacks is unknown."""
    found = {name: table.column(name) for name in names if table is not None and name in table.column_names}
    known = {feature.name for feature in catalog().features}
    rows = table.num_rows if table is not None else 0
    return found | {name: pa.nulls(rows, pa.float64()) for name in names if name in known and name not in found}


def _tiers(data_dir: Path, snapshot: ScoreSnapshot, hysteresis: Hysteresis) -> pa.ChunkedArray:
    """Return tiers with hysteresis, so that a score near a threshold does not raise an alert after every run."""
    scored = snapshot.scored.take(np.flatnonzero(snapshot.scored.eligible))
    assert scored.bundle.card is not None
    card, path = scored.bundle.card.card, data_dir / "scores" / scored.bundle.target / _TIERS
    before = TierStates.from_table(_read(path), card) if path.is_file() else None
    states = update_tiers(
        scored.customer_id, scored.rule_score, card, snapshot.as_of, before=before, hysteresis=hysteresis
    )
    table = states.to_table()
    replace_table(path, table)
    _archive_tiers(path.parent / "tiers", snapshot.as_of.date(), table)
    # Both are sorted by customer, so the rows correspond.
    return table.column("tier")


def _archive_tiers(folder: Path, today: date, table: pa.Table) -> None:
    """Archive the tiers of the run: later runs compare against them, because hysteresis depends on their own past."""
    with atomic_write(folder / f"{today}.parquet") as part:
        pq.write_table(table, part, compression="zstd")
    for path in folder.glob("[0-9]*.parquet"):
        if today - date.fromisoformat(path.stem) > _TIERS_KEPT:
            path.unlink()


def _with_archived_tiers(path: Path, scores: pa.Table) -> pa.Table:
    """Replace the plain tiers of a day by those with hysteresis, if the alert job ran that day."""
    if not path.is_file():
        return scores
    archived = pq.read_table(path, partitioning=None)
    by_id = dict(zip(archived.column("customer_id").to_pylist(), archived.column("tier").to_pylist(), strict=True))
    tiers = pa.array([by_id.get(one) for one in scores.column("customer_id").to_pylist()], pa.string())
    return scores.set_column(scores.column_names.index("tier"), "tier", tiers)


def _earlier_table(data_dir: Path, snapshot: ScoreSnapshot, features: Sequence[str], days: int) -> pa.Table | None:
    target = snapshot.scored.bundle.target
    try:
        day = latest_day_on_or_before(data_dir, target, (snapshot.as_of.date() - timedelta(days=days)).isoformat())
    except ServingError:
        return None
    root = data_dir / "scores" / target
    scores = pq.read_table(root / "history" / f"{day}.parquet", columns=["customer_id", "probability", "tier"])
    facts = root / "facts" / f"{day}.parquet"
    if facts.is_file():
        available = [name for name in features if name in pq.read_schema(facts).names]
        # One run wrote both files from one table, so the rows correspond.
        for name, column in zip(available, pq.read_table(facts, columns=available).columns, strict=True):
            scores = scores.append_column(name, column)
    scores = scores.filter(pc.is_finite(scores.column("probability")))
    return _with_archived_tiers(root / "tiers" / f"{day}.parquet", scores)


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
