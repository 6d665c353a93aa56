"""Pictures of the experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from experiments.tumor_normal.genes import rank_genes
from genexp.palette import ENCODER, INK, MUTED, PCA, dress_axes, mark_labels, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RAISES, LOWERS = ENCODER, PCA
"""Colours of what raises and what lowers the class."""
N_GENES = 12
N_COLUMNS = 4


def plot_confusion(pairs: pd.DataFrame) -> Figure:
    """Draw the confusion matrix of every model, all splits together: columns ``truth``,
    ``predicted``, ``n``, ``model``.
    """
    models = list(dict.fromkeys(pairs["model"]))
    n_rows = -(-len(models) // N_COLUMNS)
    figure = new_figure("Tumour or normal, test samples of all splits", height=1.0 + 3.2 * n_rows)
    panels = figure.subplots(n_rows, N_COLUMNS, squeeze=False).ravel()
    for axes, model in zip(panels, models, strict=False):
        own = pairs[pairs["model"] == model]
        counts = own.pivot_table(index="truth", columns="predicted", values="n", aggfunc="sum")
        share = counts.to_numpy() / counts.to_numpy().sum(axis=1, keepdims=True)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for (i, j), n in np.ndenumerate(counts.to_numpy()):
            colour = "white" if share[i, j] > 0.5 else INK
            axes.text(
                j, i, f"{n}\n{share[i, j]:.1%}", ha="center", va="center", fontsize=11, color=colour
            )
        dress_axes(axes, model.replace(" on ", "\non "), "predicted", "truth", grid="")
        axes.set_xticks(range(len(counts.columns)), list(counts.columns))
        axes.set_yticks(range(len(counts.index)), list(counts.index), rotation=90, va="center")
    for axes in panels[len(models) :]:
        axes.set_visible(False)
    return figure


def plot_genes(genes: pd.DataFrame) -> Figure:
    """Draw the leading genes of every method: signed strength, mean and range over splits, over the
    largest mean.
    """
    figure = new_figure("Genes behind 'tumour'", height=5.2)
    panels = figure.subplots(1, genes.shape[1])
    for axes, method in zip(panels, genes, strict=True):
        top = rank_genes(genes[method]).nsmallest(N_GENES).index
        own = genes[method].unstack("split").loc[top]
        own = own / own.mean(axis=1).abs().max()
        mean, places = own.mean(axis=1), np.arange(len(top))
        axes.barh(
            places, mean, color=[RAISES if value > 0 else LOWERS for value in mean], height=0.7
        )
        axes.hlines(places, own.min(axis=1), own.max(axis=1), color=INK, linewidth=1)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        dress_axes(axes, str(method).replace("_", " "), "strength over the largest", "", grid="x")
        axes.set_yticks(places, [plain_text(gene, 14) for gene in top], fontsize=9)
        axes.set_ylim(len(top) - 0.4, -0.6)
    figure.supxlabel(
        "blue: higher expression speaks for tumour, orange: against it; line: range over splits",
        fontsize=10.5,
        color=MUTED,
    )
    return figure


def plot_left_out(scores: pd.DataFrame) -> Figure:
    """Draw macro F1 on each type that was left out, by model."""
    figure = new_figure("Trained on the other cancers", height=4.6)
    axes = figure.subplots()
    types, marks = list(dict.fromkeys(scores["type"])), mark_labels(dict.fromkeys(scores["model"]))
    for k, (model, mark) in enumerate(marks.items()):
        own = scores[scores["model"] == model].groupby("type")["macro_f1"].mean().reindex(types)
        shift = 0.16 * (k - (len(marks) - 1) / 2)
        axes.plot(
            np.arange(len(types)) + shift,
            own,
            mark.marker,
            color=mark.colour,
            markersize=8,
            label=model,
        )
    dress_axes(
        axes,
        "each model is tried on all samples of a cancer that it never saw",
        "cancer that was left out",
        "macro F1",
        grid="y",
    )
    axes.set_xticks(range(len(types)), types)
    axes.legend(frameon=False, fontsize=10, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def plot_transfer(scores: pd.DataFrame) -> Figure:
    """Draw macro F1 over the number of known patients, a panel for each type: mean, and range over
    draws.
    """
    types, marks = list(dict.fromkeys(scores["type"])), mark_labels(dict.fromkeys(scores["model"]))
    figure = new_figure("A few patients of another cancer", height=4.4)
    panels = figure.subplots(1, len(types), sharey=True, squeeze=False)[0]
    known = sorted(scores["n_patients"].unique())
    for axes, name in zip(panels, types, strict=True):
        for k, (model, mark) in enumerate(marks.items()):
            own = scores[(scores["type"] == name) & (scores["model"] == model)].groupby(
                "n_patients"
            )["macro_f1"]
            places = np.arange(len(known)) + 0.12 * (k - (len(marks) - 1) / 2)
            axes.vlines(places, own.min(), own.max(), color=mark.colour, linewidth=1.2)
            axes.plot(
                places,
                own.mean(),
                marker=mark.marker,
                markersize=6,
                linewidth=0.8,
                color=mark.colour,
                label=model,
            )
        dress_axes(axes, name, "patients known", "macro F1" if axes is panels[0] else "", grid="y")
        axes.set_xticks(range(len(known)), [str(n) for n in known])
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        frameon=False,
        fontsize=10,
        loc="outside lower center",
        ncols=len(marks),
    )
    return figure
