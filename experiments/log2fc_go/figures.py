"""Pictures: the compendium, what width and depth are worth, and how searches go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from experiments.log2fc_go.jobs import PLAIN
from genexp.palette import ENCODER, MUTED, PCA, UNLABELLED, dress_axes, mark_labels, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"encoder": ENCODER, PLAIN: "#009E73", "pca": PCA, "chance": MUTED}
TITLES = {
    "encoder": "encoder, starts at PCA",
    PLAIN: "plain network",
    "pca": "PCA of the same size",
    "chance": "chance",
}
N_NAMED = 12
"""Terms that have a colour."""


def plot_components(table: pd.DataFrame, shares: tuple[float, float], perplexity: float) -> Figure:
    """Draw train contrasts in two principal components and as t-SNE places them, coloured by the
    leading term of their series.
    """
    figure = new_figure(
        "The whole compendium, all genes, by the leading term of each series", height=6.8
    )
    panels = figure.subplots(1, 2)
    counts = table["leading_term"].value_counts()
    marks = mark_labels(counts.index[:N_NAMED])
    names = [
        (f"PC{i + 1} ({share:.1%} of the variance)" for i, share in enumerate(shares)),
        ("t-SNE 1", "t-SNE 2"),
    ]
    titles = [
        f"{len(table):,} train contrasts",
        f"perplexity {perplexity:g}, from 50 principal components",
    ]
    for axes, prefix, axis_names, title in zip(panels, ("pc", "tsne"), names, titles, strict=True):
        _draw_contrasts(axes, table, prefix, {name: mark.colour for name, mark in marks.items()})
        dress_axes(axes, title, *axis_names)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower left",
        ncols=7,
        frameon=False,
        fontsize=9,
        markerscale=2,
        handletextpad=0.1,
    )
    return figure


def _draw_contrasts(axes: Axes, table: pd.DataFrame, prefix: str, colours: dict[str, str]) -> None:
    x, y, term = (table[name].to_numpy() for name in (f"{prefix}_1", f"{prefix}_2", "leading_term"))
    other = ~np.isin(term, list(colours))
    axes.scatter(
        x[other], y[other], s=5, color=UNLABELLED, alpha=0.5, linewidths=0, label="other terms"
    )
    for name, colour in colours.items():
        axes.scatter(
            x[term == name], y[term == name], s=7, color=colour, alpha=0.8, linewidths=0, label=name
        )


def plot_sweeps(table: pd.DataFrame) -> Figure:
    """Draw R2 and average precision on validation contrasts by width and by depth, with a line for
    each way; bands: seeds.
    """
    figure = new_figure("What width and depth are worth, on validation contrasts", height=8.0)
    panels = figure.subplots(2, 2, sharey="row")
    for column, kind in enumerate(("width", "depth")):
        own = table[table["shape"].str.startswith(kind)]
        own = own.assign(size=own["shape"].str.removeprefix(f"{kind} ").astype(int))
        for row, (key, title) in enumerate(
            (("r2", "R²"), ("macro_ap", "mean average precision of terms"))
        ):
            axes = panels[row, column]
            _draw_lines(axes, own.dropna(subset=[key]), key)
            x = {
                "width": "width of the only layer, the latents (log scale)",
                "depth": "layers of the encoder, each half as wide as the one before",
            }
            dress_axes(
                axes,
                "" if row else f"by {kind}",
                x[kind] if row else "",
                title if not column else "",
            )
            if kind == "width":
                axes.set_xscale("log")
    low = max(float(table["r2"].min()), -0.3)
    panels[0, 0].set_ylim(low - 0.03, float(table["r2"].max()) + 0.05)
    panels[0, 0].legend(frameon=False, fontsize=10, loc="upper left")
    return figure


def _draw_lines(axes: Axes, table: pd.DataFrame, key: str) -> None:
    for way, rows in table.groupby("representation", sort=False):
        by_size = rows.groupby("size")[key]
        mean, sd = by_size.mean(), by_size.std().fillna(0)
        style: dict[str, Any] = (
            {"marker": "o", "markersize": 4} if way != "chance" else {"linestyle": "--"}
        )
        # the encoder's line lies beneath it
        style |= {"linestyle": ":", "markersize": 2} if way == "pca" else {}
        axes.plot(
            mean.index,
            mean,
            color=COLOURS[str(way)],
            linewidth=1.8,
            label=TITLES[str(way)],
            **style,
        )
        axes.fill_between(
            mean.index, mean - sd, mean + sd, color=COLOURS[str(way)], alpha=0.15, linewidth=0
        )


def plot_search(trials: pd.DataFrame) -> Figure:
    """Draw the lowest validation loss so far by trial: a line for each study, thick for the mean of
    a sampler.
    """
    figure = new_figure("Random search and TPE, equal numbers of trials", height=5.2, width=9.0)
    axes = figure.subplots()
    for sampler, colour in (("random", MUTED), ("tpe", ENCODER)):
        own = trials[trials["sampler"] == sampler]
        for _, study in own.groupby("study"):
            axes.step(
                study["trial"] + 1,
                study["best"],
                where="post",
                color=colour,
                alpha=0.35,
                linewidth=1,
            )
        mean = own.groupby("trial")["best"].mean()
        axes.step(
            mean.index + 1,
            mean,
            where="post",
            color=colour,
            linewidth=2.5,
            label=f"{sampler}, mean of {own['study'].nunique()} studies",
        )
    dress_axes(
        axes, "thin: one study each", "trials", "lowest validation loss (squared error per gene)"
    )
    axes.legend(frameon=False, fontsize=10)
    return figure
