"""Figures of a training."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genexp.palette import COLOURS, ENCODER, INK, MUTED, PCA, dress_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAIN = "#56B4E9"
"""Colour of train samples, paler than that of validation samples."""


def plot_history(history: pd.DataFrame, loss_pca: float | None, best_epoch: int) -> Figure:
    """Draw the losses, validation R2 and learning rate by epoch.

    Parameters
    ----------
    history : DataFrame, (n_epochs, 5 + 2 * n_terms)
        Columns ``epoch``, ``loss/train``, ``loss/val``, ``learning_rate``, ``r2/val``, and where
        there are several losses each of them (``loss_kl/train``, ``loss_kl/val``); NaN where an
        epoch has no value.
    loss_pca : float or None
        Validation loss of PCA with as many components; None if there is none.
    best_epoch : int
        Epoch whose weights were kept.
    """
    figure = new_figure("Training of the autoencoder", height=5.6)
    terms = [
        name.removesuffix("/val")
        for name in history
        if name.startswith("loss_") and name.endswith("/val")
    ]
    layout: Any = (
        [["loss", "terms", "r2"], ["loss", "terms", "rate"]]
        if terms
        else [["loss", "r2"], ["loss", "rate"]]
    )
    panels = figure.subplot_mosaic(layout, width_ratios=[1.2, 1.2, 0.8] if terms else [1.9, 1])
    if terms:
        _draw_terms(panels["terms"], history, terms)
    _draw_losses(panels["loss"], history, loss_pca, best_epoch)
    panels["r2"].plot(history["epoch"], history["r2/val"], color=ENCODER, linewidth=1.8)
    dress_axes(panels["r2"], "Validation R²", "", "R²")
    panels["rate"].step(
        history["epoch"], history["learning_rate"], where="mid", color=ENCODER, linewidth=1.8
    )
    dress_axes(panels["rate"], "Learning rate", "epoch", "rate")
    _tick_rates(panels["rate"], history["learning_rate"])
    for axes in panels.values():
        axes.axvline(best_epoch, color=MUTED, linewidth=0.9, linestyle=":", zorder=1)
    return figure


def _draw_losses(
    axes: Axes, history: pd.DataFrame, loss_pca: float | None, best_epoch: int
) -> None:
    epochs = history["epoch"]
    axes.plot(epochs, history["loss/train"], color=TRAIN, linewidth=1.8, label="train")
    axes.plot(epochs, history["loss/val"], color=ENCODER, linewidth=2.2, label="validation")
    if loss_pca is not None:
        axes.axhline(
            loss_pca,
            color=PCA,
            linestyle=(0, (5, 3)),
            linewidth=1.6,
            label=f"PCA, validation ({loss_pca:.4g})",
        )
    best = history.loc[epochs == best_epoch, "loss/val"]
    axes.plot([best_epoch] * len(best), best, "o", color=ENCODER, markeredgecolor=INK, markersize=9, linestyle="none",  # noqa: E501
              label=f"kept: epoch {best_epoch}" + (f" ({best.iloc[0]:.4g})" if len(best) else ""))  # fmt: skip  # noqa: E501
    losses = history[["loss/train", "loss/val"]].to_numpy(dtype=float)
    positive = losses[np.isfinite(losses) & (losses > 0)]
    if positive.size and positive.max() > 10 * positive.min():
        axes.set_yscale("log")
    dress_axes(axes, "Loss by epoch", "epoch", "loss")
    axes.legend(frameon=False, fontsize=10.5, loc="upper right")


def _draw_terms(axes: Axes, history: pd.DataFrame, terms: list[str]) -> None:
    """Each loss over validation samples, and paler over train samples."""
    for term, colour in zip(terms, cycle(COLOURS), strict=False):
        for part, alpha in (("train", 0.35), ("val", 1.0)):
            label = term.removeprefix("loss_").replace("_", " ") if part == "val" else "_train"
            axes.plot(
                history["epoch"],
                history[f"{term}/{part}"],
                color=colour,
                alpha=alpha,
                linewidth=1.8,
                label=label,
            )
    values = history[[f"{term}/val" for term in terms]].to_numpy(dtype=float)
    if (values > 0).all() and values.max() > 20 * values.min():
        axes.set_yscale("log")
    dress_axes(axes, "Terms, validation (pale: train)", "epoch", "term, weighted")
    axes.legend(frameon=False, fontsize=10.5, loc="upper right")


def _tick_rates(axes: Axes, rates: pd.Series) -> None:
    """Log axis with a tick at the rates that were used, six at most."""
    used = np.unique(rates.dropna())[::-1]
    axes.set_yscale("log")
    ticks = used[:: -(-len(used) // 6)] if len(used) else used
    axes.set_yticks(ticks, [f"{rate:.2g}" for rate in ticks])
    axes.minorticks_off()


def plot_recurring(recurring: pd.DataFrame, pairs: pd.DataFrame) -> Figure:
    """Draw the correlation of each latent of the selected seed with its matches in the others: a
    dot for the mean, a line to the lowest.
    """
    figure = new_figure("Latents that recur over seeds", height=4.6)
    axes = figure.add_subplot()
    index = range(len(recurring))
    axes.vlines(
        index,
        recurring["least_correlation"],
        recurring["mean_correlation"],
        color=MUTED,
        linewidth=1.2,
    )
    colours = [ENCODER if recurs else MUTED for recurs in recurring["recurs"]]
    axes.scatter(index, recurring["mean_correlation"], color=colours, s=40, zorder=3)
    axes.set_ylim(0, 1.03)
    step = max(1, len(recurring) // 32)
    axes.set_xticks(
        list(index)[::step], [str(name).removeprefix("latent_") for name in recurring.index[::step]]
    )
    means = ", ".join(f"{name} {pairs[name].mean():.2f}" for name in pairs)
    title = (
        f"{int(recurring['recurs'].sum())} of {len(recurring)} recur in every seed (blue); mean "
        f"over pairs of seeds: {means}"
    )
    dress_axes(axes, title, "latent", "correlation with its match", grid="y")
    return figure
