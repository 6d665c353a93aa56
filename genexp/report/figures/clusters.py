"""Figures of the stability of the clusters, and of novel samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from genexp.evaluation.clusters.methods import KMEANS, N_RESAMPLES, SHARE, ClusterMethods
from genexp.evaluation.novelty import Novelty
from genexp.palette import (
    ENCODER,
    INK,
    PCA,
    UNLABELLED,
    dress_axes,
    mark_clusters,
    new_figure,
    plain_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_clusters(methods: ClusterMethods) -> Iterator[tuple[str, Figure]]:
    """Draw every figure of the clustering methods, with its name."""
    yield "consensus", plot_consensus(methods)


def plot_consensus(methods: ClusterMethods) -> Figure:
    """Draw the share of resamples in which k-means puts two train samples into the same cluster."""
    figure = new_figure("Stability of the clusters, on train samples", height=7.4, width=8.6)
    axes = figure.subplots()
    image = axes.imshow(
        methods.consensus.to_numpy(), cmap="Blues", vmin=0, vmax=1, interpolation="nearest"
    )
    stability = methods.scores.loc[KMEANS, "stability"]
    subtitle = (
        f"k-means on {N_RESAMPLES} resamples of {SHARE:.0%}; mean adjusted Rand index with the "
        f"full fit {stability:.3f}"
    )
    dress_axes(
        axes,
        subtitle,
        f"{len(methods.consensus):,} train samples in order of their cluster",
        "",
        grid="",
    )
    _name_blocks(axes, methods.clusters.to_numpy())
    bar = figure.colorbar(
        image, ax=axes, fraction=0.04, pad=0.03, format=lambda share, _: f"{share:.0%}"
    )
    bar.set_label("share of resamples with both samples in one cluster", fontsize=10.5, color=INK)
    bar.outline.set_visible(False)
    return figure


def _name_blocks(axes: Axes, clusters: np.ndarray) -> None:
    """Mark the samples of each cluster with a coloured bar and a name."""
    marks = mark_clusters(sorted(set(clusters)))
    middles, names = [], []
    for cluster in sorted(set(clusters)):
        rows = np.flatnonzero(clusters == cluster)
        low, high = rows[0] - 0.5, rows[-1] + 0.5
        colour = marks[str(cluster)].colour
        line = axes.plot(
            [-0.012, -0.012],
            [low, high],
            transform=axes.get_yaxis_transform(),
            color=colour,
            linewidth=6,
            solid_capstyle="butt",
        )
        line[0].set_clip_on(False)
        middles.append((low + high) / 2)
        names.append(f"cluster {cluster}")
    axes.set_xticks([])
    axes.set_yticks(middles, names, fontsize=10.5)
    axes.tick_params(length=0, pad=10)
    for spine in axes.spines.values():
        spine.set_visible(False)


def plot_novelty(novelty: Novelty, n_named: int = 8) -> Figure:
    """Draw error against distance of test and validation samples; the most novel samples are
    named.
    """
    table, reference = novelty.samples, novelty.reference
    figure = new_figure("Novel test samples, unlike the train samples", height=6.4, width=9.2)
    axes = figure.subplots()
    kinds = [(reference, UNLABELLED, "o", f"validation samples ({len(reference):,})")]
    kinds += [(table[~table["novel"]], ENCODER, "o", f"test samples ({(~table['novel']).sum():,})")]
    kinds += (
        [(table[table["novel"]], PCA, "D", f"novel test samples ({table['novel'].sum():,})")]
        if table["novel"].any()
        else []
    )
    for rows, colour, marker, name in kinds:
        axes.scatter(
            rows["distance"],
            rows["error"],
            color=colour,
            marker=marker,
            s=26,
            alpha=0.75,
            linewidths=0,
            label=name,
        )
    for sample, row in (
        table[table["novel"]]
        .sort_values(["p", "error"], ascending=[True, False])
        .head(n_named)
        .iterrows()
    ):
        point = (row["distance"], row["error"])
        axes.annotate(
            plain_text(sample, 24),
            point,
            xytext=(-6, 4),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=INK,
        )
    share = (table["p"] <= 0.05).mean()
    subtitle = (
        f"novel: false discovery rate 5 %; {share:.1%} have p ≤ 0.05 (5 % expected if no sample "
        "is novel)"
    )
    dress_axes(
        axes,
        subtitle,
        "distance of the latents from the train samples (Mahalanobis)",
        "mean squared error of the scaled values",
    )
    axes.set_yscale("log")
    axes.legend(frameon=False, fontsize=10.5, loc="lower right")
    return figure
