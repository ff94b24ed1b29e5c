"""``rapport writeback``: the figures of the published run in the company's CRM."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from rapport.cli.options import Target, TargetName
from rapport.cli.workspace import Workspace
from rapport.errors import DeliveryFailedError, ServingError

_SHOWN = 3


def writeback(
    workspace: Workspace,
    mapping: Annotated[str, typer.Argument(help="salesforce, hubspot, fxiaoke (纷享销客), or a mapping file.")],
    target: Target = TargetName.churn,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
) -> None:
    """Write scores, grades, reason codes and next actions into a CRM; held-out customers are left out."""
    from rapport.serving.jobs.writeback import Crm, Writeback, read_mapping
    from rapport.serving.snapshots.holdout import held_out_now
    from rapport.serving.snapshots.portfolio_table import TABLE
    from rapport.serving.snapshots.store import published_run

    crm = read_mapping(mapping)
    run = published_run(workspace.data_dir, target.value)
    portfolio = run.table(TABLE)
    if portfolio is None:
        raise ServingError(f"{run.folder}: has no portfolio; score the history again.")
    held_out = held_out_now(workspace.data_dir, workspace.settings)
    rows = [row | {"as_of": run.manifest.as_of[:10]} for row in portfolio.to_pylist() if row["probability"] is not None]
    if dry_run:
        shown = [
            {crm.id_field: row["customer_id"], **crm.record(row)} for row in rows if row["customer_id"] not in held_out
        ]
        text = "\n".join(json.dumps(one, ensure_ascii=False, default=str) for one in shown[:_SHOWN])
        workspace.print({"records": shown}, f"{len(shown):,} records would be written, such as:\n{text}")
        return
    result = Writeback(Crm.of(os.environ), crm).write(rows, held_out)
    lines = [f"{customer}: {reason}" for customer, reason in list(result.refused.items())[:20]]
    text = f"{result.written:,} customers written in {result.requests:,} requests, {len(result.refused):,} refused."
    workspace.print(vars(result), "\n".join([text, *lines]))
    if result.refused:
        raise DeliveryFailedError(f"{len(result.refused):,} customers were refused by the CRM; see the reasons above.")
