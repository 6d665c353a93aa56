"""Two-dimensional embeddings of the latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.evaluation.faithfulness import describe_faithfulness
from genexp.evaluation.projection import Embeddings
from genexp.palette import (
    INK,
    MUTED,
    UNLABELLED,
    Mark,
    dress_axes,
    mark_clusters,
    mark_labels,
    new_figure,
    plain_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNKNOWN = "(unlabelled)"
"""Name of the samples without a label."""


MAPS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}
"""2-D embeddings of the latents, by the prefix of their columns."""


def name_map_axes(embeddings: Embeddings, name: str) -> tuple[str, str]:
    """Titles of the two axes of an embedding."""
    if name != "pca":
        return f"{MAPS[name]} 1", f"{MAPS[name]} 2"
    first, second = (
        f"PC{i + 1} of the latents ({share:.1%} of their variance)"
        for i, share in enumerate(embeddings.explained_variance[:2])
    )
    return first, second


def plot_map(embeddings: Embeddings, name: str) -> Figure:
    """Draw an embedding of all samples, coloured by label (if any) and by cluster; test samples
    have a dark edge.
    """
    table = embeddings.coordinates
    labelled = table["label"].notna().any()
    n_test = int((table["part"] == "test").sum())
    setting = f", perplexity {embeddings.perplexity:g}" if name == "tsne" else ""
    title = f"{MAPS[name]} of the latents{setting}"
    labels = table["label"].astype("category").cat.remove_unused_categories()
    rows = -(-max(len(labels.cat.categories) + 1, table["cluster"].nunique()) // 4)
    figure = new_figure(title, height=6.6 + 0.2 * rows, width=12.0 if labelled else 7.5)
    figure.supxlabel(
        describe_faithfulness(embeddings.faithfulness, name),
        x=0.012,
        ha="left",
        fontsize=10,
        color=MUTED,
    )
    panels = figure.subplots(1, 2 if labelled else 1, squeeze=False)[0]
    parts = f"{n_test:,} test samples (dark edge), {len(table) - n_test:,} others (faint)"
    if labelled:
        _draw_embedding(panels[0], table, name, labels, mark_labels(labels.cat.categories))
        dress_axes(panels[0], f"by label: {parts}", *name_map_axes(embeddings, name))
    clusters = table["cluster"].astype(str).astype("category")
    _draw_embedding(
        panels[-1], table, name, clusters, mark_clusters(sorted(table["cluster"].unique()))
    )
    dress_axes(
        panels[-1],
        "by cluster" if labelled else f"by cluster: {parts}",
        *name_map_axes(embeddings, name),
    )
    _name_clusters(panels[-1], table, name)
    if name != "pca":
        for axes in panels:
            axes.tick_params(length=0, labelbottom=False, labelleft=False)
    return figure


def _draw_embedding(
    axes: Axes, table: pd.DataFrame, name: str, groups: pd.Series, marks: Mapping[str, Mark]
) -> None:
    from matplotlib.lines import Line2D

    x, y = table[f"{name}_1"].to_numpy(), table[f"{name}_2"].to_numpy()
    test = (table["part"] == "test").to_numpy()
    size = float(np.clip(24000 / len(table), 5, 34))
    members = {group: (groups == group).to_numpy() for group in marks}
    missing = groups.isna().to_numpy()
    if missing.any():
        members[UNKNOWN] = missing
        marks = {UNKNOWN: Mark(UNLABELLED, "o", "circle"), **marks}
    for on_test in (False, True):
        style = (
            {"s": 1.7 * size, "edgecolors": INK, "linewidths": 0.7}
            if on_test
            else {"s": size, "linewidths": 0, "alpha": 0.4}
        )
        for group, mark in marks.items():
            rows = members[group] & (test == on_test)
            axes.scatter(
                x[rows],
                y[rows],
                color=mark.colour,
                marker=mark.marker,
                zorder=3 if on_test else 2,
                **style,
            )
    entries = sorted(marks, key=lambda group: group == UNKNOWN)
    handles = [
        Line2D(
            [],
            [],
            color=marks[group].colour,
            marker=marks[group].marker,
            linestyle="none",
            markersize=7,
        )
        for group in entries
    ]
    texts = [f"{plain_text(group, 22)} ({members[group].sum():,})" for group in entries]
    columns = 4 if max(map(len, texts)) < 20 else 3
    corner = (-0.02, -0.13 if name == "pca" else -0.08)
    axes.legend(handles, texts, loc="upper left", bbox_to_anchor=corner, ncols=columns, frameon=False, fontsize=9.5,  # noqa: E501
                handletextpad=0.1, columnspacing=0.9, borderaxespad=0.0)  # fmt: skip
    axes.margins(0.04)


def _name_clusters(axes: Axes, table: pd.DataFrame, name: str) -> None:
    box = {
        "boxstyle": "circle,pad=0.22",
        "facecolor": "white",
        "edgecolor": INK,
        "linewidth": 0.8,
        "alpha": 0.85,
    }
    for cluster, median in table.groupby("cluster")[[f"{name}_1", f"{name}_2"]].median().iterrows():
        x, y = median
        axes.text(
            x,
            y,
            str(cluster),
            fontsize=12,
            fontweight="bold",
            color=INK,
            ha="center",
            va="center",
            zorder=4,
            bbox=box,
        )
