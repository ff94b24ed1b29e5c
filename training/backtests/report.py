"""The report of a backtest: every cutoff with its metrics, calibration and segments, as text, JSON, page and table."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from rapport.training.backtests.cutoff_evaluation import SERVED, CutoffEvaluation
from rapport.training.command_result import text_table
from rapport.training.evaluation.summary import SHOWN, metrics_table
from rapport.training.reports.pages import render_page
from rapport.training.reports.plots import ReportPlots

SHOWN_SEGMENTS = 12


@dataclass(frozen=True)
class BacktestReport:
    """The evaluated cutoffs of one target, in the order of the request."""

    target: str
    horizon: str
    cutoffs: tuple[CutoffEvaluation, ...]

    @property
    def predictions(self) -> pa.Table:
        """Return the predictions of all cutoffs, each row with its cutoff if there are several."""
        if len(self.cutoffs) == 1:
            return self.cutoffs[0].predictions
        return pa.concat_tables(
            evaluated.predictions.append_column(
                "cutoff", pa.array([f"{evaluated.cutoff:%Y-%m-%d}"] * evaluated.predictions.num_rows)
            )
            for evaluated in self.cutoffs
        )

    def as_dict(self) -> dict[str, Any]:
        """Return every figure as plain values."""
        cutoffs = [evaluated.as_dict() for evaluated in self.cutoffs]
        return {"target": self.target, "horizon": self.horizon, "cutoffs": cutoffs, "mean": self._means()}

    def as_text(self) -> str:
        """Return the lines for people."""
        lines = [line for evaluated in self.cutoffs for line in self._lines(evaluated)]
        if means := self._means():
            lines += [f"Mean of {sum(len(each.label) > 0 for each in self.cutoffs)} cutoffs:", metrics_table(means)]
        return "\n".join(lines)

    def as_html(self, language: str) -> str:
        """Return a page that works offline."""
        plots = ReportPlots(language)
        cutoffs = [
            {
                **evaluated.as_dict(),
                "plots": plots.curves(evaluated) if len(evaluated.label) else {},
            }
            for evaluated in self.cutoffs
        ]
        return render_page(
            "backtest.html",
            language,
            target=self.target,
            horizon=self.horizon,
            cutoffs=cutoffs,
            means=self._means(),
            names=SHOWN,
        )

    def _means(self) -> dict[str, dict[str, float]]:
        evaluated = [each.metrics for each in self.cutoffs if len(each.label)]
        if len(evaluated) < 2:
            return {}
        shared = [name for name in evaluated[0] if all(name in each for each in evaluated)]
        return {
            name: {
                metric: sum(each[name][metric] for each in evaluated) / len(evaluated) for metric in evaluated[0][name]
            }
            for name in shared
        }

    def _lines(self, evaluated: CutoffEvaluation) -> list[str]:
        grade = f"Grade {evaluated.grade['letter']} of the model trained before it."
        head = f"{self.target} within {self.horizon}, cutoff {evaluated.cutoff:%Y-%m-%d}: "
        if not len(evaluated.label):
            scored = f"{evaluated.predictions.num_rows:,} customers scored."
            return [
                f"{head}{scored} {grade} The outcome is not known yet, or is the same for all: nothing to evaluate."
            ]
        return [
            f"{head}{len(evaluated.label):,} customers, {evaluated.label.mean():.1%} had the outcome "
            f"({evaluated.probabilities[SERVED].mean():.1%} predicted). {grade}",
            metrics_table(evaluated.metrics),
            "Calibration by tenths of the customers, predicted and observed:",
            _calibration_lines(evaluated),
            *_segment_lines(evaluated),
            *_compared_lines(evaluated),
        ]


def _calibration_lines(evaluated: CutoffEvaluation) -> str:
    rows = evaluated.calibration
    return text_table(
        [
            ["predicted", *(f"{row['predicted']:.1%}" for row in rows)],
            ["observed", *(f"{row['actual']:.1%}" for row in rows)],
        ]
    )


def _segment_lines(evaluated: CutoffEvaluation) -> list[str]:
    if not evaluated.segments:
        return []
    rows = [["segment", "customers", "predicted", "observed", "AUC"]]
    rows += [
        [
            f"{each['by']} {each['value']}",
            f"{each['count']:,}",
            _shown(each["predicted"], ".1%"),
            _shown(each["rate"], ".1%"),
            _shown(each["auc"], ".3f"),
        ]
        for each in evaluated.segments[:SHOWN_SEGMENTS]
    ]
    return [text_table(rows)]


def _shown(figure: float | None, form: str) -> str:
    return "–" if figure is None else format(figure, form)


def _compared_lines(evaluated: CutoffEvaluation) -> list[str]:
    found = evaluated.compared
    if found is None:
        return []
    rows, name = f"{found['rows']:,} customers", found["name"]
    if found["ours"] is None or found["theirs"] is None or found["gains"] is None:
        return [f"{name}: {rows} in common with this cutoff, too few or all with one outcome, so nothing is compared."]
    gains = {key: f"{low:+.4f} to {high:+.4f}" for key, (low, high) in found["gains"].items()}
    rest = f"; {found['without_theirs']:,} customers are not in {name}" if found["without_theirs"] else ""
    return [
        f"{name}, on {rows}{rest}. Our gain, 95 %: AUC {gains['auc']}, log loss {gains['log_loss']}.",
        metrics_table({"ours": found["ours"], name: found["theirs"]}),
    ]
