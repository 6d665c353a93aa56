"""Errors by number of latents, and what is inside the published network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.palette import COLOURS, ENCODER, INK, MUTED, PCA, dress_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_BINS = 48


def plot_sizes(scores: pd.DataFrame) -> Figure:
    """Squared error over PCA's of the same size: by number of latents on the cohort with most of
    them, and for every cohort.

    Parameters
    ----------
    scores : DataFrame
        Columns ``cohort``, ``k``, ``seed``, ``representation``, ``mse``.
    """
    ratios = scores.set_index(["cohort", "k", "seed"])
    pca = ratios.loc[ratios["representation"] == "PCA", "mse"]
    table = ratios.assign(ratio=ratios["mse"] / pca.reindex(ratios.index)).reset_index()
    table = table[table["representation"] != "PCA"]
    methods = list(dict.fromkeys(table["representation"]))
    colours = dict(zip(methods, [COLOURS[i] for i in (7, 4, 2, 3, 5, 0)], strict=False)) | {
        methods[-1]: ENCODER
    }
    figure = new_figure("Held-out squared error beside PCA with as many latents", height=5.2)
    lines, dots = figure.subplots(1, 2)
    first = table.groupby("cohort", sort=False)["k"].nunique().idxmax()
    _draw_lines(lines, table[table["cohort"] == first], colours)
    dress_axes(lines, str(first), "latents", "squared error / that of PCA")
    _draw_dots(dots, table, colours)
    k = _pick_size(table)
    dress_axes(
        dots,
        f"every cohort, {k} latents" if k else "every cohort, its largest number of latents",
        "squared error / that of PCA",
        "",
    )
    lines.legend(frameon=False, fontsize=9.5)
    return figure


def _pick_size(table: pd.DataFrame) -> int:
    """The number of latents that all cohorts have; 0 if there is none."""
    shared = set.intersection(*(set(rows["k"]) for _, rows in table.groupby("cohort")))
    return max(shared, default=0)


def _draw_lines(axes: Axes, table: pd.DataFrame, colours: dict[str, str]) -> None:
    for name, rows in table.groupby("representation", sort=False):
        found = rows.groupby("k")["ratio"].agg(["mean", "min", "max"])
        axes.plot(
            found.index,
            found["mean"],
            color=colours[str(name)],
            marker="o",
            markersize=5,
            linewidth=1.8,
            label=name,
        )
        axes.fill_between(
            found.index,
            found["min"],
            found["max"],
            color=colours[str(name)],
            alpha=0.15,
            linewidth=0,
        )
    axes.axhline(1, color=PCA, linestyle=(0, (5, 3)), linewidth=1.6, label="PCA")
    axes.set_xscale("log")
    axes.set_xticks(sizes := sorted(table["k"].unique()), [str(k) for k in sizes])
    axes.minorticks_off()


def _draw_dots(axes: Axes, table: pd.DataFrame, colours: dict[str, str]) -> None:
    k, cohorts = _pick_size(table), list(dict.fromkeys(table["cohort"]))
    chosen = (
        table[table["k"] == k]
        if k
        else table[table["k"] == table.groupby("cohort")["k"].transform("max")]
    )
    for i, name in enumerate(colours):
        rows = chosen[chosen["representation"] == name]
        y = rows["cohort"].map(cohorts.index) + (i - len(colours) / 2) * 0.12
        axes.scatter(rows["ratio"], y, color=colours[name], s=26, zorder=3)
    axes.axvline(1, color=PCA, linestyle=(0, (5, 3)), linewidth=1.6)
    axes.set_yticks(range(len(cohorts)), cohorts)
    axes.set_ylim(len(cohorts) - 0.4, -0.6)


def plot_features(cohort: str, features: pd.DataFrame, units: pd.DataFrame) -> Figure:
    """Every unit of the published network, most active first: its share of what the units move, and
    its values on train samples.

    Parameters
    ----------
    features : DataFrame of float32, (n_train, n_units)
        Values of the units.
    units : DataFrame, (n_units, ...)
        With ``share``, most active first.
    """
    figure = new_figure(f"The {len(units)} units of the published network: {cohort}", height=6.2)
    bars, image = figure.subplots(2, 1, sharex=True, height_ratios=[1, 2.2])
    places = np.arange(len(units))
    bars.bar(places, units["share"], color=ENCODER, width=0.8)
    bars.yaxis.set_major_formatter(lambda share, _: f"{share:.1%}")
    dress_axes(bars, "activity: share of the variance that units move", "", "share", grid="y")
    values = features[units.index].to_numpy(dtype=np.float64)
    top = float(np.quantile(values, 0.999)) or 1.0
    counts = np.stack(
        [np.histogram(column.clip(0, top), bins=N_BINS, range=(0, top))[0] for column in values.T],
        axis=1,
    )
    shown = image.imshow(
        np.log10(1 + counts),
        origin="lower",
        aspect="auto",
        cmap="Blues",
        extent=(-0.5, len(units) - 0.5, 0, top),
    )
    dress_axes(
        image,
        "values on train samples; the lowest row holds the zeros",
        "units, most active first",
        "value of the unit",
        grid="",
    )
    bar = figure.colorbar(shown, ax=image, pad=0.01)
    bar.set_label("log10(1 + samples)", color=INK, fontsize=10)
    return figure


def plot_genes(cohort: str, genes: pd.DataFrame, published: str, ours: str) -> Figure:
    """Loss of every gene: its distribution for PCA, the published and our encoder, and the share
    that is explained beside PCA's.

    Parameters
    ----------
    genes : DataFrame, (n_genes, ...)
        Mean squared error on test samples by representation, and of the train mean (``variance``).
    """
    figure = new_figure(f"How well each gene is rebuilt: {cohort}", height=4.9)
    losses, shares = figure.subplots(1, 2)
    top = float(genes[["PCA", published, ours]].quantile(0.995).max())
    for name, colour in (("PCA", PCA), (published, COLOURS[2]), (ours, ENCODER)):
        counts, edges = np.histogram(genes[name].clip(upper=top), bins=60, range=(0, top))
        losses.stairs(
            counts,
            edges,
            color=colour,
            linewidth=1.8,
            label=f"{name}, median {genes[name].median():.4f}",
        )
    losses.legend(frameon=False, fontsize=9.5)
    dress_axes(
        losses,
        "squared error of a gene on test samples",
        "squared error (train range = 1)",
        "genes",
    )
    share = 1 - genes[["PCA", published, ours]].div(
        genes["variance"].where(genes["variance"] > 0), axis=0
    )
    for name, colour in ((published, COLOURS[2]), (ours, ENCODER)):
        shares.scatter(
            share["PCA"],
            share[name],
            s=5,
            alpha=0.35,
            color=colour,
            linewidth=0,
            label=name,
            rasterized=True,
        )
    shares.axline((0, 0), slope=1, color=MUTED, linewidth=1.2)
    shares.set_xlim(-0.5, 1)
    shares.set_ylim(-0.5, 1)
    shares.legend(frameon=False, fontsize=9.5, markerscale=3, loc="upper left")
    dress_axes(
        shares, "a dot is a gene; above the line: better than PCA", "R² by PCA", "R² by the encoder"
    )
    return figure
