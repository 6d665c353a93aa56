"""Heat maps of counts of two categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genexp.evaluation.clusters.kmeans import Clustering
from genexp.evaluation.probe import Probe
from genexp.palette import INK, dress_axes, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from genexp.verdict.heads import LabelHead


def plot_confusion(probe: Probe) -> Figure:
    """Draw the confusion matrix of the label's probe, coloured by share of the true class, with
    counts.
    """
    scores = probe.scores.loc["encoder"]
    title = "Prediction of the label from the latents, on test samples"
    scores_text = (
        f"macro F1 {scores['macro_f1']:.3f}, balanced accuracy {scores['balanced_accuracy']:.3f}"
    )
    return _plot_counts(
        probe.confusion,
        title,
        f"logistic regression: {scores_text}",
        "predicted label",
        "true label",
    )


def plot_head(head: LabelHead) -> Figure:
    """Draw the confusion matrix of a label's head, coloured by share of the true class, with
    counts.
    """
    scores = head.scores.loc["head"]
    scores_text = ", ".join(
        f"{title} {scores[name]:.3f}"
        for name, title in (("macro_f1", "macro F1"), ("accuracy", "accuracy"))
    )
    title = f"Prediction of {plain_text(head.name)} by the encoder's own head, on test samples"
    name = plain_text(head.name, 20)
    return _plot_counts(
        head.confusion,
        title,
        f"trained together with the latents: {scores_text}",
        f"{name} by the head",
        f"true {name}",
    )


def plot_composition(clustering: Clustering) -> Figure:
    """Draw the clusters of the test samples of each label, coloured by share of the label, with
    counts.
    """
    assert clustering.contingency is not None
    scores = clustering.scores.loc["encoder"]
    scores_text = (
        f"adjusted Rand index {scores['ari']:.3f}, normalised mutual information "
        f"{scores['nmi']:.3f}"
    )
    title = "Labels and clusters of the test samples"
    return _plot_counts(
        clustering.contingency,
        title,
        f"k-means, k = {clustering.k}: {scores_text}",
        "cluster",
        "label",
    )


def _plot_counts(counts: pd.DataFrame, title: str, subtitle: str, x: str, y: str) -> Figure:
    n_rows, n_columns = counts.shape
    totals = counts.sum(axis=1).to_numpy()
    shares = counts.to_numpy() / np.maximum(totals, 1)[:, None]
    cell = float(np.clip(9 / n_columns, 0.27, 1.1))
    height = float(np.clip(2.4 + n_rows * max(0.3, min(cell, 0.62)), 4.2, 12.5))
    figure = new_figure(title, height=height)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    dress_axes(axes, subtitle, x, y, grid="")
    size = 11.5 if n_columns <= 12 else 8.0
    columns = [plain_text(name, 18) for name in counts.columns]
    slanted = max(map(len, columns)) * size * n_columns > 1100
    slant: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    )
    rows = [
        f"{plain_text(name, 24)} (n={n:,})" for name, n in zip(counts.index, totals, strict=True)
    ]
    axes.set_xticks(range(n_columns), columns, fontsize=size - 1, **slant)
    axes.set_yticks(range(n_rows), rows, fontsize=size - 1)
    for (i, j), count in np.ndenumerate(counts.to_numpy()):
        if count or n_columns <= 12:
            axes.text(
                j,
                i,
                f"{count:,}",
                ha="center",
                va="center",
                fontsize=size,
                color="white" if shares[i, j] > 0.55 else INK,
            )
    _separate_cells(axes, n_rows, n_columns)
    bar = figure.colorbar(
        image, ax=axes, fraction=0.03, pad=0.02, format=lambda share, _: f"{share:.0%}"
    )
    bar.set_label(f"share of the samples of the {y}", fontsize=10.5, color=INK)
    bar.outline.set_visible(False)
    return figure


def _separate_cells(axes: Axes, n_rows: int, n_columns: int) -> None:
    axes.set_xticks(np.arange(n_columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n_rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
