"""After a night: raise what the rules see and tell it, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rapport.history import History
from rapport.scoring.alerts import Moment
from rapport.scoring.playbook import playbook_of
from rapport.scoring.tiers import Memory, TierStates, remember
from rapport.serving.alerts import AlertFile, Notice, Webhook, notify
from rapport.serving.alerts.channels import Channel
from rapport.serving.current import Night
from rapport.serving.past import day_before_or_on
from rapport.serving.store import replace_arrow

from rapport.errors import ServingError
from rapport.files import aside

_TIERS = "tiers.arrow"
_TIERS_KEPT = timedelta(days=100)


def alarm(history: History, home: Path, night: Night, *, now: datetime, channels: Sequence[Channel] = ()) -> Notice:
    """Raise and tell the alerts of a night; told again for the same night, nothing new is told."""
    playbook = playbook_of(history.settings)
    bundle, rules = night.scored.bundle, playbook.rules
    if bundle.card is None:
        raise ServingError(f"The {bundle.target} model has no card, so it has no tiers to watch.")
    card = bundle.card.card
    book = _book(home, night, rules.features, playbook.memory)
    before = _before(home, night, rules.features, rules.rise_days)
    return notify(history, home, Moment(night.as_of, card, book, before), rules, now=now, channels=channels)


def channels_of(home: Path, environ: Mapping[str, str]) -> tuple[Channel, ...]:
    """Return where alerts go: a file of lines in the home, and the webhook when the environment names one."""
    lines = AlertFile(home / "alerts.jsonl")
    url, secret = environ.get("RAPPORT_WEBHOOK_URL"), environ.get("RAPPORT_WEBHOOK_SECRET")
    if not url:
        return (lines,)
    if not secret:
        raise ServingError(
            "RAPPORT_WEBHOOK_URL is set but RAPPORT_WEBHOOK_SECRET is not; every alert is signed with it."
        )
    return (lines, Webhook(url, secret))


def _book(home: Path, night: Night, features: Sequence[str], memory: Memory) -> pa.Table:
    scored = night.scored.take(np.flatnonzero(night.scored.eligible))
    people = night.people.take(np.flatnonzero(night.scored.eligible))
    columns = {
        "customer_id": pa.array(scored.customer_id, pa.string()),
        "probability": pa.array(scored.probability),
        "tier": _tiers(home, night, memory),
        "value_at_risk": pa.array(scored.value_at_risk, from_pandas=True),
    }
    if "name" in people.column_names:
        columns["name"] = people.column("name")
    for name in features:
        if name in scored.rows.place:
            columns[name] = pa.array(scored.rows.number(name), from_pandas=True)
    return pa.table(columns)


def _tiers(home: Path, night: Night, memory: Memory) -> pa.Array:
    """Return tiers with memory, so that a score that wavers at an edge does not ring every night."""
    scored = night.scored.take(np.flatnonzero(night.scored.eligible))
    assert scored.bundle.card is not None
    card, path = scored.bundle.card.card, home / "scores" / scored.bundle.target / _TIERS
    before = TierStates.from_table(_read(path), card) if path.is_file() else None
    states = remember(scored.customer_id, scored.rule_score, card, night.as_of, before=before, memory=memory)
    table = states.to_table()
    replace_arrow(path, table)
    _keep_tiers(path.parent / "tiers", night.as_of.date(), table)
    # Both are sorted by customer, so the rows agree.
    return table.column("tier")


def _keep_tiers(folder: Path, today: date, table: pa.Table) -> None:
    """Keep the tiers of the night: a fall is measured against what was said then, which had a memory of its own."""
    with aside(folder / f"{today}.parquet") as part:
        pq.write_table(table, part, compression="zstd")
    for path in folder.glob("[0-9]*.parquet"):
        if today - date.fromisoformat(path.stem) > _TIERS_KEPT:
            path.unlink()


def _with_tiers_of(path: Path, scores: pa.Table) -> pa.Table:
    """Put the tiers that were said on a night in the place of its plain ones, where alarms ran that night."""
    if not path.is_file():
        return scores
    kept = pq.read_table(path, partitioning=None)
    said = dict(zip(kept.column("customer_id").to_pylist(), kept.column("tier").to_pylist(), strict=True))
    tiers = pa.array([said.get(one) for one in scores.column("customer_id").to_pylist()], pa.string())
    return scores.set_column(scores.column_names.index("tier"), "tier", tiers)


def _before(home: Path, night: Night, features: Sequence[str], days: int) -> pa.Table | None:
    target = night.scored.bundle.target
    try:
        day = day_before_or_on(home, target, (night.as_of.date() - timedelta(days=days)).isoformat())
    except ServingError:
        return None
    root = home / "scores" / target
    scores = pq.read_table(root / "history" / f"{day}.parquet", columns=["customer_id", "probability", "tier"])
    facts = root / "facts" / f"{day}.parquet"
    if facts.is_file():
        held = [name for name in features if name in pq.read_schema(facts).names]
        # One night wrote both files from one table, so the rows agree.
        for name, column in zip(held, pq.read_table(facts, columns=held).columns, strict=True):
            scores = scores.append_column(name, column)
    scores = scores.filter(pc.is_finite(scores.column("probability")))
    return _with_tiers_of(root / "tiers" / f"{day}.parquet", scores)


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
