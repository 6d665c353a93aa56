"""Figures of objectives: the Pareto front of several, and their correlations."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.palette import ENCODER, INK, MUTED, PCA, dress_axes, new_figure
from genexp.tuning.objective import direction, find_front, orient, read_objective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from genexp.tuning.study import FinishedTrial

OBJECTIVE_MEANINGS = {
    "loss/val": "validation loss",
    "r2/val_gain": "R2 gain over PCA",
    "probe/macro_f1_val": "macro F1 (probe)",
    "survival/c_index_val": "C-index (Cox)",
    "cluster/ari_val": "ARI (clusters)",
}


def plot_front(
    trials: Sequence[FinishedTrial], selected: FinishedTrial, objectives: Sequence[str]
) -> Figure:
    """Plot complete trials by each pair of objectives; trials of the Pareto front are connected."""
    complete = [trial for trial in trials if trial.result.state == "complete"]
    values = np.array(
        [[read_objective(trial.result, name) for name in objectives] for trial in complete]
    )
    front = find_front(orient(values, objectives))
    pairs = list(combinations(range(len(objectives)), 2))
    figure = new_figure("Trials by pairs of objectives", height=5.2, width=6.2 * len(pairs))
    selected_index = next(i for i, trial in enumerate(complete) if trial is selected)
    for axes, (i, j) in zip(
        np.ravel(figure.subplots(1, len(pairs), squeeze=False)), pairs, strict=True
    ):
        axes.scatter(*values[~front][:, [i, j]].T, s=45, color=MUTED, label="trial")
        edge = values[front][np.argsort(values[front][:, i])]
        style = {
            "linestyle": "--" if len(objectives) == 2 else "none",
            "marker": "o",
            "markersize": 8,
            "linewidth": 1.2,
        }
        axes.plot(edge[:, i], edge[:, j], color=ENCODER, label="Pareto front", **style)
        axes.scatter(
            *values[selected_index, [i, j]],
            s=230,
            facecolor="none",
            edgecolor=PCA,
            linewidth=2,
            label="selected",
        )
        better = [
            (
                f"{OBJECTIVE_MEANINGS[objectives[k]]} "
                f"({'lower' if direction(objectives[k]) == 'minimize' else 'higher'} is better)"
            )
            for k in (i, j)
        ]
        dress_axes(axes, "", *better)
    axes.legend(frameon=False, fontsize=10.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def plot_objective_correlations(correlations: pd.DataFrame, n_trials: int) -> Figure:
    """Plot rank correlations between objectives; positive means that both improve together."""
    names = [OBJECTIVE_MEANINGS[name] for name in correlations.index]
    figure = new_figure(
        "Correlation of objectives", height=1.8 + 0.75 * len(names), width=4.2 + 1.3 * len(names)
    )
    axes = figure.add_subplot()
    image = axes.imshow(
        correlations.to_numpy(dtype=float), cmap="PuOr", vmin=-1, vmax=1, aspect="auto"
    )
    for (i, j), value in np.ndenumerate(correlations.to_numpy(dtype=float)):
        text = "–" if np.isnan(value) else f"{value:+.2f}"
        axes.text(
            j,
            i,
            text,
            ha="center",
            va="center",
            fontsize=11,
            color="white" if abs(value) > 0.65 else INK,
        )
    dress_axes(
        axes,
        f"Spearman correlation over {n_trials} complete trials; + means that both improve together",
        "",
        "",
        grid="",
    )
    axes.set_xticks(range(len(names)), names, rotation=20, ha="right")
    axes.set_yticks(range(len(names)), names)
    figure.colorbar(image, ax=axes, shrink=0.8)
    return figure
