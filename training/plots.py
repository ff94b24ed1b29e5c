"""The pictures of a training report, each as an SVG or PNG that stands inside the page."""

import base64
import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from scoring import Bundle
from scoring.matrix import Floats, Matrix
from training.assessment import Assessment
from training.fitting.trees import varying

INK, OURS, FAINT = "#1f2933", "#0b6e99", "#9aa5b1"
SHOWN = ("blend", "model", "card", "rhythm", "recency")
COLOURS = {"blend": OURS, "model": "#3f9142", "card": "#c05621", "rhythm": "#805ad5", "recency": FAINT}
SWARM_ROWS, SWARM_FEATURES, DEPENDENCE = 500, 14, 2


def curves(assessment: Assessment) -> dict[str, str]:
    """Draw ROC, precision and recall, gain, and calibration of the blend beside its rivals."""
    drawn: dict[str, Callable[..., None]] = {
        "Ranking (ROC)": _roc,
        "Precision and recall": _precision,
        "Gain: outcomes reached by calls": _gain,
        "Calibration": _calibration,
    }
    return {title: _picture(partial(draw, assessment=assessment)) for title, draw in drawn.items()}


def profit_curve(profit: Mapping[str, Any]) -> str:
    """Draw what calling the top shares of customers would have earned."""

    def draw(axes: Any) -> None:
        for name, label, colour in (
            ("curve", "by value at risk", OURS),
            ("by_probability", "by probability alone", FAINT),
        ):
            points = profit[name]
            axes.plot(
                [each["share"] for each in points], [each["profit"] for each in points], label=label, color=colour
            )
        axes.axvline(profit["best_share"], color=INK, linewidth=0.8, linestyle=":")
        axes.set_xlabel("share of customers called")
        axes.set_ylabel("profit")
        axes.legend(frameon=False)

    return _picture(draw)


def levels(level: Mapping[str, Any]) -> str:
    """Draw how far each slice lay from what the plain model expects, and the shift that is expected now."""

    def draw(axes: Any) -> None:
        dates = np.array(sorted(level["by_cutoff"]), dtype="datetime64[D]")
        axes.plot(dates, [level["by_cutoff"][str(date)] for date in dates], marker="o", markersize=3, color=OURS)
        axes.axhline(level["shift"], color=INK, linestyle=":", linewidth=0.9, label="expected now")
        axes.set_ylabel("shift in log-odds")
        axes.tick_params(axis="x", rotation=30)
        axes.legend(frameon=False)

    return _picture(draw)


def swarm(bundle: Bundle, now: Matrix) -> dict[str, str]:
    """Draw each feature's evidence as ``shap`` does: a beeswarm, and the dependence of the strongest."""
    # shap brings numba and takes seconds to import; nothing but this picture needs it.
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    import shap  # noqa: PLC0415
    from matplotlib import pyplot as plt  # noqa: PLC0415

    some = now.take(np.arange(0, len(now), max(1, len(now) // SWARM_ROWS)))
    shown = varying(some)
    names = [some.columns[place].name for place in shown]
    evidence = _evidence(bundle, some)[:, shown]
    told = shap.Explanation(values=evidence, data=some.values[:, shown], feature_names=names)
    drawn = {}
    plt.figure()
    shap.plots.beeswarm(told, max_display=SWARM_FEATURES, show=False, plot_size=(8, 5.5))
    drawn["Evidence by feature (beeswarm)"] = _png(plt.gcf())
    for place in np.argsort(-np.abs(told.values).mean(axis=0))[:DEPENDENCE]:
        figure, axes = plt.subplots(figsize=(4.6, 3.4))
        shap.plots.scatter(told[:, int(place)], ax=axes, show=False)
        drawn[f"Evidence of {names[place]}"] = _png(figure)
    plt.close("all")
    return drawn


def _evidence(bundle: Bundle, rows: Matrix) -> Floats:
    total = np.zeros(rows.values.shape)
    for expert in bundle.experts:
        reading, share = expert.read(rows), bundle.blend.share(expert.name)
        if share and reading.by_feature is not None:
            total += share * reading.by_feature
    return total


def _roc(axes: Any, assessment: Assessment) -> None:
    for name, label, said in _rivals(assessment):
        came = label[np.argsort(-said, kind="stable")]
        axes.plot(
            np.r_[0, np.cumsum(1 - came) / max((1 - came).sum(), 1)],
            np.r_[0, np.cumsum(came) / max(came.sum(), 1)],
            label=f"{name} {assessment.measures[name]['auc']:.3f}",
            color=COLOURS[name],
        )
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.6)
    axes.set_xlabel("share of the others")
    axes.set_ylabel("share of outcomes found")
    axes.legend(frameon=False, fontsize=7)


def _precision(axes: Any, assessment: Assessment) -> None:
    for name, label, said in _rivals(assessment):
        came = np.cumsum(label[np.argsort(-said, kind="stable")])
        tried = np.arange(1, len(label) + 1)
        keep = tried >= max(5, len(label) // 100)
        axes.plot((came / max(came[-1], 1))[keep], (came / tried)[keep], label=name, color=COLOURS[name])
    axes.set_xlabel("share of outcomes found")
    axes.set_ylabel("precision")
    axes.legend(frameon=False, fontsize=7)


def _gain(axes: Any, assessment: Assessment) -> None:
    for name, label, said in _rivals(assessment):
        came = np.cumsum(label[np.argsort(-said, kind="stable")]) / max(label.sum(), 1)
        axes.plot(np.arange(1, len(label) + 1) / len(label), came, label=name, color=COLOURS[name])
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.6)
    axes.set_xlabel("share of customers called")
    axes.set_ylabel("share of outcomes reached")
    axes.legend(frameon=False, fontsize=7)


def _calibration(axes: Any, assessment: Assessment) -> None:
    for name, label, said in _rivals(assessment):
        parts = [part for part in np.array_split(np.argsort(said, kind="stable"), 10) if len(part)]
        axes.plot(
            [said[part].mean() for part in parts],
            [label[part].mean() for part in parts],
            marker="o",
            markersize=3,
            label=name,
            color=COLOURS[name],
        )
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.6)
    axes.set_xlabel("said")
    axes.set_ylabel("came")
    axes.legend(frameon=False, fontsize=7)


def _rivals(assessment: Assessment) -> list[tuple[str, Floats, Floats]]:
    return [(name, assessment.label, assessment.said[name]) for name in SHOWN if name in assessment.said]


def _picture(draw: Callable[[Any], None]) -> str:
    figure = Figure(figsize=(4.6, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    return _png(figure)


def _png(figure: Any) -> str:
    kept = io.BytesIO()
    figure.savefig(kept, format="png", dpi=110, bbox_inches="tight")
    return "data:image/png;base64," + base64.b64encode(kept.getvalue()).decode()
