"""Figures of survival curves by cluster, and of hazard ratios of latents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.palette import ENCODER, INK, MUTED, dress_axes, mark_clusters, new_figure
from genexp.report.wording import format_p
from genexp.survival.regression import Survival

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_LATENTS, N_GENES = 20, 20
"""Maximum number of rows of the figures of latents and genes."""


def choose_time_unit(days: float) -> tuple[str, float]:
    """Choose a readable unit of time for a follow-up, and its length in days."""
    return (
        ("years", 365.25)
        if days > 3 * 365.25
        else ("months", 365.25 / 12)
        if days > 180
        else ("days", 1.0)
    )


def trace_curves(
    patients: pd.DataFrame, curves: pd.DataFrame, by: str = "cluster"
) -> Iterator[tuple[object, pd.DataFrame, pd.DataFrame]]:
    """Trace the Kaplan-Meier steps of each group (column ``by``) of patients, extended to its last
    follow-up.

    Yields
    ------
    group : object
    steps : DataFrame
        Columns ``time_days``, ``survival``, ``low``, ``high``.
    censored : DataFrame
        Columns ``time_days`` and ``survival`` (height of the curve) of patients without an event.
    """
    for group, curve in curves.groupby(by, sort=by == "cluster", observed=True):
        members = patients[patients[by] == group]
        steps = curve[["time_days", "survival", "low", "high"]].reset_index(drop=True)
        if len(members) and members["time_days"].max() > steps["time_days"].iloc[-1]:
            steps = pd.concat(
                [steps, steps.tail(1).assign(time_days=members["time_days"].max())],
                ignore_index=True,
            )
        times = np.sort(
            members.loc[~members["event"].astype(bool), "time_days"].to_numpy(dtype=float)
        )
        heights = steps["survival"].to_numpy()[
            np.searchsorted(steps["time_days"], times, side="right") - 1
        ]
        yield group, steps, pd.DataFrame({"time_days": times, "survival": heights})


def choose_horizon(times: pd.Series, left: int = 5) -> float:
    """Day at which a survival figure ends: the last with ``left`` patients under follow-up; in a
    small cohort the last of all.
    """
    ordered = np.sort(times.to_numpy(dtype=float))
    return float(ordered[-left] if len(ordered) > 10 * left else ordered[-1])


def plot_kaplan_meier(survival: Survival) -> Figure:
    """Draw survival by cluster on test patients, with 95 % bands, ticks at censorings, and the
    numbers at risk.
    """
    patients = survival.patients[survival.patients["part"] == "test"]
    colours = {
        f"cluster {name}": mark.colour
        for name, mark in mark_clusters(sorted(survival.patients["cluster"].unique())).items()
    }
    curves = [
        (f"cluster {cluster}", *lines)
        for cluster, *lines in trace_curves(patients, survival.kaplan_meier)
    ]
    groups = "cluster " + patients["cluster"].astype(str)
    return plot_group_curves(
        "Survival by cluster of the latents, on test patients",
        describe_curves(survival),
        patients,
        groups,
        curves,
        colours,
    )


def plot_group_curves(
    title: str,
    subtitle: str,
    patients: pd.DataFrame,
    groups: pd.Series,
    curves: Sequence[tuple[str, pd.DataFrame, pd.DataFrame]],
    colours: Mapping[str, str],
) -> Figure:
    """Draw Kaplan-Meier curves of groups of patients; ``groups`` (n,) and ``curves`` have their
    printed names.
    """
    horizon = choose_horizon(patients["time_days"])
    unit, length = choose_time_unit(horizon)
    figure = new_figure(title, height=5.8 + 0.26 * len(curves))
    above, at_risk = figure.subplots(
        2, 1, sharex=True, height_ratios=[4.6, 0.26 * len(curves) + 0.2]
    )
    for name, steps, censored in curves:
        members, colour = patients[groups == name], colours[name]
        time = steps["time_days"] / length
        above.fill_between(
            time,
            steps["low"],
            steps["high"],
            step="post",
            color=colour,
            alpha=min(0.16, 0.45 / len(curves)),
            linewidth=0,
        )
        label = f"{name}: {len(members)} patients, {int(members['event'].sum())} events"
        above.step(time, steps["survival"], where="post", color=colour, linewidth=2.2, label=label)
        above.plot(
            censored["time_days"] / length,
            censored["survival"],
            "|",
            color=colour,
            markersize=8,
            markeredgewidth=1.1,
        )
    dress_axes(above, subtitle, "", "survival probability")
    above.set_ylim(0, 1.03)
    above.set_xlim(0, horizon / length * 1.01)
    above.tick_params(labelbottom=True)
    above.legend(frameon=False, fontsize=10.5, loc="lower left", ncols=1 + len(curves) // 7)
    _write_at_risk(
        at_risk,
        {name: patients.loc[groups == name, "time_days"] / length for name, _, _ in curves},
        colours,
    )
    at_risk.set_xlabel(f"time ({unit})", fontsize=11, color=INK)
    return figure


def describe_curves(survival: Survival) -> str:
    """Describe the Kaplan-Meier figure by cluster."""
    times = survival.patients.loc[survival.patients["part"] == "test", "time_days"]
    left = int((times > choose_horizon(times)).sum())
    cut = f"; the last follow-up of {left} patients is not shown" if left else ""
    p = survival.log_rank_p
    test = f"log-rank p {format_p(p)}" if np.isfinite(p) else "one cluster only: no log-rank test"
    return f"{test}; Kaplan-Meier curves with 95 % bands, ticks: censored patients{cut}"


def _write_at_risk(axes: Axes, times: Mapping[str, pd.Series], colours: Mapping[str, str]) -> None:
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= axes.get_xlim()[1]]
    axes.set_title("Patients at risk", loc="left", fontsize=10.5, color=MUTED)
    axes.set_ylim(len(times) - 0.5, -0.5)
    axes.set_yticks(range(len(times)), list(times), fontsize=10)
    for row, (name, text) in enumerate(zip(times, axes.get_yticklabels(), strict=True)):
        text.set(color=colours[name], fontweight="bold")
        for tick in ticks:
            axes.text(
                tick,
                row,
                str(int((times[name] >= tick).sum())),
                ha="center",
                va="center_baseline",
                fontsize=10,
                color=INK,
            )
    axes.tick_params(length=0, labelbottom=False)
    axes.tick_params(axis="y", pad=16)
    for spine in axes.spines.values():
        spine.set_visible(False)


def rank_latents(cox: pd.DataFrame, n: int = N_LATENTS) -> pd.DataFrame:
    """Rank latents with a finite interval by abs(log hazard ratio) over its standard error (column
    ``strength``).
    """
    usable = cox[np.isfinite(cox[["hazard_ratio", "low", "high"]]).all(axis=1) & (cox["low"] > 0)]
    error = np.log(usable["high"] / usable["low"]) / (2 * 1.959964)
    ranked = usable.assign(strength=np.log(usable["hazard_ratio"]).abs() / error.clip(lower=1e-12))
    return ranked.sort_values("strength", ascending=False, kind="stable").head(n)


def plot_cox(survival: Survival) -> Figure:
    """Draw hazard ratios of the latents with the strongest signal, with 95 % intervals."""
    top = rank_latents(survival.cox)
    train = survival.patients[survival.patients["part"] == "train"]
    figure = new_figure(
        "Hazard ratio of one standard deviation of a latent", height=2.3 + 0.28 * max(len(top), 3)
    )
    axes = figure.subplots()
    for row, latent in enumerate(top.itertuples()):
        colour = ENCODER if latent.q < 0.05 else MUTED
        axes.plot(
            [latent.low, latent.high],
            [row, row],
            color=colour,
            linewidth=1.8,
            solid_capstyle="butt",
        )
        axes.plot(
            latent.hazard_ratio,
            row,
            "s",
            color=colour,
            markersize=7,
            fillstyle="full" if latent.q < 0.05 else "none",
        )
        text = (
            f"{latent.hazard_ratio:.2f} [{latent.low:.2f}, {latent.high:.2f}]   q "
            f"{format_p(latent.q)}"
        )
        axes.text(
            1.02,
            row,
            text,
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=10,
            color=INK,
        )
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_xscale("log")
    counted = f"{len(train):,} train patients, {int(train['event'].sum()):,} events"
    subtitle = (
        f"Cox regression on each latent alone, {counted}; the {len(top)} strongest latents; "
        "filled: q < 0.05"
    )
    dress_axes(
        axes,
        subtitle,
        "hazard ratio with 95 % interval (log scale); above 1: worse survival",
        "",
        grid="x",
    )
    _tick_ratios(axes, top)
    axes.set_yticks(range(len(top)), [str(name) for name in top.index])
    axes.set_ylim(len(top) - 0.4, -0.6)
    return figure


def _tick_ratios(axes: Axes, top: pd.DataFrame) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    ladder = np.array([0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10])
    low, high = (top["low"].min() / 1.03, top["high"].max() * 1.03) if len(top) else (0.5, 2.0)
    axes.set_xlim(min(low, 0.9), max(high, 1.11))
    ticks = ladder[(ladder >= axes.get_xlim()[0]) & (ladder <= axes.get_xlim()[1])]
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_major_formatter(lambda ratio, _: f"{ratio:g}")
    axes.xaxis.set_minor_locator(NullLocator())
