"""Figures of terms: average precision compared with chance and with PCA, and deletion curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.evaluation.latents import ENCODER as OWN
from genexp.evaluation.terms import Terms
from genexp.explain.deletion import ATTRIBUTION, LINEAR, RANDOM, Deletion
from genexp.palette import ENCODER, INK, MUTED, PCA, dress_axes, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {ATTRIBUTION: ENCODER, LINEAR: PCA, RANDOM: MUTED}
"""Colours of the orders of genes."""
N_NAMED = 5
"""Number of named terms in the figure."""


def plot_deletions(deletion: Deletion) -> Iterator[tuple[str, Figure]]:
    """Draw the figure of the deletion curves, with its name."""
    yield "deletion", plot_deletion(deletion.curves)


def plot_terms(terms: Terms) -> Figure:
    """Draw the average precision of every term against its prevalence, and against that of PCA."""
    table = terms.by_term
    figure = new_figure("Prediction of terms from the latents, on test samples", height=6.0)
    chance, against_pca = figure.subplots(1, 2)
    low = max(float(table["prevalence"].min()), 1e-4)
    line = np.geomspace(low, 1, 100)
    chance.plot(line, line, color=MUTED, linewidth=1.2, linestyle="--", label="chance")
    chance.scatter(
        table["prevalence"],
        table["ap"],
        color=ENCODER,
        s=26,
        alpha=0.75,
        linewidths=0,
        label=f"{len(table)} terms",
    )
    chance.set_xscale("log")
    macro_ap = terms.scores.loc[OWN, "macro_ap"]
    dress_axes(
        chance,
        f"encoder: mean {macro_ap:.3f}, chance {terms.chance:.3f}",
        "prevalence of the term (log scale)",
        "average precision",
    )
    _name_terms(chance, table, "prevalence", "ap")
    chance.legend(frameon=False, fontsize=10, loc="upper left")
    against_pca.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle="--")
    against_pca.scatter(table["ap_pca"], table["ap"], color=ENCODER, s=26, alpha=0.75, linewidths=0)
    n_better = int((table["ap"] > table["ap_pca"]).sum())
    dress_axes(
        against_pca,
        f"encoder better than PCA for {n_better} of {len(table)} terms",
        "average precision, PCA",
        "average precision, encoder",
    )
    for axes in (chance, against_pca):
        axes.set_ylim(0, 1.03)
    against_pca.set_xlim(0, 1.03)
    return figure


def _name_terms(axes: Axes, table: pd.DataFrame, x: str, y: str) -> None:
    """Name the terms with the largest gain over chance."""
    best = (table["ap"] - table["prevalence"]).nlargest(N_NAMED).index
    heights = np.linspace(0.99, 0.99 - 0.05 * (len(best) - 1), len(best))
    for height, (name, row) in zip(
        heights, table.loc[best].sort_values(y, ascending=False).iterrows(), strict=True
    ):
        axes.annotate(
            plain_text(name, 34), (row[x], row[y]), xytext=(0.62, height), textcoords="axes fraction", fontsize=8.5, color=INK, va="top",  # noqa: E501
            arrowprops={"arrowstyle": "-", "color": "#C9C9C9", "linewidth": 0.6},
        )  # fmt: skip


def plot_deletion(curves: pd.DataFrame) -> Figure:
    """Draw the remaining score of each term by the share of deleted genes (top) or inserted genes
    (bottom).
    """
    names = list(dict.fromkeys(curves["term"]))
    figure = new_figure(
        "Deletion and insertion of the genes of a term, in three orders", height=7.4
    )
    panels = figure.subplots(2, len(names), squeeze=False, sharex=True, sharey="row")
    for index, name in enumerate(names):
        for axes, column in zip(panels[:, index], ("deletion", "insertion"), strict=True):
            areas = _draw_curves(axes, curves[curves["term"] == name], column)
            title = (
                f"{plain_text(name, 36)}\nareas {areas}"
                if column == "deletion"
                else f"areas {areas}"
            )
            x = "" if column == "deletion" else "deleted, or inserted, genes (%)"
            dress_axes(axes, title, x, "" if index else f"score, {column} (share of the whole)")
            axes.set_xscale("symlog", linthresh=0.1)
            axes.set_xlim(0, 100)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize=10.5
    )
    return figure


def _draw_curves(axes: Axes, curves: pd.DataFrame, column: str) -> str:
    """Draw the lines of a panel; give the areas under them."""
    areas = []
    for order, curve in curves.groupby("order", sort=False):
        axes.plot(
            100 * curve["share"],
            curve[column],
            color=COLOURS[str(order)],
            linewidth=2,
            label=str(order),
        )
        areas.append(f"{np.trapezoid(curve[column], curve['share']):.2f}")
    return ", ".join(areas)
