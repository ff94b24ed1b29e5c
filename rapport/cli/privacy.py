"""Commands for personal data: forget customers, export one, thin what is stored, and write the dossier."""

from __future__ import annotations

from typing import Annotated

import typer

from rapport.cli.inputs import current_time, read_settings, resolve_data_dir
from rapport.cli.options import DataDir, Json, SettingsPath
from rapport.cli.terminal import print_result

CustomerIds = Annotated[list[str], typer.Argument(metavar="CUSTOMER_ID...", help="The customers to forget.")]


def forget(
    customer_ids: CustomerIds, data_dir: DataDir = None, settings: SettingsPath = None, as_json: Json = False
) -> None:
    """Remove customers from every store of the data folder, and keep them from coming back; may be repeated."""
    from rapport.serving.privacy.forget import forget as forget_customers

    folder = resolve_data_dir(data_dir, read_settings(settings))
    receipt = forget_customers(folder, customer_ids, current_time())
    lines = [f"{', '.join(receipt['customers'])}: removed from this data folder; receipt in {folder}/privacy."]
    lines += [f"{name}: {count:,} files or rows changed" for name, count in receipt["removed"].items()]
    lines += [f"STILL NAMED in {name}; remove it there by hand." for name in receipt["remaining"]]
    print_result(receipt, "\n".join([*lines, receipt["outside"]]), as_json=as_json)
    if not receipt["complete"]:
        raise typer.Exit(1)
