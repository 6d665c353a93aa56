"""Figures of the values of a cohort: distribution, quantiles and total of every sample, and missing
values.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genexp.cohort.samples import QUANTILES, name_level
from genexp.cohort.scale import LINEAR, SCALE_NAMES
from genexp.describe.description import ValueStatistics
from genexp.palette import BATCH_COLOURS, COLOURS, INK, MUTED, dress_axes, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GREY = COLOURS[0], COLOURS[1], "#B3B3B3"
BANDS = (("q05", "q95", 0.18, "5 to 95 %"), ("q25", "q75", 0.38, "25 to 75 %"))
"""Bands between quantiles, their opacity, and their name."""
LONG_TAIL = 100.0
"""Value above which values of unknown scale are drawn as logarithms."""
MAX_NAMED = 8
"""Largest number of unusual samples that are ringed and named in a figure; more are visible without
a mark."""


def draw_values(values: ValueStatistics) -> Figure:
    """Draw the distribution of values and, where samples are known, the quantiles of each."""
    figure = new_figure("", 3.7)
    shown, unit, transform = _choose_axis(values)
    if len(values.samples) < 2:
        _draw_histogram(figure.subplots(), shown, unit, "")
        return figure
    histogram, quantiles = figure.subplots(1, 2, width_ratios=[1, 1.6])
    _draw_histogram(histogram, shown, unit, "All samples together")
    _draw_quantiles(quantiles, values.statistics[list(QUANTILES)].apply(transform), unit)
    return figure


def draw_levels(values: ValueStatistics) -> Figure:
    """Draw the total (or mean) of each sample in the order of the file, with the unusual ones
    named.
    """
    figure = new_figure("", 3.5)
    axes: Axes = figure.subplots()
    level = values.statistics["level"].to_numpy()
    colours = _colour_batches(axes, values.batch)
    x = np.arange(1, len(level) + 1)
    axes.scatter(x, level, s=14 if len(x) < 300 else 7, c=colours, linewidths=0, zorder=2)
    for i in list_ringed(values):
        axes.scatter(
            [x[i]], [level[i]], s=44, facecolors="none", edgecolors=RED, linewidths=1.2, zorder=3
        )
        axes.annotate(
            plain_text(values.samples[i], 24),
            (x[i], level[i]),
            xytext=(7, 4),
            textcoords="offset points",
            fontsize=9,
            color=INK,
        )
    axes.axhline(
        float(np.nanmedian(level)), color=MUTED, linewidth=0.9, linestyle=(0, (5, 3)), zorder=1
    )
    if values.scale in LINEAR and (level > 0).all():
        _take_log_axis(axes)
    dress_axes(
        axes,
        "",
        "sample, in the order of the file",
        f"{name_level(values.scale)} of each sample",
        "y",
    )
    axes.set_xlim(0, len(x) + 1)
    return figure


def list_ringed(values: ValueStatistics) -> list[int]:
    """List the positions of samples that are ringed in :func:`draw_levels`."""
    unusual = values.unusual.get("level", np.empty(0, dtype=int))
    return [int(i) for i in unusual] if len(unusual) <= MAX_NAMED else []


def draw_missing(values: ValueStatistics) -> Figure:
    """Draw the shares of missing values by sample and by gene."""
    figure = new_figure("", 3.3)
    by_sample, by_gene = figure.subplots(1, 2)
    shares = 100 * values.statistics["missing"].to_numpy()
    by_sample.vlines(
        np.arange(1, len(shares) + 1),
        0,
        shares,
        color=BLUE,
        linewidth=max(0.5, min(6, 400 / len(shares))),
    )
    dress_axes(
        by_sample, "", "sample, in the order of the file", "missing values [% of genes]", "y"
    )
    by_sample.set_ylim(0, None)
    by_sample.set_xlim(0, len(shares) + 1)
    ordered = 100 * np.sort(values.missing_by_gene[values.missing_by_gene > 0])[::-1]
    by_gene.stairs(ordered, np.arange(len(ordered) + 1), fill=True, color=BLUE)
    dress_axes(
        by_gene,
        "",
        "genes with missing values, in their order",
        "missing values [% of samples]",
        "y",
    )
    by_gene.set_ylim(0, None)
    by_gene.set_xlim(0, max(len(ordered), 10))
    return figure


def write_png(figure: Figure) -> bytes:
    """Return a figure as PNG, with the background of the page."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130)
    return stream.getvalue()


def _choose_axis(values: ValueStatistics) -> tuple[np.ndarray, str, Callable[[Any], Any]]:
    """Choose the drawn values, the name of their axis, and the transformation: log2(x + 1) of
    linear values, which have long tails.
    """
    is_linear = values.scale in LINEAR or (
        not values.scale and values.sampled.min() >= 0 and values.sampled.max() > LONG_TAIL
    )
    if is_linear:
        return _take_log2(values.sampled), "log2(value + 1)", _take_log2
    return values.sampled, SCALE_NAMES.get(values.scale, "value"), _keep


def _take_log2(values: Any) -> Any:
    return np.log2(np.maximum(values, 0) + 1)


def _keep(values: Any) -> Any:
    return values


def _take_log_axis(axes: Axes) -> None:
    """Use a logarithmic axis with full numbers: 20,000 rather than a power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_histogram(axes: Axes, shown: np.ndarray, unit: str, title: str) -> None:
    low, high = np.quantile(shown, [0.0005, 0.9995])
    span = (low, high) if high > low else (low - 0.5, high + 0.5)
    counts, edges = np.histogram(shown, bins=60, range=span)
    axes.bar(
        edges[:-1],
        100 * counts / len(shown),
        width=np.diff(edges),
        align="edge",
        color=BLUE,
        linewidth=0,
    )
    dress_axes(axes, title, unit, "values [%]", "y")


def _draw_quantiles(axes: Axes, statistics: pd.DataFrame, unit: str) -> None:
    x = np.arange(1, len(statistics) + 1)
    for low, high, opacity, name in BANDS:
        axes.fill_between(
            x,
            statistics[low],
            statistics[high],
            step="mid",
            color=BLUE,
            alpha=opacity,
            linewidth=0,
            label=name,
        )
    axes.plot(
        x, statistics["median"], color=BLUE, linewidth=1.2, drawstyle="steps-mid", label="median"
    )
    dress_axes(axes, "Quantiles of each sample", "sample, in the order of the file", unit, "y")
    axes.set_xlim(0.5, len(x) + 0.5)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3,
        frameon=False,
        fontsize=9,
        borderaxespad=0.2,
        handlelength=1.4,
    )


def _colour_batches(axes: Axes, batch: pd.Series | None) -> list[str] | str:
    """Colour each sample by its batch, with a legend; one colour for unknown batches."""
    if batch is None:
        return BLUE
    names = list(batch.value_counts().index)
    colours = {name: BATCH_COLOURS[i % len(BATCH_COLOURS)] for i, name in enumerate(names)}
    for name in names:
        axes.scatter([], [], s=24, c=colours[name], linewidths=0, label=plain_text(name, 22))
    columns = min(len(names), 5)
    title = plain_text(batch.name)
    axes.legend(
        title=title,
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        frameon=False,
        fontsize=9,
        title_fontsize=9,
    )
    return [colours.get(name, GREY) for name in batch]
