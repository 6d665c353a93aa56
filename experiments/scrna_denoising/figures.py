"""Pictures of the experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.palette import GRID, MUTED, dress_axes, mark_labels, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = (
    "deep",
    "PCA",
    "plain autoencoder",
    "negative binomial",
    "zero-inflated",
    "unanchored negative binomial",
)
QUANTITIES = {
    "correlation": "correlation with the truth",
    "rmse": "RMSE, log2(CP10k + 1)",
    "library": "R2 of the library in latents",
}

SIZES = (0.25, 0.5, 1, 2, 4, 8, 16, 32)
"""Ticks of sizes; what is beyond is drawn at the border."""


def plot_truth(results: pd.DataFrame) -> Figure:
    """Error of every representation by depth, without and with drop-outs: means and standard
    deviations over seeds.
    """
    dropouts = sorted(results["dropout"].unique())
    figure = new_figure("Denoised cells beside their planted expression", 3.4 * len(dropouts), 13)
    grid = figure.subplots(len(dropouts), len(QUANTITIES), squeeze=False)
    marks = mark_labels(SHOWN)
    for row, dropout in zip(grid, dropouts, strict=True):
        for axes, (name, title) in zip(row, QUANTITIES.items(), strict=True):
            dress_axes(
                axes, f"{dropout:.0%} of the counts lost", "mean count of a gene in a cell", title
            )
            _draw_lines(axes, results[results["dropout"] == dropout], name, marks)
    lines, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=10)
    return figure


def _draw_lines(axes: Axes, results: pd.DataFrame, name: str, marks: dict) -> None:
    depths = sorted(results["depth"].unique())
    for place, one in enumerate(SHOWN):
        scores = (
            results[results["representation"] == one]
            .groupby("depth")[name]
            .agg(["mean", "std"])
            .fillna(0)
        )
        x = np.array(scores.index) * 2 ** (0.08 * (place - 2.5))
        style = {
            "color": marks[one].colour,
            "marker": "o",
            "markersize": 4,
            "linewidth": 1.4,
            "capsize": 2,
            "elinewidth": 0.9,
        }
        axes.errorbar(x, scores["mean"], scores["std"], label=one, **style)
    axes.set_xscale("log", base=2)
    axes.set_xticks(depths, [f"{depth:g}" for depth in depths])


def plot_genes(genes: pd.DataFrame) -> Figure:
    """Sizes and added zeros of every gene as found, beside those that were planted, in the deepest
    cells of the first seed.
    """
    dropouts = sorted(genes["dropout"].unique())
    own = genes[(genes["depth"] == genes["depth"].max()) & (genes["seed"] == genes["seed"].min())]
    figure = new_figure(
        "Sizes and added zeros of the genes, found and planted", 3.9 * len(dropouts), 13
    )
    grid = figure.subplots(len(dropouts), 3, squeeze=False)
    for row, dropout in zip(grid, dropouts, strict=True):
        some = own[own["dropout"] == dropout]
        for axes, name in zip(row, ("negative binomial", "zero-inflated"), strict=False):
            dress_axes(axes, f"{name}, {dropout:.0%} lost", "planted size", "size found")
            _draw_genes(axes, some[some["representation"] == name], "planted_size", "size")
            _mark_sizes(axes)
        dress_axes(
            row[2],
            f"zero-inflated, {dropout:.0%} lost",
            "planted mean probability of a drop-out",
            "probability called",
        )
        _draw_genes(
            row[2], some[some["representation"] == "zero-inflated"], "planted_dropout", "called"
        )
        row[2].set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return figure


def _mark_sizes(axes: Axes) -> None:
    """Both axes in powers of two."""
    low, high = SIZES[0], SIZES[-1]
    points = axes.collections[0]
    points.set_offsets(np.clip(points.get_offsets(), low, high))
    axes.loglog(base=2)
    axes.set(xlim=(low * 0.9, high * 1.1), ylim=(low * 0.9, high * 1.1))
    axes.set_xticks(SIZES, [f"{size:g}" for size in SIZES])
    axes.set_yticks(SIZES, [f"{size:g}" for size in SIZES])


def _draw_genes(axes: Axes, genes: pd.DataFrame, x: str, y: str) -> None:
    """Genes as points coloured by their mean count, with the line on which found is planted."""
    level = np.log10(genes["mean_count"].clip(lower=0.1))
    points = axes.scatter(
        genes[x], genes[y], c=level, cmap="viridis", s=9, linewidths=0, alpha=0.8, zorder=2
    )
    axes.axline((0.5, 0.5), (1, 1), color=MUTED, linewidth=1, linestyle="--", zorder=1)
    bar = axes.figure.colorbar(points, ax=axes, pad=0.02)
    bar.set_label("log10 of the mean count", fontsize=9, color=MUTED)
    bar.ax.tick_params(labelsize=8, color=GRID)
