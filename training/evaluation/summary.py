"""The summary of a training run in a dozen lines."""

from collections.abc import Mapping

from rapport.scoring import Bundle
from rapport.scoring.models.evaluation_record import EvaluationRecord, Measures, TrainingSize
from rapport.training.command_result import text_table
from rapport.training.messages import translator

_text = translator("en")
SHOWN = ("auc", "average_precision", "lift_10", "log_loss", "calibration_error")


def text_summary(bundle: Bundle) -> str:
    """Return the training data, the grade, the metrics beside each member and baseline, and the weights."""
    evaluation, size = bundle.evaluation, bundle.evaluation["size"]
    lines = [
        f"{bundle.target} within {bundle.horizon}: trained on {size['rows']:,} rows of {size['customers']:,} "
        f"customers at {size['cutoffs']} cutoffs; {size['scored_now']:,} can be scored "
        f"on {bundle.provenance['as_of'][:10]}.",
        *_sample_note(size),
        f"Grade {evaluation['grade']['letter']}. {_validation_note(evaluation)}",
    ]
    population = (evaluation.get("population") or {}).get("sentence", "")
    if population and population not in bundle.fallback.en:
        lines.append(population)
    if bundle.fallback.en:
        lines.append(bundle.fallback.en)
    served = evaluation.get("served", {})
    if served.get("auc") is not None:
        lines.append(f"Served: {_member(served['part'])}, AUC {served['auc']:.3f}, log loss {served['log_loss']:.3f}.")
    if evaluation["measures"]:
        lines.append(metrics_table(evaluation["measures"]))
    contacted = evaluation.get("contacted")
    if contacted and "sentence" in contacted:
        lines.append(contacted["sentence"])
    weights = "; ".join(f"{_member(name)} {weight:.2f}" for name, weight in evaluation["weights"].items())
    lines.append(f"Weights of the log-odds, which need not add up to 1: {weights}.")
    if season := evaluation["level"].get("sentence"):
        lines.append(season)
    lines += [*_interval_line(evaluation), *_timing_line(bundle), *_spend_line(evaluation)]
    if search := evaluation.get("search"):
        lines.append(
            f"Tried {search['tries']} parameters of the trees: validation log loss {search['start']:.4f} at the start, "
            f"{search['best']:.4f} for the best."
        )
    lines.extend(evaluation.get("data_checks", {}).get("sentences", []))
    return "\n".join(lines)


def metrics_table(measured: Mapping[str, Measures]) -> str:
    """Return the metrics of all members and baselines as a table."""
    rows = [["", *(name.replace("_", " ") for name in SHOWN)]]
    rows += [[_member(name), *(f"{metrics[metric]:.3f}" for metric in SHOWN)] for name, metrics in measured.items()]
    return text_table(rows)


def _member(name: str) -> str:
    """Return what the reports call a member, a baseline or whatever else was judged."""
    return _text(f"member.{name}")


def _interval_line(evaluation: EvaluationRecord) -> list[str]:
    found = evaluation.get("interval")
    if not found:
        return []
    widths = f"median width {found['median_width']:.3f} (one customer: {found['median_width_of_one_customer']:.3f})"
    if found["coverage_of_groups"] is None:
        return [f"Interval of a rate: {widths}; too few later rows to check it."]
    agreed = f"{found['coverage_of_groups']:.0%} of {found['groups']} groups of similar customers agreed with it"
    return [f"Interval of a rate: {widths}; {agreed} on later cutoffs."]


def _timing_line(bundle: Bundle) -> list[str]:
    timing = bundle.timing
    if timing is None:
        return []
    scores = timing.evaluation.get("integrated_brier", {})
    listed = ", ".join(f"{shape} {score:.4f}" for shape, score in scores.items())
    compared = f" Integrated Brier score: {listed}." if listed else ""
    return [f"Timing of {timing.event}: {timing.shape}, observed for {timing.observed_days:.0f} days.{compared}"]


def _spend_line(evaluation: EvaluationRecord) -> list[str]:
    errors = evaluation.get("spend", {}).get("errors")
    if not errors:
        return []
    listed = "; ".join(f"{_text(f'spend.{shape}')} {error:,.2f}" for shape, error in errors.items())
    return [f"Spend if retained, mean error: {listed}. Served: {_text('spend.' + evaluation['spend']['shape'])}."]


def _sample_note(size: TrainingSize) -> list[str]:
    if size.get("one_of", 1) == 1:
        return []
    who = f"one in {size['one_of']} customers"
    if "tree_rows" in size:
        trees = (
            "all customers" if size["shares"] == size["one_of"] else f"{size['shares']} in {size['one_of']} customers"
        )
        return [f"This is a sample of {who}; the trees were trained on {size['tree_rows']:,} rows of {trees}."]
    return [f"Trained on a sample of {who}; the setting is `max_training_rows` in rapport.toml."]


def _validation_note(evaluation: EvaluationRecord) -> str:
    if not evaluation["slices"]:
        return "There were no later rows to evaluate it on."
    cutoffs = ", ".join(fold["cutoff"] for fold in evaluation["slices"])
    how = "out of time, on" if evaluation["out_of_time"] else "on other customers (the history is short), at"
    return f"Evaluated {how} {cutoffs}: {evaluation['rows']:,} rows, rate {evaluation['rate']:.1%}."
