"""Figures of the risk score: survival by risk group, calibration, and the gain over covariates and
null models.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from genexp.palette import ENCODER, INK, MUTED, PCA, dress_axes, new_figure
from genexp.report.figures.curves import choose_time_unit, plot_group_curves, trace_curves
from genexp.report.wording import format_p
from genexp.survival.prognosis import Prognosis
from genexp.survival.scores import DAYS_PER_YEAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RISK_COLOURS = {"low": ENCODER, "middle": MUTED, "high": PCA}
"""Colours of the risk groups."""
MODELS = {"covariates": (MUTED, "D"), "latents": (ENCODER, "o"), "both": (PCA, "s")}
"""Colours and markers of the models that are compared."""


def plot_prognosis(prognosis: Prognosis) -> Iterator[tuple[str, Figure]]:
    """Draw every figure of a prognosis, with its name."""
    yield "risk_groups", plot_risk_groups(prognosis)
    if len(prognosis.calibration):
        yield "calibration", plot_calibration(prognosis)
    yield "increments", plot_increments(prognosis)


def plot_risk_groups(prognosis: Prognosis) -> Figure:
    """Draw survival by risk group on test patients."""
    patients = prognosis.patients[prognosis.patients["part"] == "test"]
    curves = [
        (f"{group} risk", *lines)
        for group, *lines in trace_curves(patients, prognosis.curves, "risk_group")
    ]
    colours = {f"{group} risk": colour for group, colour in RISK_COLOURS.items()}
    groups = patients["risk_group"].astype(str) + " risk"
    return plot_group_curves(
        "Survival by predicted risk (tertiles of train patients), on test patients",
        describe_risk_groups(prognosis),
        patients,
        groups,
        curves,
        colours,
    )


def describe_risk_groups(prognosis: Prognosis) -> str:
    """Describe the survival figure by risk group."""
    row = prognosis.groups.loc["risk_group"]
    if row["n_groups"] < 2:
        return "one risk group only: no comparison"
    ratio = (
        f"high compared with low risk: hazard ratio {row['hazard_ratio']:.2f} [{row['low']:.2f}, "
        f"{row['high']:.2f}]"
    )
    comparison = (
        ratio
        if np.isfinite(row["hazard_ratio"])
        else "no hazard ratio of high compared with low risk"
    )
    p = f"log-rank p {format_p(row['log_rank_p'])}, by permutation {format_p(row['permutation_p'])}"
    return f"{comparison}; {p}"


def plot_calibration(prognosis: Prognosis) -> Figure:
    """Draw observed against predicted survival at the horizon, by risk group."""
    table = prognosis.calibration
    figure = new_figure("Calibration of the risk, on test patients", height=6.2, width=7.5)
    axes = figure.subplots()
    low = min(0.9, float(np.nanmin(table[["low", "predicted", "observed"]].to_numpy())))
    axes.plot([0, 1], [0, 1], color="#8C8C8C", linewidth=1.2, linestyle=(0, (5, 3)), zorder=1)
    for group, row in table.iterrows():
        colour = RISK_COLOURS[str(group)]
        axes.plot(
            [row["predicted"]] * 2,
            [row["low"], row["high"]],
            color=colour,
            linewidth=2.2,
            solid_capstyle="butt",
        )
        label = f"{group} risk: {row['n']:.0f} patients, {row['events']:.0f} events"
        axes.plot(
            row["predicted"],
            row["observed"],
            "o",
            color=colour,
            markersize=9,
            markeredgecolor="white",
            label=label,
        )
    when = name_time(prognosis.horizon)
    dress_axes(
        axes,
        f"dashed: perfect calibration; 95 % Kaplan-Meier intervals at {when}",
        f"predicted survival at {when}",
        "observed survival",
    )
    axes.set_xlim(max(0, low - 0.03), 1.0)
    axes.set_ylim(max(0, low - 0.03), 1.01)
    axes.legend(frameon=False, fontsize=10.5, loc="upper left")
    return figure


def name_time(days: float) -> str:
    """Time in a readable unit: ``1 year``, ``7.1 years``, ``20 months``."""
    if days == DAYS_PER_YEAR:
        return "1 year"
    unit, length = choose_time_unit(days + 1)
    number = round(days / length, 1)
    return f"{number:.0f} {unit}" if number == round(number) else f"{number:.1f} {unit}"


def plot_increments(prognosis: Prognosis) -> Figure:
    """Draw the concordance of covariates, latents and both as a forest plot, with random genes and
    projections below.
    """
    rows = prognosis.increments.to_dict("records")
    figure = new_figure(
        "Gain of the latents over covariates, and null models, on test patients",
        height=2.3 + 0.34 * (4 * len(rows) + 3),
    )
    axes = figure.subplots()
    ticks: list[tuple[float, str]] = []
    for i, row in enumerate(rows):
        ticks += _draw_models(axes, 4.0 * i, row)
    _write(axes, 4.0 * len(rows), "null models instead of the latents")
    nulls = prognosis.nulls.groupby("kind", sort=False)["c_index"]
    for y, (kind, values) in enumerate(nulls, start=4 * len(rows) + 1):
        jitter = np.linspace(-0.22, 0.22, len(values))
        axes.plot(values, y + jitter, "o", color=MUTED, markersize=5, alpha=0.6, markeredgewidth=0)
        share = prognosis.places.loc[str(kind), "as_good"]
        _write_right(axes, y, f"{share:.0%} of {len(values)} as good as the latents")
        ticks.append((y, str(kind)))
    axes.axvline(0.5, color=INK, linewidth=1)
    axes.axvline(prognosis.c_index, color=ENCODER, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1)
    subtitle = (
        "Cox regressions fitted on train patients; 95 % intervals by paired bootstrap; dashed: "
        "the latents alone"
    )
    dress_axes(axes, subtitle, "C-index (0.5: chance)", "", grid="x")
    axes.set_yticks([y for y, _ in ticks], [name for _, name in ticks])
    axes.set_ylim(4 * len(rows) + 2.6, -0.7)
    return figure


def _draw_models(axes: Axes, top: float, row: dict[str, Any]) -> list[tuple[float, str]]:
    """Draw a comparison from ``top`` on: heading, covariates, latents, both; give positions and
    names of the rows.
    """
    _write(axes, top, f"compared with {row['known']}")
    names = {"covariates": row["known"], "latents": "latents", "both": "both"}
    for y, (model, (colour, marker)) in enumerate(MODELS.items(), start=int(top) + 1):
        axes.plot(
            [row[f"{model}_low"], row[f"{model}_high"]],
            [y, y],
            color=colour,
            linewidth=2,
            solid_capstyle="butt",
        )
        axes.plot(row[model], y, marker, color=colour, markersize=7.5, markeredgecolor="white")
        gain = (
            "   gain " + f"{row['increment']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
            if model == "both"
            else ""
        )
        _write_right(
            axes,
            y,
            (
                f"{row[model]:.3f} [{row[f'{model}_low']:.3f}, {row[f'{model}_high']:.3f}]{gain}"
            ).replace("-", "−"),
        )
    return [(top + 1 + i, name) for i, name in enumerate(names.values())]


def _write(axes: Axes, y: float, text: str) -> None:
    """Write the heading of the rows below."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 2.0}
    axes.text(
        0.01,
        y,
        text,
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=10.5,
        fontweight="bold",
        color=INK,
        bbox=box,
    )


def _write_right(axes: Axes, y: float, text: str) -> None:
    """Write numbers to the right of a row."""
    axes.text(
        1.02, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=10, color=INK
    )
