"""Recurrence of nodes, and number of nodes with a gene set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.palette import COLOURS, ENCODER, MUTED, PCA, dress_axes, new_figure
from genexp.training.ensemble import RECURRING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHOD_COLOURS = {
    "PCA": PCA,
    "ICA": COLOURS[7],
    "ADAGE": COLOURS[2],
    "eADAGE": COLOURS[4],
    "deep from PCA": ENCODER,
}


def plot_recurrence(nodes: pd.DataFrame) -> Figure:
    """Nodes of the first seed by how well each is found again in the others.

    Parameters
    ----------
    nodes : DataFrame
        Columns ``cohort``, ``representation``, ``mean_correlation``, ``least_correlation``.
    """
    cohorts = list(nodes.groupby("cohort", sort=False))
    figure = new_figure("Do nodes come back with another seed?", height=4.9)
    for axes, (cohort, rows) in zip(
        np.ravel(figure.subplots(1, len(cohorts), sharey=True)), cohorts, strict=True
    ):
        for name, own in rows.groupby("representation", sort=False):
            for key, style in (("mean_correlation", "-"), ("least_correlation", ":")):
                values = np.sort(own[key])[::-1]
                label = f"{name}: {own['recurs'].mean():.0%} recur" if style == "-" else None
                axes.plot(
                    np.arange(1, len(values) + 1),
                    values,
                    style,
                    color=METHOD_COLOURS[str(name)],
                    linewidth=1.8,
                    label=label,
                )
        axes.axhline(RECURRING, color=MUTED, linewidth=1, linestyle="--")
        dress_axes(
            axes,
            f"{cohort}; solid: mean over seeds, dotted: least",
            "nodes, the surest first",
            "|correlation| with the matched node",
        )
        axes.set_ylim(0, 1.03)
        axes.legend(frameon=False, fontsize=9.5, loc="lower left")
    return figure


def plot_nodes(scores: pd.DataFrame, collections: list[str]) -> Figure:
    """Nodes with an enriched gene set, by method and collection; dots are splits.

    Parameters
    ----------
    scores : DataFrame
        Columns ``cohort``, ``representation``, ``nodes_COLLECTION``.
    """
    cohorts = list(scores[scores["representation"] != "all genes"].groupby("cohort", sort=False))
    figure = new_figure(
        "Nodes with an enriched gene set among their genes of high weight", height=4.6
    )
    for axes, (cohort, rows) in zip(
        np.ravel(figure.subplots(1, len(cohorts), sharey=True)), cohorts, strict=True
    ):
        methods = list(dict.fromkeys(rows["representation"]))
        width = 0.8 / len(collections)
        for i, collection in enumerate(collections):
            found = rows.groupby("representation", sort=False)[f"nodes_{collection}"]
            x = np.arange(len(methods)) + (i - (len(collections) - 1) / 2) * width
            colour = COLOURS[(0, 3, 2)[i % 3]]
            axes.bar(
                x,
                found.mean().reindex(methods),
                width=width * 0.92,
                color=colour,
                alpha=0.85,
                label=f"{collection} sets",
            )
            for place, name in zip(x, methods, strict=True):
                own = rows.loc[rows["representation"] == name, f"nodes_{collection}"]
                axes.scatter(np.full(len(own), place), own, s=12, color=MUTED, zorder=3)
        axes.set_xticks(range(len(methods)), methods)
        dress_axes(axes, f"{cohort}; dots: splits", "", "nodes", grid="y")
        axes.legend(frameon=False, fontsize=9.5)
    return figure
