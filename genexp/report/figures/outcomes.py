"""Predicted and true values of continuous outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genexp.evaluation.latents import ENCODER as OWN
from genexp.evaluation.outcome_table import TRUTH
from genexp.evaluation.outcomes import Outcomes
from genexp.palette import ENCODER, MUTED, dress_axes, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_PANELS = 6
"""Outcomes with a panel, in the order in which they are named."""


def plot_outcomes(result: Outcomes) -> Figure:
    """Draw the predictions of the encoder's latents against the true values, test samples, one
    panel per outcome.
    """
    names = list(dict.fromkeys(map(str, result.scores.index)))[:MAX_PANELS]
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure = new_figure(
        "Continuous outcomes from the latents, on test samples",
        height=1.2 + 4.4 * rows,
        width=1.0 + 4.7 * columns,
    )
    for axes, name in zip(
        figure.subplots(rows, columns, squeeze=False).ravel(), names, strict=False
    ):
        table = result.samples[[f"{TRUTH}: {name}", f"{OWN}: {name}"]].dropna()
        truth, predicted = table[f"{TRUTH}: {name}"], table[f"{OWN}: {name}"]
        low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.scatter(truth, predicted, color=ENCODER, s=24, alpha=0.7, linewidths=0)
        scores = result.scores.loc[[name]].set_index("representation").loc[OWN]
        title = (
            f"R² {scores['r2']:.3f} [{scores['r2_low']:.3f}, {scores['r2_high']:.3f}], rank "
            f"correlation {scores['spearman']:.3f}"
        )
        dress_axes(axes, title.replace("-", "−"), f"{plain_text(name, 28)}, true", "predicted")
    for axes in figure.axes[len(names) :]:
        axes.set_visible(False)
    return figure
