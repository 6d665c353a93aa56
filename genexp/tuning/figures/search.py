"""Figures of a study: its history, the importance of parameters, and the parameters of good
trials.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.palette import ENCODER, INK, MUTED, PCA, dress_axes, new_figure
from genexp.tuning.figures.objectives import plot_front, plot_objective_correlations

if TYPE_CHECKING:
    import optuna
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from genexp.tuning.study import Study

LOGARITHMIC = {"n_hidden", "n_latent", "learning_rate", "weight_decay"}
MEANINGS = {
    "n_layers": "hidden layers",
    "n_hidden": "first hidden width",
    "n_latent": "latent dimensions",
    "dropout": "dropout",
    "learning_rate": "learning rate",
    "weight_decay": "weight decay",
    "head_weight": "weight of heads",
    "kind": "kind",
    "loss_val": "validation loss",
}


def draw_study(study: Study) -> Iterator[tuple[str, Figure]]:
    """Draw every figure of a study, with its artifact name; figures that need more trials are
    skipped.
    """
    parameters = _searched(study.frozen)
    table = study.table().drop(columns=parameters.columns, errors="ignore").join(parameters)
    searched = [name for name in (*MEANINGS, *parameters) if name in parameters and name != "kind"]
    searched = list(dict.fromkeys(searched))
    yield "figures/tuning_history.png", plot_trials(table, study)
    complete = table[table["state"] == "complete"]
    if searched and len(complete) > 1:
        yield "figures/tuning_slice.png", plot_slices(complete, searched)
        yield "figures/tuning_parallel.png", plot_parallel(complete, searched)
    importances = measure_importances(study.frozen)
    if importances:
        yield "figures/tuning_importances.png", plot_importances(importances)
    if len(study.objectives) > 1:
        yield "figures/tuning_front.png", plot_front(study.trials, study.selected, study.objectives)
    if (
        len(study.objective_correlations) > 1
        and study.objective_correlations.notna().to_numpy().any()
    ):
        yield (
            "figures/tuning_worth.png",
            plot_objective_correlations(study.objective_correlations, len(complete)),
        )


def _searched(frozen: optuna.study.Study) -> pd.DataFrame:
    trials = frozen.get_trials(deepcopy=False)
    return pd.DataFrame(
        [trial.params for trial in trials], index=pd.RangeIndex(len(trials), name="trial")
    )


def measure_importances(frozen: optuna.study.Study) -> dict[str, float]:
    """Measure the share of variance of the loss explained by each parameter (fANOVA; Hutter et al.,
    ICML 2014); empty for few trials.
    """
    import optuna

    complete = [
        trial for trial in frozen.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"
    ]
    parameters = [trial.params for trial in complete]
    everywhere = set.intersection(*(set(values) for values in parameters)) if parameters else set()
    names = [name for name in everywhere if len({values[name] for values in parameters}) > 1]
    if len(complete) < 4 or len({trial.values[0] for trial in complete}) < 2 or not names:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(
        frozen, evaluator=evaluator, params=sorted(names), target=lambda trial: trial.values[0]
    )


def plot_trials(table: pd.DataFrame, study: Study) -> Figure:
    """Plot validation loss by trial, the best so far, PCA of the same size, and the selected
    trial.
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(f"Study {study.name}: validation loss by trial", height=5.2)
    axes = figure.add_subplot()
    complete, others = table[table["state"] == "complete"], table[table["state"] == "pruned"]
    axes.plot(
        complete.index,
        complete["loss_val"].cummin(),
        drawstyle="steps-post",
        color=ENCODER,
        linewidth=1.6,
        label="best so far",
    )
    axes.errorbar(
        complete.index,
        complete["loss_val"],
        complete["standard_error"],
        fmt="o",
        color=ENCODER,
        ecolor="#7FB3D5",
        markersize=7,
        label="trial",
    )
    axes.plot(others.index, others["loss_val"], "x", color=MUTED, markersize=7, label="pruned")
    axes.plot(
        table.index,
        table["loss_val_pca"],
        "_",
        color=PCA,
        markersize=14,
        markeredgewidth=2,
        label="PCA of the same size",
    )
    selected = table[table["selected"]]
    axes.plot(
        selected.index,
        selected["loss_val"],
        "o",
        mfc="none",
        mec=INK,
        mew=2,
        markersize=15,
        linestyle="none",
        label="selected",
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    dress_axes(
        axes,
        "bars: one standard error over validation samples",
        "trial",
        "validation loss (squared error per gene)",
    )
    axes.legend(frameon=False, fontsize=10.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def plot_slices(complete: pd.DataFrame, searched: list[str]) -> Figure:
    """Plot validation loss against each parameter; later trials are darker."""
    figure = new_figure(
        "Validation loss by parameter", height=4.4, width=max(6.0, 3.0 * len(searched))
    )
    for i, axes in enumerate(
        np.ravel(figure.subplots(1, len(searched), sharey=True, squeeze=False))
    ):
        name = searched[i]
        axes.scatter(
            complete[name],
            complete["loss_val"],
            c=complete.index,
            cmap="Blues",
            vmin=-len(complete) / 2,
            s=55,
            edgecolor=INK,
            linewidth=0.5,
        )
        selected = complete[complete["selected"]]
        axes.scatter(
            selected[name],
            selected["loss_val"],
            s=190,
            facecolor="none",
            edgecolor=PCA,
            linewidth=2,
        )
        _scale(axes, "x", complete[name], name)
        dress_axes(axes, "", MEANINGS.get(name, name), "validation loss" if i == 0 else "")
    return figure


def _scale(axes: Axes, which: str, values: pd.Series, name: str) -> None:
    from matplotlib.ticker import MaxNLocator, NullFormatter, ScalarFormatter

    axis = getattr(axes, f"{which}axis")
    if name in LOGARITHMIC and (values > 0).all():
        getattr(axes, f"set_{which}scale")("log", base=2 if name.startswith("n_") else 10)
        if name.startswith("n_"):
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_formatter(NullFormatter())
    elif name == "n_layers":
        axis.set_major_locator(MaxNLocator(integer=True))


def plot_parallel(complete: pd.DataFrame, searched: list[str]) -> Figure:
    """Plot each trial as a line through its parameters to its loss; darker means a lower loss."""
    from matplotlib import colormaps

    names = [*searched, "loss_val"]
    figure = new_figure("Parameters and loss of each trial", height=5.0)
    axes = figure.add_subplot()
    scaled = pd.DataFrame({name: _unit(complete[name], name) for name in names})
    for number in complete.sort_values("loss_val", ascending=False).index:
        rank = float(scaled.loc[number, "loss_val"])
        is_selected = bool(complete.loc[number, "selected"])
        colour = PCA if is_selected else colormaps["Blues"](0.9 - 0.65 * rank)
        row = scaled.loc[number].to_numpy(dtype=float)
        present = np.flatnonzero(np.isfinite(row))  # parameters of other model types are skipped
        axes.plot(
            present,
            row[present],
            color=colour,
            linewidth=3 if is_selected else 1.6,
            zorder=3 if is_selected else 2,
        )
    for i, name in enumerate(names):
        axes.axvline(i, color=MUTED, linewidth=0.8)
        for value, height in ((complete[name].min(), -0.03), (complete[name].max(), 1.03)):
            axes.text(
                i,
                height,
                f"{value:.4g}",
                ha="center",
                va="top" if height < 0 else "bottom",
                fontsize=10,
                color=INK,
            )
    axes.set_ylim(-0.1, 1.1)
    dress_axes(axes, "", "", "", grid="")
    axes.set_xticks(range(len(names)), [MEANINGS.get(name, name) for name in names], fontsize=11)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure


def _unit(values: pd.Series, name: str) -> pd.Series:
    positions = (
        np.log(values) if name in LOGARITHMIC and (values > 0).all() else values.astype(float)
    )
    width = positions.max() - positions.min()
    return (positions - positions.min()) / width if width > 0 else positions * 0 + 0.5


def plot_importances(importances: dict[str, float]) -> Figure:
    """Plot the share of variance of the loss explained by each parameter."""
    figure = new_figure(
        "Importance of parameters for the (first) objective",
        height=1.6 + 0.5 * len(importances),
        width=9,
    )
    axes = figure.add_subplot()
    shares = pd.Series(importances).sort_values()
    bars = axes.barh(
        [MEANINGS.get(name, name) for name in shares.index], shares, color=ENCODER, height=0.6
    )
    axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=5, fontsize=10.5, color=INK)
    axes.set_xlim(0, 1.12 * max(shares.max(), 0.01))
    dress_axes(axes, "", "importance (share of variance, fANOVA)", "", grid="x")
    return figure
