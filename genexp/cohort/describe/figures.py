"""Figures of the values of a cohort: their distribution, every sample's quantiles and total, and what is missing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.cohort.describe.description import Values
from genexp.cohort.samples import name_level
from genexp.cohort.scale import LINEAR, SCALE_NAMES
from genexp.palette import COLOURS, INK, MUTED, STUDY_COLOURS, dress_axes, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GREY = COLOURS[0], COLOURS[1], "#B3B3B3"
BANDS = (("q05", "q95", 0.18, "5 to 95 %"), ("q25", "q75", 0.38, "25 to 75 %"))
"""Quantiles between which a band is drawn, its opacity, and its name."""
MAX_NAMED = 6
"""Unusual samples that are named in a figure."""


def draw_values(values: Values) -> Figure:
    """Draw the distribution of values and, where samples are known, the quantiles of each."""
    figure = new_figure("", 3.7)
    both = len(values.samples) > 1
    axes = figure.subplots(1, 2 if both else 1, width_ratios=[1, 1.6] if both else [1])
    first: Axes = axes[0] if both else axes
    shown, unit, transform = _choose_axis(values)
    _draw_histogram(first, shown, unit)
    if both:
        _draw_quantiles(axes[1], values.statistics.apply(transform), unit)
    return figure


def draw_levels(values: Values) -> Figure:
    """Draw the total (or mean) of each sample in the order of the file, with the unusual ones named."""
    figure = new_figure("", 3.5)
    axes: Axes = figure.subplots()
    level = values.statistics["level"].to_numpy()
    colours = _colour_batches(axes, values.batch)
    x = np.arange(1, len(level) + 1)
    axes.scatter(x, level, s=14 if len(x) < 300 else 7, c=colours, linewidths=0, zorder=2)
    unusual = values.unusual.get("level", np.empty(0, dtype=int))
    axes.scatter(x[unusual], level[unusual], s=44, facecolors="none", edgecolors=RED, linewidths=1.2, zorder=3)
    for i in unusual[:MAX_NAMED] if len(unusual) <= MAX_NAMED else []:
        text = plain_text(values.samples[i], 24)
        axes.annotate(text, (x[i], level[i]), xytext=(6, 4), textcoords="offset points", fontsize=9, color=INK)
    axes.axhline(float(np.nanmedian(level)), color=MUTED, linewidth=0.9, linestyle=(0, (5, 3)), zorder=1)
    if values.scale in LINEAR and (level > 0).all():
        axes.set_yscale("log")
    dress_axes(axes, "", "sample, in the order of the file", f"{name_level(values.scale)} of each sample", "y")
    axes.set_xlim(0, len(x) + 1)
    return figure


def draw_missing(values: Values) -> Figure:
    """Draw how many values are missing, by sample and by gene."""
    figure = new_figure("", 3.3)
    by_sample, by_gene = figure.subplots(1, 2)
    shares = 100 * values.statistics["missing"].to_numpy()
    by_sample.vlines(np.arange(1, len(shares) + 1), 0, shares, color=BLUE, linewidth=max(0.5, min(6, 400 / len(shares))))
    dress_axes(by_sample, "", "sample, in the order of the file", "missing values [% of genes]", "y")
    by_sample.set_ylim(0, None)
    ordered = 100 * np.sort(values.missing_by_gene)[::-1]
    by_gene.fill_between(np.arange(1, len(ordered) + 1), ordered, step="mid", color=BLUE, linewidth=0)
    dress_axes(by_gene, "", "gene, by its share of missing values", "missing values [% of samples]", "y")
    by_gene.set_ylim(0, None)
    by_gene.set_xlim(0, max(int((ordered > 0).sum() * 1.1), 5))
    return figure


def write_png(figure: Figure) -> bytes:
    """PNG of a figure, with the background of the page."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130)
    return stream.getvalue()


def _choose_axis(values: Values) -> tuple[np.ndarray, str, np.ufunc]:
    """Values as they are drawn, the name of their axis, and the transformation: log2(x + 1) of linear values, which have long tails."""
    if values.scale in LINEAR or (not values.scale and _is_skewed(values.sampled)):
        return np.log2(np.maximum(values.sampled, 0) + 1), "log2(value + 1)", _LOG2
    return values.sampled, SCALE_NAMES.get(values.scale, "value"), _SAME


def _is_skewed(sampled: np.ndarray) -> bool:
    return bool(sampled.min() >= 0 and sampled.max() > 100)


_LOG2 = np.frompyfunc(lambda value: np.log2(max(value, 0.0) + 1), 1, 1)
_SAME = np.frompyfunc(lambda value: value, 1, 1)


def _draw_histogram(axes: Axes, shown: np.ndarray, unit: str) -> None:
    low, high = np.quantile(shown, [0.0005, 0.9995])
    span = (low, high) if high > low else (low - 0.5, high + 0.5)
    counts, edges = np.histogram(shown, bins=60, range=span)
    axes.bar(edges[:-1], 100 * counts / len(shown), width=np.diff(edges), align="edge", color=BLUE, linewidth=0)
    dress_axes(axes, "All samples together", unit, "values [%]", "y")


def _draw_quantiles(axes: Axes, statistics: pd.DataFrame, unit: str) -> None:
    x = np.arange(1, len(statistics) + 1)
    table = statistics.astype(float)
    for low, high, opacity, name in BANDS:
        axes.fill_between(x, table[low], table[high], step="mid", color=BLUE, alpha=opacity, linewidth=0, label=name)
    axes.plot(x, table["median"], color=BLUE, linewidth=1.2, drawstyle="steps-mid", label="median")
    dress_axes(axes, "Quantiles of each sample", "sample, in the order of the file", unit, "y")
    axes.set_xlim(0.5, len(x) + 0.5)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, fontsize=9, borderaxespad=0.2, handlelength=1.4)


def _colour_batches(axes: Axes, batch: pd.Series | None) -> list[str] | str:
    """Colour of each sample by its batch, with a legend; one colour where no batch is known."""
    if batch is None:
        return BLUE
    names = list(batch.value_counts().index)
    colours = {name: STUDY_COLOURS[i % len(STUDY_COLOURS)] for i, name in enumerate(names)}
    for name in names:
        axes.scatter([], [], s=24, c=colours[name], linewidths=0, label=plain_text(name, 22))
    columns = min(len(names), 5)
    title = plain_text(batch.name)
    axes.legend(
        title=title, alignment="left", loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, fontsize=9, title_fontsize=9
    )
    return [colours.get(name, GREY) for name in batch]
