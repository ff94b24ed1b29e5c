"""The pictures of a training report, each as a PNG that stands inside the page."""

import base64
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rapport.scoring import Bundle
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.assessment import Assessment
from rapport.training.fitting.trees import varying
from rapport.training.pages import Say, speaker

INK, OURS, FAINT = "#1f2933", "#0b6e99", "#9aa5b1"
SHOWN = ("blend", "model", "card", "rhythm", "recency")
COLOURS = {"blend": OURS, "model": "#3f9142", "card": "#c05621", "rhythm": "#805ad5", "recency": FAINT}
# What shap calls the row of all that is not shown.
SWARM_REST = re.compile(r"Sum of (\d+) other features")
SWARM_ROWS, SWARM_FEATURES, DEPENDENCE = 500, 14, 2
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


@dataclass(frozen=True)
class Drawing:
    """Pictures with their words in one language; in English where the machine has no letters for it."""

    language: str

    @cached_property
    def font(self) -> str | None:
        """Return a font of this machine that has Chinese letters; None where there is none, or none is needed."""
        there = {font.name for font in font_manager.fontManager.ttflist} if self.language == "zh" else set()
        return next((name for name in CHINESE_FONTS if name in there), None)

    @cached_property
    def say(self) -> Say:
        """Return what words the inside of a picture."""
        return speaker(self._inside)

    @property
    def _inside(self) -> str:
        return self.language if self.font else "en"

    @property
    def _looks(self) -> dict[str, Any]:
        # Chinese fonts lack the long minus.
        return {"font.family": [self.font, "DejaVu Sans"], "axes.unicode_minus": False} if self.font else {}

    def curves(self, assessment: Assessment) -> dict[str, str]:
        """Draw ROC, precision and recall, gain, and calibration of the blend beside its rivals."""
        drawn = {"roc": _roc, "precision": _precision, "gain": _gain, "calibration": _calibration}
        titled = speaker(self.language)
        return {
            titled(f"plot.{name}"): self._picture(partial(draw, assessment=assessment, say=self.say))
            for name, draw in drawn.items()
        }

    def profit(self, profit: Mapping[str, Any]) -> str:
        """Draw what calling the top shares of customers would have earned."""

        def draw(axes: Any) -> None:
            for name, label, colour in (("curve", "value", OURS), ("by_probability", "probability", FAINT)):
                shares, earned = ([each[key] for each in profit[name]] for key in ("share", "profit"))
                axes.plot(shares, earned, label=self.say(f"line.{label}"), color=colour)
            axes.axvline(profit["best_share"], color=INK, linewidth=0.8, linestyle=":")
            _named(axes, self.say, "called", "profit")
            axes.legend(frameon=False)

        return self._picture(draw)

    def levels(self, level: Mapping[str, Any]) -> str:
        """Draw how far each slice lay from what the plain model expects, and the shift that is expected now."""

        def draw(axes: Any) -> None:
            dates = np.array(sorted(level["by_cutoff"]), dtype="datetime64[D]")
            axes.plot(dates, [level["by_cutoff"][str(date)] for date in dates], marker="o", markersize=3, color=OURS)
            axes.axhline(level["shift"], color=INK, linestyle=":", linewidth=0.9, label=self.say("line.now"))
            axes.set_ylabel(self.say("axis.shift"))
            axes.tick_params(axis="x", rotation=30)
            axes.legend(frameon=False)

        return self._picture(draw)

    def swarm(self, bundle: Bundle, now: Matrix) -> dict[str, str]:
        """Draw each feature's evidence as ``shap`` does: a beeswarm, and the dependence of the strongest."""
        # shap brings numba and takes seconds to import; nothing but this picture needs it.
        mpl.use("Agg")
        import shap  # noqa: PLC0415
        from matplotlib import pyplot as plt  # noqa: PLC0415

        some = now.take(np.arange(0, len(now), max(1, len(now) // SWARM_ROWS)))
        shown = varying(some)
        names = _features([some.columns[place] for place in shown], self._inside)
        titles = _features([some.columns[place] for place in shown], self.language)
        told = shap.Explanation(
            values=_evidence(bundle, some)[:, shown], data=some.values[:, shown], feature_names=names
        )
        titled, drawn = speaker(self.language), {}
        with mpl.rc_context(self._looks):
            plt.figure()
            bar = {"color_bar_label": self.say("axis.value"), "max_display": SWARM_FEATURES}
            axes = shap.plots.beeswarm(told, show=False, plot_size=(8, 5.5), **bar)
            axes.set_xlabel(self.say("axis.evidence"))
            # The bar of colours is the newest axes; its ends are named in English by shap.
            plt.gcf().axes[-1].set_yticklabels([self.say("axis.low"), self.say("axis.high")], rotation=0)
            axes.set_yticklabels([self._row(label.get_text()) for label in axes.get_yticklabels()])
            drawn[titled("plot.swarm")] = _png(plt.gcf())
            for place in np.argsort(-np.abs(told.values).mean(axis=0))[:DEPENDENCE]:
                figure, axes = plt.subplots(figsize=(4.6, 3.4))
                shap.plots.scatter(told[:, int(place)], ax=axes, show=False)
                axes.set_ylabel(self.say("axis.evidence"))
                drawn[titled("plot.dependence", feature=titles[place])] = _png(figure)
            plt.close("all")
        return drawn

    def _row(self, label: str) -> str:
        rest = SWARM_REST.fullmatch(label)
        return self.say("axis.rest", n=rest[1]) if rest else label

    def _picture(self, draw: Callable[[Any], None]) -> str:
        with mpl.rc_context(self._looks):
            figure = Figure(figsize=(4.6, 3.4), layout="constrained")
            FigureCanvasAgg(figure)
            axes = figure.add_subplot()
            axes.spines[["top", "right"]].set_visible(False)
            draw(axes)
            return _png(figure)


def _features(columns: list[Column], language: str) -> list[str]:
    # In English the name says it; its meaning would not fit beside the axis.
    return [column.zh.rstrip("。.") if language == "zh" else column.name for column in columns]


def _evidence(bundle: Bundle, rows: Matrix) -> Floats:
    total = np.zeros(rows.values.shape)
    for expert in bundle.experts:
        reading, share = expert.read(rows), bundle.blend.share(expert.name)
        if share and reading.by_feature is not None:
            total += share * reading.by_feature
    return total


def _roc(axes: Any, assessment: Assessment, say: Say) -> None:
    for name, label, said in _rivals(assessment):
        came = label[np.argsort(-said, kind="stable")]
        axes.plot(
            np.r_[0, np.cumsum(1 - came) / max((1 - came).sum(), 1)],
            np.r_[0, np.cumsum(came) / max(came.sum(), 1)],
            label=f"{say(f'part.{name}')} {assessment.measures[name]['auc']:.3f}",
            color=COLOURS[name],
        )
    _diagonal(axes)
    _named(axes, say, "others", "found")


def _precision(axes: Any, assessment: Assessment, say: Say) -> None:
    for name, label, said in _rivals(assessment):
        came = np.cumsum(label[np.argsort(-said, kind="stable")])
        tried = np.arange(1, len(label) + 1)
        keep = tried >= max(5, len(label) // 100)
        axes.plot((came / max(came[-1], 1))[keep], (came / tried)[keep], label=say(f"part.{name}"), color=COLOURS[name])
    axes.legend(frameon=False, fontsize=7)
    _named(axes, say, "found", "precision")


def _gain(axes: Any, assessment: Assessment, say: Say) -> None:
    for name, label, said in _rivals(assessment):
        came = np.cumsum(label[np.argsort(-said, kind="stable")]) / max(label.sum(), 1)
        axes.plot(np.arange(1, len(label) + 1) / len(label), came, label=say(f"part.{name}"), color=COLOURS[name])
    _diagonal(axes)
    _named(axes, say, "called", "reached")


def _calibration(axes: Any, assessment: Assessment, say: Say) -> None:
    for name, label, said in _rivals(assessment):
        parts = [part for part in np.array_split(np.argsort(said, kind="stable"), 10) if len(part)]
        seen = [[values[part].mean() for part in parts] for values in (said, label)]
        axes.plot(*seen, marker="o", markersize=3, label=say(f"part.{name}"), color=COLOURS[name])
    _diagonal(axes)
    _named(axes, say, "said", "came")


def _diagonal(axes: Any) -> None:
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.6)
    axes.legend(frameon=False, fontsize=7)


def _named(axes: Any, say: Say, across: str, up: str) -> None:
    axes.set_xlabel(say(f"axis.{across}"))
    axes.set_ylabel(say(f"axis.{up}"))


def _rivals(assessment: Assessment) -> list[tuple[str, Floats, Floats]]:
    return [(name, assessment.label, assessment.said[name]) for name in SHOWN if name in assessment.said]


def _png(figure: Any) -> str:
    kept = io.BytesIO()
    figure.savefig(kept, format="png", dpi=110, bbox_inches="tight")
    return "data:image/png;base64," + base64.b64encode(kept.getvalue()).decode()
