"""From format 1 to format 2: current names in MLflow.

Bundles, score snapshots, keys, feedback and alerts are the same in both formats, so they are left as they are.
"""

from __future__ import annotations

from rapport.migrations.context import Context


def migrate(context: Context) -> list[str]:
    """Migrate and return what was changed."""
    from rapport.training.registry.former_runs import rename_metrics, replace_model_code  # noqa: PLC0415  # needs MLflow

    renamed = rename_metrics(context.data_dir, context.environ, check=context.check)
    replaced = replace_model_code(context.data_dir, check=context.check)
    return [*renamed, *replaced]
