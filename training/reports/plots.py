"""The plots of a training report, each as a PNG inside the page and as a file beside it."""

import base64
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Protocol

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rapport.languages import grammar
from rapport.scoring import Bundle
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.evaluation_record import BaseRateRecord, ProfitRecord
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.training.members.gbm import varying_columns
from rapport.training.messages import Translate, translator

TEXT, OURS, FAINT = "#1f2933", "#0b6e99", "#9aa5b1"
PLOTTED = ("blend", "served", "model", "card", "rhythm", "recency")
COLOURS = {"blend": OURS, "served": OURS, "model": "#3f9142", "card": "#c05621", "rhythm": "#805ad5", "recency": FAINT}
# The label of shap's row for the features that are not shown.
SWARM_REST = re.compile(r"Sum of (\d+) other features")
SWARM_ROWS, SWARM_FEATURES, DEPENDENCE = 500, 14, 2
DPI = 110
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Serif CJK SC",
)


class Evaluated(Protocol):
    """Outcomes, and the probabilities and metrics of several models on the same rows."""

    @property
    def label(self) -> Floats:
        """Return the outcomes."""

    @property
    def probabilities(self) -> Mapping[str, Floats]:
        """Return the probabilities by model."""

    @property
    def metrics(self) -> Mapping[str, Mapping[str, float]]:
        """Return the metrics by model."""


@dataclass(frozen=True)
class ReportPlots:
    """Plots with text in one language; in English if the machine has no Chinese font.

    ``drawn`` keeps each plot by its name, as the bytes of a PNG.
    """

    language: str
    drawn: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def font(self) -> str | None:
        """Return a font of this machine with Chinese characters; None if there is none, or none is needed."""
        installed = (
            {font.name for font in font_manager.fontManager.ttflist} if grammar(self.language).is_chinese else set()
        )
        return next((name for name in CHINESE_FONTS if name in installed), None)

    @cached_property
    def translate(self) -> Translate:
        """Return the translator of the text inside a plot."""
        return translator(self._language)

    @property
    def _language(self) -> str:
        return "en" if grammar(self.language).is_chinese and not self.font else self.language

    @property
    def _style(self) -> dict[str, object]:
        # Chinese fonts lack the long minus.
        return {"font.family": [self.font, "DejaVu Sans"], "axes.unicode_minus": False} if self.font else {}

    def curves(self, evaluation: Evaluated) -> dict[str, str]:
        """Draw ROC, precision and recall, gain, and calibration of the blend and its rivals."""
        drawn = {"roc": _roc, "precision": _precision, "gain": _gain, "calibration": _calibration}
        translated_title = translator(self.language)
        return {
            translated_title(f"plot.{name}"): self._picture(
                name, partial(draw, evaluation=evaluation, translate=self.translate)
            )
            for name, draw in drawn.items()
        }

    def profit(self, profit: ProfitRecord) -> str:
        """Draw the profit by share of customers contacted."""

        def draw(axes: Any) -> None:
            curves = (profit["curve"], "value", OURS), (profit["by_probability"], "probability", FAINT)
            for curve, label, colour in curves:
                shares, earned = [each["share"] for each in curve], [each["profit"] for each in curve]
                axes.plot(shares, earned, label=self.translate(f"line.{label}"), color=colour)
            axes.axvline(profit["best_share"], color=TEXT, linewidth=0.8, linestyle=":")
            _label_axes(axes, self.translate, "contacted", "profit")
            axes.legend(frameon=False)

        return self._picture("profit", draw)

    def base_rate(self, base_rate: BaseRateRecord) -> str:
        """Draw the base rate shift of each cutoff, and the shift that is expected now."""

        def draw(axes: Any) -> None:
            dates = np.array(sorted(base_rate["by_cutoff"]), dtype="datetime64[D]")
            axes.plot(
                dates, [base_rate["by_cutoff"][str(date)] for date in dates], marker="o", markersize=3, color=OURS
            )
            axes.axhline(base_rate["shift"], color=TEXT, linestyle=":", linewidth=0.9, label=self.translate("line.now"))
            axes.set_ylabel(self.translate("axis.shift"))
            axes.tick_params(axis="x", rotation=30)
            axes.legend(frameon=False)

        return self._picture("base_rate", draw)

    def swarm(self, bundle: Bundle, current: Matrix) -> dict[str, str]:
        """Draw each feature's evidence with ``shap``: a beeswarm, and the dependence of the strongest features."""
        # shap imports numba and takes seconds; only this picture needs it.
        mpl.use("Agg")
        import shap  # noqa: PLC0415
        from matplotlib import pyplot as plt  # noqa: PLC0415

        sample = current.take(np.arange(0, len(current), max(1, len(current) // SWARM_ROWS)))
        shown = varying_columns(sample)
        names = _features([sample.columns[position] for position in shown], self._language)
        titles = _features([sample.columns[position] for position in shown], self.language)
        explanation = shap.Explanation(
            values=_evidence(bundle, sample)[:, shown], data=sample.values[:, shown], feature_names=names
        )
        translated_title, drawn = translator(self.language), {}
        with mpl.rc_context(self._style):
            plt.figure()
            bar = {"color_bar_label": self.translate("axis.value"), "max_display": SWARM_FEATURES}
            axes = shap.plots.beeswarm(explanation, show=False, plot_size=(8, 5.5), **bar)
            axes.set_xlabel(self.translate("axis.evidence"))
            # The colour bar is the newest axes; shap labels its ends in English.
            plt.gcf().axes[-1].set_yticklabels([self.translate("axis.low"), self.translate("axis.high")], rotation=0)
            axes.set_yticklabels([self._row(label.get_text()) for label in axes.get_yticklabels()])
            drawn[translated_title("plot.swarm")] = self._tight("beeswarm", plt.gcf())
            strongest = np.argsort(-np.abs(explanation.values).mean(axis=0))[:DEPENDENCE]
            for rank, position in enumerate(strongest, start=1):
                figure, axes = plt.subplots(figsize=(4.6, 3.4))
                shap.plots.scatter(explanation[:, int(position)], ax=axes, show=False)
                axes.set_ylabel(self.translate("axis.evidence"))
                title = translated_title("plot.dependence", feature=titles[position])
                drawn[title] = self._tight(f"dependence_{rank}", figure)
            plt.close("all")
        return drawn

    def _row(self, label: str) -> str:
        rest = SWARM_REST.fullmatch(label)
        return self.translate("axis.rest", n=rest[1]) if rest else label

    def _picture(self, name: str, draw: Callable[[object], None]) -> str:
        with mpl.rc_context(self._style):
            figure, buffer = Figure(figsize=(4.6, 3.4), dpi=DPI, layout="constrained"), io.BytesIO()
            axes = figure.add_subplot()
            axes.spines[["top", "right"]].set_visible(False)
            draw(axes)
            # savefig would lay the figure out and draw it twice.
            FigureCanvasAgg(figure).print_png(buffer)
            return self._kept(name, buffer)

    def _tight(self, name: str, figure: Any) -> str:
        """Keep a figure that has no layout of its own, without its margins."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
        return self._kept(name, buffer)

    def _kept(self, name: str, buffer: io.BytesIO) -> str:
        """Keep a PNG and return it as the source of an image."""
        self.drawn[name] = buffer.getvalue()
        return "data:image/png;base64," + base64.b64encode(self.drawn[name]).decode()


def _features(columns: list[FeatureColumn], language: str) -> list[str]:
    # The English meaning does not fit beside the axis; the name does.
    return [column.zh.rstrip("。.") if grammar(language).is_chinese else column.name for column in columns]


def _evidence(bundle: Bundle, matrix: Matrix) -> Floats:
    total = np.zeros(matrix.values.shape)
    for member in bundle.members:
        contributions, share = member.contributions(matrix), bundle.blend.share(member.name)
        if share and contributions.by_feature is not None:
            total += share * contributions.by_feature
    return total


def _roc(axes: Any, evaluation: Evaluated, translate: Translate) -> None:
    for name, label, probability in _rivals(evaluation):
        positives = label[np.argsort(-probability, kind="stable")]
        axes.plot(
            np.r_[0, np.cumsum(1 - positives) / max((1 - positives).sum(), 1)],
            np.r_[0, np.cumsum(positives) / max(positives.sum(), 1)],
            label=f"{translate(f'member.{name}')} {evaluation.metrics[name]['auc']:.3f}",
            color=COLOURS[name],
        )
    _diagonal(axes)
    _label_axes(axes, translate, "others", "found")


def _precision(axes: Any, evaluation: Evaluated, translate: Translate) -> None:
    for name, label, probability in _rivals(evaluation):
        positives = np.cumsum(label[np.argsort(-probability, kind="stable")])
        counts = np.arange(1, len(label) + 1)
        keep = counts >= max(5, len(label) // 100)
        axes.plot(
            (positives / max(positives[-1], 1))[keep],
            (positives / counts)[keep],
            label=translate(f"member.{name}"),
            color=COLOURS[name],
        )
    axes.legend(frameon=False, fontsize=7)
    _label_axes(axes, translate, "found", "precision")


def _gain(axes: Any, evaluation: Evaluated, translate: Translate) -> None:
    for name, label, probability in _rivals(evaluation):
        positives = np.cumsum(label[np.argsort(-probability, kind="stable")]) / max(label.sum(), 1)
        axes.plot(
            np.arange(1, len(label) + 1) / len(label), positives, label=translate(f"member.{name}"), color=COLOURS[name]
        )
    _diagonal(axes)
    _label_axes(axes, translate, "contacted", "reached")


def _calibration(axes: Any, evaluation: Evaluated, translate: Translate) -> None:
    for name, label, probability in _rivals(evaluation):
        bins = [each for each in np.array_split(np.argsort(probability, kind="stable"), 10) if len(each)]
        points = [[values[each].mean() for each in bins] for values in (probability, label)]
        axes.plot(*points, marker="o", markersize=3, label=translate(f"member.{name}"), color=COLOURS[name])
    _diagonal(axes)
    _label_axes(axes, translate, "predicted", "observed")


def _diagonal(axes: Any) -> None:
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.6)
    axes.legend(frameon=False, fontsize=7)


def _label_axes(axes: Any, translate: Translate, across: str, up: str) -> None:
    axes.set_xlabel(translate(f"axis.{across}"))
    axes.set_ylabel(translate(f"axis.{up}"))


def _rivals(evaluation: Evaluated) -> list[tuple[str, Floats, Floats]]:
    return [
        (name, evaluation.label, evaluation.probabilities[name]) for name in PLOTTED if name in evaluation.probabilities
    ]
