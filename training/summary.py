"""A training run in a dozen lines."""

from collections.abc import Mapping
from typing import Any

from rapport.scoring import Bundle
from rapport.training.told import table

SHOWN = ("auc", "average_precision", "lift_10", "log_loss", "calibration_error")


def summary(bundle: Bundle) -> str:
    """Say what was learnt from, what it is worth beside each part and rule, and what it rests on."""
    evaluation, size = bundle.evaluation, bundle.evaluation["size"]
    lines = [
        f"{bundle.target} within {bundle.horizon}: learnt from {size['rows']:,} rows of {size['customers']:,} "
        f"customers at {size['cutoffs']} cutoffs; {size['scored_now']:,} can be scored "
        f"on {bundle.record['as_of'][:10]}.",
        *_some(size),
        f"Grade {evaluation['grade']['letter']}. {_judged(evaluation)}",
    ]
    if bundle.basis.en:
        lines.append(bundle.basis.en)
    if evaluation["measures"]:
        lines.append(compared(evaluation["measures"]))
    lines.append("Votes: " + ", ".join(f"{name} {vote:.2f}" for name, vote in evaluation["votes"].items()) + ".")
    if found := evaluation.get("search"):
        lines.append(
            f"Searched {found['tries']} shapes of trees: log loss on later slices {found['start']:.4f} at the start, "
            f"{found['best']:.4f} for the best."
        )
    lines.extend(evaluation.get("guards", {}).get("sentences", []))
    return "\n".join(lines)


def compared(measured: Mapping[str, Mapping[str, float]]) -> str:
    """Lay the measures of all parts out as a table."""
    rows = [["", *(name.replace("_", " ") for name in SHOWN)]]
    rows += [[part, *(f"{found[name]:.3f}" for name in SHOWN)] for part, found in measured.items()]
    return table(rows)


def _some(size: Mapping[str, Any]) -> list[str]:
    if size.get("one_of", 1) == 1:
        return []
    who = f"one of {size['one_of']} customers"
    if "tree_rows" in size:
        every = (
            "all customers" if size["shares"] == size["one_of"] else f"{size['shares']} of {size['one_of']} customers"
        )
        return [f"These are {who}; the trees learnt from {size['tree_rows']:,} rows of {every}."]
    return [f"Learnt from {who}; `training_rows` in rapport.toml says how many rows are enough."]


def _judged(evaluation: Mapping[str, Any]) -> str:
    if not evaluation["slices"]:
        return "There were no later rows to judge it on."
    cutoffs = ", ".join(part["cutoff"] for part in evaluation["slices"])
    how = "out of time, on" if evaluation["out_of_time"] else "on other customers (the history is short), at"
    return f"Judged {how} {cutoffs}: {evaluation['rows']:,} rows, rate {evaluation['rate']:.1%}."
