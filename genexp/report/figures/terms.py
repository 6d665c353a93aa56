"""Pictures of terms: how well each is predicted, beside chance and beside PCA, and what is left of a score when genes are deleted."""

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
"""Terms that are named in the picture."""


def plot_deletions(deletion: Deletion) -> Iterator[tuple[str, Figure]]:
    """Figure of the deletion curves, with its name."""
    yield "deletion", plot_deletion(deletion.curves)


def plot_terms(terms: Terms) -> Figure:
    """Draw the average precision of every term against its prevalence, and the encoder's against PCA's."""
    table = terms.by_term
    figure = new_figure("Predicting terms from the latent, on test samples", height=6.0)
    chance, beside = figure.subplots(1, 2)
    low = max(float(table["prevalence"].min()), 1e-4)
    line = np.geomspace(low, 1, 100)
    chance.plot(line, line, color=MUTED, linewidth=1.2, linestyle="--", label="chance")
    chance.scatter(table["prevalence"], table["ap"], color=ENCODER, s=26, alpha=0.75, linewidths=0, label=f"{len(table)} terms")
    chance.set_xscale("log")
    own = terms.scores.loc[OWN, "macro_ap"]
    dress_axes(chance, f"encoder: mean {own:.3f}, chance {terms.chance:.3f}", "prevalence of the term (log scale)", "average precision")
    _name_terms(chance, table, "prevalence", "ap")
    chance.legend(frameon=False, fontsize=10, loc="upper left")
    beside.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle="--")
    beside.scatter(table["ap_pca"], table["ap"], color=ENCODER, s=26, alpha=0.75, linewidths=0)
    above = int((table["ap"] > table["ap_pca"]).sum())
    dress_axes(beside, f"encoder above PCA in {above} of {len(table)} terms", "average precision, PCA", "average precision, encoder")
    for axes in (chance, beside):
        axes.set_ylim(0, 1.03)
    beside.set_xlim(0, 1.03)
    return figure


def _name_terms(axes: Axes, table: pd.DataFrame, x: str, y: str) -> None:
    """Name the terms that are furthest above chance."""
    best = (table["ap"] - table["prevalence"]).nlargest(N_NAMED).index
    heights = np.linspace(0.99, 0.99 - 0.05 * (len(best) - 1), len(best))
    for height, (name, row) in zip(heights, table.loc[best].sort_values(y, ascending=False).iterrows(), strict=True):
        axes.annotate(
            plain_text(name, 34), (row[x], row[y]), xytext=(0.62, height), textcoords="axes fraction", fontsize=8.5, color=INK, va="top",
            arrowprops={"arrowstyle": "-", "color": "#C9C9C9", "linewidth": 0.6},
        )  # fmt: skip


def plot_deletion(curves: pd.DataFrame) -> Figure:
    """Draw what is left of each term's score, by the share of the genes that is deleted (above) or given back (below)."""
    names = list(dict.fromkeys(curves["term"]))
    figure = new_figure("Genes responsible for a term: deleted, and given back, in three orders", height=7.4)
    panels = figure.subplots(2, len(names), squeeze=False, sharex=True, sharey="row")
    for column, name in enumerate(names):
        for axes, what in zip(panels[:, column], ("deletion", "insertion"), strict=True):
            areas = _draw_curves(axes, curves[curves["term"] == name], what)
            title = f"{plain_text(name, 36)}\nareas {areas}" if what == "deletion" else f"areas {areas}"
            x = "" if what == "deletion" else "genes deleted, or given back (%)"
            dress_axes(axes, title, x, "" if column else f"score, {what} (share of the whole)")
            axes.set_xscale("symlog", linthresh=0.1)
            axes.set_xlim(0, 100)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize=10.5)
    return figure


def _draw_curves(axes: Axes, curves: pd.DataFrame, what: str) -> str:
    """Lines of one panel; gives the areas under them."""
    areas = []
    for order, own in curves.groupby("order", sort=False):
        axes.plot(100 * own["share"], own[what], color=COLOURS[str(order)], linewidth=2, label=str(order))
        areas.append(f"{np.trapezoid(own[what], own['share']):.2f}")
    return ", ".join(areas)
