"""Two figures of the quality of samples and genes, kept and excluded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genexp.cohort.scale import LINEAR
from genexp.palette import COLOURS, GRID, INK, MUTED
from genexp.preprocessing.quality import GENE_REASONS
from genexp.preprocessing.split import EXCLUDED, PARTS
from genexp.preprocessing.store import Preprocessed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROUP_COLOURS = dict(zip((*PARTS, EXCLUDED), COLOURS, strict=False))
GENE_COLOURS = dict(zip(("kept", *GENE_REASONS), (*COLOURS[:5], *COLOURS[6:]), strict=False))
"""Colours without the light blue, which cannot be seen among the blue of the kept genes."""
LEVEL_NAMES = {
    "counts": "library size (counts)",
    "tpm": "sum of a sample",
    "norm_count": "sum of a sample",
    "zscore": "mean z-score",
    "log2fc": "mean log2 fold change",
    "zero_one": "mean value",
}


def plot_sample_quality(data: Preprocessed) -> Figure:
    """Plot the share of detected genes and the mean expression of every sample, by part, with the
    excluded samples.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2)
    _draw_groups(left, data.split, "detected")
    threshold = float(data.report["settings"]["min_sample_detected"])
    left.axhline(threshold, color=MUTED, linewidth=1, linestyle="--")
    left.set_title(
        f"dashed: excluded below {threshold:g}", loc="left", fontsize="small", color=MUTED
    )
    left.set(ylabel="share of genes detected", ylim=(0, 1.03))
    _draw_groups(right, data.split, "level")
    right.set(
        ylabel=LEVEL_NAMES.get(data.scale, "mean log2 expression"),
        yscale="log" if data.scale in LINEAR else "linear",
    )
    n_kept, n_excluded = data.report["samples"]["kept"], data.report["samples"]["lost"]
    figure.suptitle(f"{data.name}: {n_kept:,} samples kept, {n_excluded:,} excluded", color=INK)
    return figure


def plot_gene_quality(data: Preprocessed) -> Figure:
    """Plot mean and standard deviation of every gene over the train samples; filtered genes by the
    reason.
    """
    from matplotlib.figure import Figure

    filtered = data.read_table("lost_genes")
    figure = Figure(figsize=(8, 5), layout="constrained", dpi=150)
    axes = figure.subplots()
    _style(axes)
    _draw_genes(axes, data.var, "kept")
    for reason in filtered["reason"].value_counts().index:
        _draw_genes(axes, filtered[filtered["reason"] == reason], str(reason))
    over = "over train samples" if data.transform.correction is None else "within batches"
    axes.set(xlabel=f"mean over train samples ({_unit(data)})", ylabel=f"standard deviation {over}")
    axes.set_title(
        f"{data.name}: {len(data.var):,} genes kept, {len(filtered):,} filtered", color=INK
    )
    axes.legend(frameon=False)
    return figure


def _draw_genes(axes: Axes, genes: pd.DataFrame, reason: str) -> None:
    """Draw genes as translucent points, with a solid one in the legend."""
    mark = "o" if reason == "kept" else "X"
    colour = GENE_COLOURS[reason]
    size = 2.5 if len(genes) > 2000 else 4 if len(genes) > 50 else 6
    axes.plot(
        genes["mean"],
        np.sqrt(genes["variance"]),
        mark,
        markersize=size,
        markeredgewidth=0,
        color=colour,
        alpha=0.5,
    )
    axes.plot(
        [],
        [],
        mark,
        markersize=6,
        markeredgewidth=0,
        color=colour,
        label=f"{reason} ({len(genes):,})",
    )


def _unit(data: Preprocessed) -> str:
    names = {
        "log2_cpm": "log2(counts per million + 1)",
        "log2_median": "log2(counts at the median library + 1)",
        "log2": f"log2({data.scale} + 1)",
        "none": data.scale,
    }
    return names[data.transform.normalise]


def _draw_groups(axes: Axes, samples: pd.DataFrame, column: str) -> None:
    """Draw every sample as a point, scattered sideways, behind the quartiles of its group."""
    _style(axes)
    jitter = np.random.default_rng(0)
    groups = [group for group in GROUP_COLOURS if (samples["part"] == group).any()]
    for position, group in enumerate(groups):
        values = samples.loc[samples["part"] == group, column].to_numpy()
        sideways = position + jitter.uniform(-0.3, 0.3, len(values))
        axes.plot(
            sideways,
            values,
            linestyle="none",
            marker="o",
            markersize=3,
            markeredgewidth=0,
            alpha=0.5,
            color=GROUP_COLOURS[group],
        )
        thin: dict[str, Any] = {
            f"{element}props": {"color": INK, "linewidth": 0.8}
            for element in ("box", "whisker", "cap")
        }
        axes.boxplot(
            values,
            positions=[position],
            widths=0.7,
            showfliers=False,
            medianprops={"color": INK, "linewidth": 1.8},
            **thin,
        )
    axes.set_xticks(
        range(len(groups)),
        [
            f"{'excluded' if group == EXCLUDED else group}\n{(samples['part'] == group).sum():,}"
            for group in groups
        ],
    )


def _style(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
