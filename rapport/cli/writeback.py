"""``rapport writeback``: the figures of the published run in the company's CRM."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from rapport.cli.inputs import read_settings, resolve_data_dir
from rapport.cli.options import DataDir, Json, SettingsPath, Target, TargetName
from rapport.cli.terminal import print_result
from rapport.errors import DeliveryFailedError, ServingError

_SHOWN = 3


def writeback(
    mapping: Annotated[str, typer.Argument(help="salesforce, hubspot, fxiaoke (纷享销客), or a mapping file.")],
    target: Target = TargetName.churn,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Write scores, grades, reason codes and next actions into a CRM; held-out customers are left out."""
    from rapport.serving.jobs.writeback import Crm, Writeback
    from rapport.serving.jobs.writeback_mapping import read_mapping
    from rapport.serving.snapshots.holdout import held_out_now
    from rapport.serving.snapshots.portfolio_table import TABLE
    from rapport.serving.snapshots.store import published_run

    current, crm = read_settings(settings), read_mapping(mapping)
    folder = resolve_data_dir(data_dir, current)
    run = published_run(folder, target.value)
    portfolio = run.table(TABLE)
    if portfolio is None:
        raise ServingError(f"{run.folder}: has no portfolio; score the history again.")
    held_out = held_out_now(folder, current)
    rows = [row | {"as_of": run.manifest.as_of[:10]} for row in portfolio.to_pylist() if row["probability"] is not None]
    if dry_run:
        shown = [
            {crm.id_field: row["customer_id"], **crm.record(row)} for row in rows if row["customer_id"] not in held_out
        ]
        text = "\n".join(json.dumps(one, ensure_ascii=False, default=str) for one in shown[:_SHOWN])
        print_result({"records": shown}, f"{len(shown):,} records would be written, such as:\n{text}", as_json=as_json)
        return
    result = Writeback(Crm.of(os.environ), crm).write(rows, held_out)
    lines = [f"{customer}: {reason}" for customer, reason in list(result.refused.items())[:20]]
    text = f"{result.written:,} customers written in {result.requests:,} requests, {len(result.refused):,} refused."
    print_result(vars(result), "\n".join([text, *lines]), as_json=as_json)
    if result.refused:
        raise DeliveryFailedError(f"{len(result.refused):,} customers were refused by the CRM; see the reasons above.")
