"""Figure of the verdict: the encoder compared with its baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genexp.palette import GRID, INK, dress_axes, new_figure
from genexp.report.wording import colour_outcome, format_difference, format_score, name_quantity
from genexp.verdict.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_verdict(verdict: Verdict) -> Figure:
    """Draw the differences between encoder and baselines, task by task, with 95 % intervals."""
    rows = verdict.rows
    heads = rows.index[~rows["task"].duplicated()]
    positions = np.arange(len(rows)) + 0.9 * (~rows["task"].duplicated()).cumsum().to_numpy()
    figure = new_figure(
        "The encoder compared with its baselines, on test samples",
        height=2.2 + 0.34 * positions[-1],
    )
    axes = figure.subplots()
    for y, row in zip(positions, rows.itertuples(), strict=True):
        colour = colour_outcome(row.outcome)
        axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot(row.difference, y, "o", color=colour, markersize=7.5, markeredgecolor="white")
        text = f"{format_difference(row)}   {row.outcome}"
        axes.text(
            1.02, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=10, color=INK
        )
    for y, row in zip(positions[heads], rows.loc[heads].itertuples(), strict=True):
        text = (
            f"{row.task}: {name_quantity(row.quantity)} {row.encoder:.3f} "
            f"[{row.encoder_low:.3f}, {row.encoder_high:.3f}]"
        )
        axes.text(-0.01, y - 0.9, text, transform=axes.get_yaxis_transform(), ha="left", va="center", fontsize=10.5, fontweight="bold",  # noqa: E501
                  color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 2.5})  # fmt: skip  # noqa: E501
    axes.axvline(0, color=INK, linewidth=1)
    subtitle = (
        "paired bootstrap over the groups of the test samples, 95 % intervals; right of 0: the "
        "encoder is better"
    )
    dress_axes(axes, subtitle, "difference of the scores, encoder minus baseline", "", grid="x")
    axes.set_yticks(
        positions,
        [f"{row.baseline} {format_score(row.baseline_score)}" for row in rows.itertuples()],
    )
    axes.set_ylim(positions[-1] + 0.7, -0.6)
    reach = (
        float(
            np.nanmax(
                np.abs(rows[["low", "high", "difference"]].to_numpy(dtype=float)), initial=0.01
            )
        )
        * 1.12
    )
    axes.set_xlim(-reach, reach)
    axes.axvspan(0, reach, color=GRID, alpha=0.25, zorder=0, linewidth=0)
    return figure
