"""Commands for personal data: forget customers, export one, thin what is stored, back up and restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rapport.cli.inputs import current_time
from rapport.cli.workspace import Workspace
from rapport.errors import SettingsError

CustomerIds = Annotated[list[str], typer.Argument(metavar="CUSTOMER_ID...", help="The customers to forget.")]


def forget(workspace: Workspace, customer_ids: CustomerIds) -> None:
    """Remove customers from every store of the data folder, and keep them from coming back; may be repeated."""
    from rapport.serving.privacy.forget import forget as forget_customers
    from rapport.serving.privacy.forget import unfinished

    folder = workspace.data_dir
    receipt = forget_customers(folder, customer_ids, current_time())
    lines = [f"{', '.join(receipt['customers'])}: removed from this data folder; receipt in {folder}/privacy."]
    lines += [f"{name}: {count:,} files or rows changed" for name, count in receipt["removed"].items()]
    lines += [f"STILL NAMED in {name}; remove it there by hand." for name in receipt["remaining"]]
    earlier = unfinished(folder)
    lines += [f"NOT COMPLETE: {name}, an earlier call that was stopped; repeat it." for name in earlier]
    text = "\n".join([*lines, receipt["outside"]])
    workspace.print(receipt | {"unfinished": earlier}, text)
    if not receipt["complete"]:
        raise typer.Exit(1)


def export_person(
    workspace: Workspace,
    customer_id: Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="The customer.")],
    path: Annotated[Path, typer.Option("--out", help="The file to write, .json or .zip.")],
) -> None:
    """Write everything that the data folder stores about one customer."""
    from rapport.serving.privacy.export_person import person, write_person

    if path.suffix not in (".json", ".zip"):
        raise SettingsError(f"{path}: name a .json or a .zip file with --out.")
    content = person(workspace.data_dir, customer_id, current_time())
    write_person(content, path)
    counts = {name: len(rows) for name, rows in content["stores"].items()}
    text = f"Wrote {sum(counts.values()):,} rows of {len(counts):,} stores about {customer_id} to {path}."
    workspace.print({"out": str(path), "stores": counts}, text)


def retention(
    workspace: Workspace,
    days: Annotated[int, typer.Option("--days", min=31, help="How many days are kept.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
) -> None:
    """Remove scores, facts, audit entries, feedback, finished tasks and alerts of days before a retention period."""
    from rapport.serving.privacy.forget import remove_expired

    removed = remove_expired(workspace.data_dir, days, current_time().date(), dry_run=dry_run)
    done = "Would remove" if dry_run else "Removed"
    lines = [f"{done} {sum(removed.values()):,} files and rows of days more than {days} days ago."]
    lines += [f"{name}: {count:,}" for name, count in removed.items()]
    workspace.print({"removed": removed, "days": days, "dry_run": dry_run}, "\n".join(lines))


def backup(
    workspace: Workspace, path: Annotated[Path, typer.Option("--out", help="The archive to write, .tar.gz.")]
) -> None:
    """Write the whole data folder, keys included, into one archive; the service may run meanwhile."""
    from rapport.serving.privacy.backup import backup as write_backup

    content = write_backup(workspace.data_dir, path, current_time())
    text = f"Wrote {len(content['files']):,} files to {path}. It holds keys and personal data: keep it closed."
    workspace.print({"out": str(path), "files": len(content["files"])}, text)


def restore(
    workspace: Workspace,
    path: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="An archive of `rapport backup`.")],
) -> None:
    """Restore an archive into a new data folder, after comparing every file with its digest."""
    from rapport.serving.privacy.backup import restore as read_backup

    folder = workspace.location
    content = read_backup(path, folder)
    text = f"Restored {len(content['files']):,} files of {content['at']} into {folder}."
    note = "Customers who were forgotten since then are in it again: run `rapport forget` for them."
    workspace.print({"data_dir": str(folder), "files": len(content["files"])}, f"{text}\n{note}")
