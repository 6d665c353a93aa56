"""Figure of the reconstruction of genes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.evaluation.reconstruction import Reconstruction
from genexp.palette import ENCODER, INK, PCA, dress_axes, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_LATENTS, N_GENES = 20, 20
"""Maximum number of rows of the figure."""


def plot_reconstruction(reconstruction: Reconstruction) -> Figure:
    """Draw the genes with the worst reconstruction, and the distribution of R2 over genes, compared
    with PCA.
    """
    figure = new_figure("Reconstruction of genes from the latents, on test samples", height=6.8)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
    _draw_worst_genes(left, reconstruction.worst_genes(N_GENES))
    _draw_gene_distribution(right, reconstruction)
    return figure


def _draw_worst_genes(axes: Axes, worst: pd.DataFrame) -> None:
    rows = np.arange(len(worst))
    values = worst[["r2", "r2_pca"]].to_numpy(dtype=float)
    low = max(float(np.nanmin(values, initial=0.0)) * 1.05, -1.0)
    bars = axes.barh(rows, worst["r2"], color=ENCODER, height=0.68)
    dots = axes.scatter(
        np.maximum(values[:, 1], low),
        rows,
        marker="D",
        color=PCA,
        s=42,
        edgecolors="white",
        linewidths=0.7,
        zorder=3,
    )
    dots.set_clip_on(False)
    for row in rows[(values < low).any(axis=1)]:
        text = f"encoder {values[row, 0]:.2f}, PCA {values[row, 1]:.2f}".replace("-", "−")
        axes.text(
            low * 0.97,
            row,
            text,
            va="center",
            fontsize=9,
            color="white" if values[row, 0] < 0.6 * low else INK,
        )
    axes.axvline(0, color=INK, linewidth=0.9)
    dress_axes(
        axes,
        f"The {len(worst)} genes with the worst reconstruction",
        "R² of the gene (0: no better than the train mean)",
        "",
        grid="x",
    )
    axes.set_yticks(rows, [plain_text(gene, 18) for gene in worst.index])
    axes.set_ylim(len(worst) - 0.4, -0.6)
    axes.set_xlim(min(low, -0.02), max(float(np.nanmax(values, initial=0.0)) * 1.08, 0.05))
    axes.legend([bars, dots], ["encoder", "PCA"], frameon=False, fontsize=10.5, loc="upper left", bbox_to_anchor=(-0.02, -0.12), ncols=2,  # noqa: E501
                borderaxespad=0.0)  # fmt: skip


def _draw_gene_distribution(axes: Axes, reconstruction: Reconstruction) -> None:
    genes = reconstruction.genes[["r2", "r2_pca"]].dropna()
    low = float(np.floor(20 * min(0.0, np.quantile(genes, 0.005))) / 20) if len(genes) else 0.0
    bins = np.linspace(low, 1, 36).tolist()
    for column, name, colour in (("r2", "encoder", ENCODER), ("r2_pca", "PCA", PCA)):
        values = genes[column].clip(lower=low)
        median = float(genes[column].median())
        axes.hist(values, bins=bins, histtype="stepfilled", color=colour, alpha=0.14)
        axes.hist(
            values,
            bins=bins,
            histtype="step",
            color=colour,
            linewidth=1.8,
            label=f"{name}: median {median:.3f}",
        )
        axes.axvline(median, color=colour, linewidth=1.5, linestyle=(0, (5, 3)))
    gathered = (
        f" (first bar: all below {bins[1]:.2f})".replace("-", "−")
        if len(genes) and (genes < low).any(axis=None)
        else ""
    )
    scores = reconstruction.scores["r2"]
    overall = f"over all values: encoder {scores['encoder']:.3f}, PCA {scores['pca']:.3f}"
    dress_axes(
        axes,
        f"R² of {len(genes):,} genes; {overall}",
        "R² of the gene" + gathered,
        "genes",
        grid="y",
    )
    axes.set_xlim(low, 1)
    axes.legend(frameon=False, fontsize=10.5, loc="upper left")
