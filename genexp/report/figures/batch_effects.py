"""Figure of batch effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.evaluation.batch_effects import BatchEffects
from genexp.evaluation.latents import DISPLAY
from genexp.evaluation.projection import Embeddings
from genexp.palette import (
    ENCODER,
    INK,
    MUTED,
    PCA,
    UNLABELLED,
    Mark,
    dress_axes,
    mark_batches,
    new_figure,
    plain_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OF_BATCH, OF_LABEL = Mark(PCA, "s", "square"), Mark(ENCODER, "o", "circle")
"""Markers of the scores of batches, and of labels."""
PANELS = {
    "prediction by logistic regression": (
        "balanced accuracy",
        "balanced_accuracy_batch",
        "balanced_accuracy_label",
    ),
    "mixing among neighbours": ("effective number of groups around a sample", "ilisi", "clisi"),
}
"""Title, unit and columns of the panels next to the t-SNE."""


def plot_batch_effects(effects: BatchEffects, embeddings: Embeddings) -> Figure:
    """Draw the t-SNE by batch, and prediction and mixing of batches and labels by representation,
    on test samples.
    """
    batches = effects.batch.dropna().astype(str)
    figure = new_figure(
        "Remaining batch effects, on test samples",
        height=6.0 + 0.2 * -(-batches.nunique() // 3),
        width=14,
    )
    panels = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    _draw_embedding(panels[0], embeddings.coordinates, effects.batch)
    for axes, (title, (unit, *columns)) in zip(panels[1:], PANELS.items(), strict=True):
        _draw_scores(axes, effects, columns)
        dress_axes(axes, title, unit, "", grid="x")
    panels[2].tick_params(labelleft=False)
    return figure


def _draw_embedding(axes: Axes, table: pd.DataFrame, batch: pd.Series) -> None:
    """Draw test samples with a dark edge, others faint, and samples of unknown batch grey."""
    groups, test = batch.loc[table.index].astype(object), (table["part"] == "test").to_numpy()
    for name, mark in {
        "": Mark(UNLABELLED, "o", "circle"),
        **mark_batches(sorted(groups.dropna().astype(str).unique())),
    }.items():
        member = groups.isna().to_numpy() if name == "" else (groups.astype(str) == name).to_numpy()
        for rows, style in (
            (member & ~test, {"alpha": 0.4, "linewidths": 0}),
            (member & test, {"edgecolors": INK, "linewidths": 0.7}),
        ):
            axes.scatter(
                table["tsne_1"][rows],
                table["tsne_2"][rows],
                color=mark.colour,
                marker=mark.marker,
                s=30,
                **style,
            )
        if name:
            axes.scatter(
                [],
                [],
                color=mark.colour,
                marker=mark.marker,
                s=40,
                label=f"{plain_text(name, 20)} ({member.sum():,})",
            )
    dress_axes(
        axes, "t-SNE of the latents by batch (dark edge: test samples)", "t-SNE 1", "t-SNE 2"
    )
    axes.tick_params(length=0, labelbottom=False, labelleft=False)
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.07),
        ncols=3,
        frameon=False,
        fontsize=9.5,
        handletextpad=0.1,
        columnspacing=0.9,
    )


def _draw_scores(axes: Axes, effects: BatchEffects, columns: list[str]) -> None:
    """Draw a row for each representation, and a dotted line at chance."""
    rows = np.arange(len(effects.scores))[::-1]
    for column, mark, name in zip(columns, (OF_BATCH, OF_LABEL), ("batch", "label"), strict=True):
        if column not in effects.scores:
            continue
        axes.scatter(
            effects.scores[column],
            rows,
            color=mark.colour,
            marker=mark.marker,
            s=70,
            zorder=3,
            label=name,
        )
        if np.isfinite(effects.chance[column]):
            axes.axvline(
                effects.chance[column],
                color=mark.colour,
                linestyle=":",
                linewidth=1.6,
                label=f"{name}, by chance",
            )
    axes.set_yticks(rows, [DISPLAY[str(name)] for name in effects.scores.index], fontsize=10.5)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.12),
        ncols=2,
        frameon=False,
        fontsize=9.5,
        labelcolor=MUTED,
    )
