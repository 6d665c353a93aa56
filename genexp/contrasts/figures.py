"""Figure of a compendium: significant genes by contrast, and the distribution of all p values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.palette import COLOURS, INK, MUTED, dress_axes, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = np.linspace(0, 1, 41)
"""Edges of the histogram of p."""
MOST_NAMED = 40
"""Largest number of contrasts that are named in the figure."""
UP, DOWN = COLOURS[1], COLOURS[0]


def plot_contrasts(contrasts: pd.DataFrame, counts: np.ndarray) -> Figure:
    """Plot the significant genes of each contrast, up and down, and the p values of all genes and
    contrasts.

    Parameters
    ----------
    contrasts : DataFrame, (n_contrasts, ...)
        With ``n_up`` and ``n_down``.
    counts : ndarray of int, (len(BINS) - 1,)
        Number of p in each bin.
    """
    named = len(contrasts) <= MOST_NAMED
    title = (
        f"{len(contrasts):,} contrast{'s' if len(contrasts) > 1 else ''}, {int(counts.sum()):,} "
        "tests"
    )
    figure = new_figure(title, height=max(4.5, 0.24 * len(contrasts) + 2) if named else 5)
    left, right = figure.subplots(1, 2)
    _draw_numbers(left, contrasts.sort_values("n_significant"), named)
    share = counts / max(counts.sum(), 1)
    right.bar(
        BINS[:-1],
        share,
        width=np.diff(BINS),
        align="edge",
        color=COLOURS[0],
        edgecolor="white",
        linewidth=0.5,
    )
    right.axhline(1 / len(counts), color=INK, linewidth=1, linestyle="--")
    right.set(xlim=(0, 1))
    dress_axes(
        right,
        "p of all genes and contrasts (dashed: if nothing changed)",
        "p of the moderated t",
        "share of tests",
        "y",
    )
    return figure


def _draw_numbers(axes: Axes, contrasts: pd.DataFrame, named: bool) -> None:
    """Draw genes up to the right and genes down to the left; the contrast with most genes is on
    top.
    """
    positions = np.arange(len(contrasts))
    height, line = (0.8, 0.0) if named else (1.0, 0.2)
    for column, sign, colour in (("n_up", 1, UP), ("n_down", -1, DOWN)):
        n_genes = contrasts[column].to_numpy()
        axes.barh(
            positions, sign * n_genes, height=height, color=colour, edgecolor=colour, linewidth=line
        )
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_yticks(
        positions if named else [],
        [plain_text(name, 40) for name in contrasts.index] if named else [],
    )
    axes.margins(y=0.01)
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    dress_axes(
        axes,
        "significant genes by contrast",
        "genes (down to the left, up to the right)",
        "" if named else "contrasts",
        "x",
    )
