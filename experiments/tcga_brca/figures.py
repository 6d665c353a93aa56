"""Convergence of trainings, compared with PCA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.palette import ENCODER, MUTED, PCA, dress_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLAIN = "#009E73"
COLOURS = {"as published": PLAIN, "anchored at PCA": ENCODER}

CUT = 0.6
"""Share of PCA's R2 below which nothing is drawn."""


def plot_convergence(histories: pd.DataFrame) -> Figure:
    """Validation R2 by epoch: a panel for each cohort and shape, a line for each seed.

    Parameters
    ----------
    histories : DataFrame
        Columns ``cohort``, ``shape``, ``variant``, ``seed``, ``epoch``, ``r2/val``, ``r2/val_pca``.
    """
    panels = list(histories.groupby(["cohort", "shape"], sort=False))
    n_columns = min(2, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = new_figure(
        "Validation R² while training, beside PCA of the same size", height=1.2 + 3.6 * n_rows
    )
    for axes, ((cohort, shape), rows) in zip(
        np.ravel(figure.subplots(n_rows, n_columns)), panels, strict=True
    ):
        _draw_panel(axes, rows)
        dress_axes(axes, f"{cohort}, {shape}", "epoch", "validation R²")
        axes.legend(frameon=False, fontsize=9.5, loc="lower right")
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame) -> None:
    for variant, lines in rows.groupby("variant", sort=False):
        colour = COLOURS.get(str(variant), MUTED)
        for _, line in lines.groupby("seed"):
            axes.plot(line["epoch"], line["r2/val"], color=colour, linewidth=1.3, alpha=0.75)
        best = lines.groupby("seed")["r2/val"].max().mean()
        axes.plot(
            [],
            [],
            color=colour,
            linewidth=2,
            label=f"{variant}, best {best:.3f} (mean of {lines['seed'].nunique()})",
        )
    pca = rows.groupby("seed")["r2/val_pca"].first()
    axes.axhspan(pca.min(), pca.max(), color=PCA, alpha=0.15, linewidth=0)
    axes.axhline(
        pca.mean(),
        color=PCA,
        linestyle=(0, (5, 3)),
        linewidth=1.6,
        label=f"PCA {pca.mean():.3f} (band: seeds)",
    )
    axes.set_ylim(bottom=CUT * pca.mean())
