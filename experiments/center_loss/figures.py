"""Pictures: what is predicted from the latents, what labels by chance look like, and maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from experiments.center_loss.plan import METHODS
from genexp.evaluation.projection import place_by_tsne
from genexp.palette import (
    COLOURS,
    ENCODER,
    INK,
    MUTED,
    UNLABELLED,
    Mark,
    dress_axes,
    mark_batches,
    mark_labels,
    new_figure,
    plain_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNKNOWN = "unknown"
"""Name of samples without a label."""
MARKERS = ("o", "s", "D", "v", "*", "P")


def plot_prediction(scores: pd.DataFrame) -> Figure:
    """Label against batch, predicted from latents of held-out samples: mean and standard deviation
    over splits, by method.

    Parameters
    ----------
    scores : DataFrame
        Columns ``cohort``, ``method``, ``balanced_accuracy_label``, ``balanced_accuracy_batch``;
        cohorts of one batch are left out.
    """
    panels = [
        (name, rows)
        for name, rows in scores.groupby("cohort", sort=False)
        if rows["balanced_accuracy_batch"].notna().any()
    ]
    figure = new_figure(
        "Label and batch predicted from the latents of held-out samples, balanced accuracy",
        height=5.6,
        width=1.5 + 3.9 * max(len(panels), 2),
    )
    for axes, (cohort, rows) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        for marker, colour, (name, _) in zip(MARKERS, COLOURS, METHODS.items(), strict=False):
            own = rows.loc[
                rows["method"] == name, ["balanced_accuracy_batch", "balanced_accuracy_label"]
            ]
            (x, y), (dx, dy) = own.mean(), own.std()
            axes.errorbar(
                x,
                y,
                dy,
                dx,
                marker=marker,
                color=colour,
                markersize=10,
                elinewidth=1.2,
                label=name,
                linestyle="none",
            )
        dress_axes(
            axes,
            str(cohort),
            "batch predicted (less: batches mixed)",
            "label predicted (more is better)",
        )
        axes.set_xlim(0, 1.05)
        axes.set_ylim(0, 1.05)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="outside lower center",
        ncols=min(len(names), 3 * len(panels)),
        frameon=False,
        fontsize=10.5,
    )
    return figure


def plot_null(null: pd.DataFrame) -> Figure:
    """Silhouette by the labels that the centre loss was trained on, on train and on held-out
    samples, for true and permuted labels.
    """
    cohorts = list(null["cohort"].unique())
    figure = new_figure(
        "How far apart the labels are that the centre loss was trained on", height=5.2, width=12
    )
    for axes, permuted in zip(figure.subplots(1, 2, sharey=True), (False, True), strict=True):
        kind = "permuted" if permuted else "true"
        for shift, part, colour in ((-0.19, "train", UNLABELLED), (0.19, "held-out", ENCODER)):
            rows = null[(null["permuted"] == permuted) & (null["row"] == f"{kind} {part}")]
            found = rows.groupby("cohort")["silhouette"].agg(["mean", "std"]).reindex(cohorts)
            axes.bar(
                np.arange(len(cohorts)) + shift,
                found["mean"],
                0.36,
                yerr=found["std"],
                color=colour,
                ecolor=MUTED,
                label=f"{part} samples",
            )
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xticks(range(len(cohorts)), [name.replace(", ", ",\n") for name in cohorts])
        dress_axes(
            axes,
            f"trained on {kind} labels, judged by the same",
            "",
            "silhouette by label",
            grid="y",
        )
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=10.5,
    )
    return figure


def plot_maps(cohort: str, latents: Mapping[str, pd.DataFrame]) -> Figure:
    """t-SNE of the latents of every method, by label above and by batch below; held-out samples are
    rimmed.
    """
    figure = new_figure(
        f"{cohort}: t-SNE of the latents, held-out samples rimmed",
        height=7.4,
        width=2.6 * len(latents),
    )
    places = {name: place_samples(table) for name, table in latents.items()}
    for part, column in zip(
        figure.subfigures(2, 1, squeeze=False)[:, 0], ("label", "batch"), strict=True
    ):
        values = next(iter(latents.values()))[column]
        marks = (mark_labels if column == "label" else mark_batches)(
            sorted(values.dropna().unique())
        )
        marks = {
            **({UNKNOWN: Mark(UNLABELLED, "o", "circle")} if values.isna().any() else {}),
            **marks,
        }
        for axes, (name, table) in zip(
            part.subplots(1, len(latents), squeeze=False)[0], latents.items(), strict=True
        ):
            _draw_map(
                axes,
                places[name],
                table[column].fillna(UNKNOWN),
                (table["part"] == "test").to_numpy(),
                marks,
            )
            dress_axes(axes, name, "", f"by {column}" if axes is part.axes[0] else "", grid="")
            axes.tick_params(length=0, labelbottom=False, labelleft=False)
        part.legend(
            *part.axes[0].get_legend_handles_labels(),
            loc="outside lower left",
            ncols=8,
            frameon=False,
            fontsize=10,
            handletextpad=0.1,
        )
    return figure


def place_samples(table: pd.DataFrame) -> np.ndarray:
    """t-SNE (n, 2) fitted on train samples, others placed into it."""
    z, train = (
        table.drop(columns=["part", "label", "batch"]).to_numpy(float),
        (table["part"] == "train").to_numpy(),
    )
    start = z[train] - z[train].mean(axis=0)
    start = start @ np.linalg.svd(start, full_matrices=False)[2][:2].T
    placed = np.empty((len(z), 2))
    placed[np.concatenate([np.flatnonzero(train), np.flatnonzero(~train)])] = place_by_tsne(
        z[train], z[~train], start, min(30.0, (train.sum() - 1) / 3), 0
    )
    return placed


def _draw_map(
    axes: Axes, places: np.ndarray, values: pd.Series, test: np.ndarray, marks: Mapping[str, Mark]
) -> None:
    trained: dict[str, Any] = {"alpha": 0.45, "linewidths": 0}
    held_out: dict[str, Any] = {"edgecolors": INK, "linewidths": 0.6}
    for name, mark in marks.items():
        member = (values == name).to_numpy()
        for rows, style in ((member & ~test, trained), (member & test, held_out)):
            x, y = places[rows].T
            axes.scatter(x, y, color=mark.colour, marker=mark.marker, s=18, **style)
        axes.scatter(
            [], [], color=mark.colour, marker=mark.marker, s=36, label=plain_text(name, 20)
        )
