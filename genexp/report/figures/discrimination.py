"""ROC, precision-recall and calibration curves of the label's prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genexp.evaluation.discrimination import Discrimination, trace_roc
from genexp.evaluation.latents import ENCODER
from genexp.palette import INK, MUTED, dress_axes, mark_labels, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_CLASSES = 8
"""Maximum number of classes with a curve, those with the most test samples: more could not be
distinguished."""


def plot_discrimination(result: Discrimination) -> Figure:
    """Draw ROC and precision-recall curves of each class against the rest, and its calibration, by
    the encoder's latents.
    """
    classes = [str(name) for name in result.per_class["auroc"].dropna().index]
    drawn = sorted(classes, key=lambda name: -int(result.per_class.loc[name, "n_test"]))[
        :MAX_CLASSES
    ]
    marks = mark_labels(sorted(map(str, result.per_class.index)))
    colours = {name: marks[name].colour for name in sorted(drawn)}
    scores = result.scores.loc[ENCODER]
    figure = new_figure(
        "Prediction of each class against the rest, on test samples", height=5.4, width=15.0
    )
    roc, precision, calibration = figure.subplots(1, 3)
    roc.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    calibration.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    for name, colour in colours.items():
        _draw_class(roc, precision, result, name, colour)
        table = result.calibration.loc[[name]]
        calibration.plot(
            table["predicted"], table["observed"], "o-", color=colour, linewidth=1.4, markersize=4.5
        )
    intervals = {
        q: f"{scores[q]:.3f} [{scores[f'{q}_low']:.3f}, {scores[f'{q}_high']:.3f}]"
        for q in ("auroc", "auprc")
    }
    dress_axes(
        roc, f"ROC: mean area {intervals['auroc']}", "false positive rate", "true positive rate"
    )
    dress_axes(
        precision, f"precision and recall: mean area {intervals['auprc']}", "recall", "precision"
    )
    dress_axes(
        calibration,
        f"calibration: Brier score {scores['brier']:.3f}",
        "predicted probability",
        "observed frequency",
    )
    for axes in (roc, precision, calibration):
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.04)
    roc.legend(frameon=False, fontsize=10, loc="lower right")
    precision.legend(frameon=False, fontsize=10, loc="lower left")
    if len(drawn) < len(classes):
        calibration.text(
            0.02,
            0.98,
            f"the {len(drawn)} largest of {len(classes)} classes",
            fontsize=10,
            color=INK,
            va="top",
        )
    return figure


def _draw_class(roc: Axes, precision: Axes, result: Discrimination, name: str, colour: str) -> None:
    n, n_test = int((result.truth == name).sum()), len(result.truth)
    false_rate, true_rate = trace_roc(result, name)
    hits, misses = n * true_rate[1:], (n_test - n) * false_rate[1:]
    row, label = result.per_class.loc[name], plain_text(name, 20)
    roc.plot(false_rate, true_rate, color=colour, linewidth=2, label=f"{label}: {row['auroc']:.3f}")
    precision.step(
        true_rate[1:],
        hits / (hits + misses),
        where="pre",
        color=colour,
        linewidth=2,
        label=f"{label}: {row['auprc']:.3f}",
    )
