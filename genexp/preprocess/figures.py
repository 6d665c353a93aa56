"""Two pictures of what was measured, kept and lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.palette import COLOURS, GRID, INK, MUTED
from genexp.preprocess.split import PARTS
from genexp.preprocess.store import Preprocessed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOST = "lost"
GROUP_COLOURS = dict(zip((*PARTS, LOST), COLOURS, strict=False))
LEVEL_NAMES = {"counts": "library size (counts)", "zscore": "mean z-score", "log2fc": "mean log2 fold change", "zero_one": "mean value"}


def plot_sample_quality(data: Preprocessed) -> Figure:
    """Genes detected and level of expression of every sample, by part, with the samples that were lost."""
    from matplotlib.figure import Figure

    lost = data.read_table("lost_samples").assign(part=LOST)
    samples = pd.concat([data.split, lost]) if len(lost) else data.split
    figure = Figure(figsize=(9, 4), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2)
    _draw_groups(left, samples, "detected")
    threshold = float(data.report["settings"]["min_sample_detected"])
    left.axhline(threshold, color=MUTED, linewidth=1, linestyle="--")
    left.annotate(f"lost below {threshold:g}", (0.99, threshold), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=MUTED)
    left.set(ylabel="share of genes detected", ylim=(0, 1.03))
    _draw_groups(right, samples, "level")
    right.set(ylabel=LEVEL_NAMES.get(data.scale, "mean log2 expression"), yscale="log" if data.scale == "counts" else "linear")
    figure.suptitle(f"{data.name}: {len(data.split):,} samples kept, {len(lost):,} lost", color=INK)
    return figure


def plot_gene_quality(data: Preprocessed) -> Figure:
    """Mean and standard deviation of every gene over the train samples; lost genes by the reason of their loss."""
    from matplotlib.figure import Figure

    lost = data.read_table("lost_genes")
    figure = Figure(figsize=(8, 5), layout="constrained", dpi=150)
    axes = figure.subplots()
    _style(axes)
    groups = [("kept", data.var)] + [(reason, lost[lost["reason"] == reason]) for reason in lost["reason"].value_counts().index]
    for (reason, genes), colour in zip(groups, COLOURS, strict=False):
        marker, edge = ("o", 0) if reason == "kept" else ("x", 0.8)
        (points,) = axes.plot(
            genes["mean"], np.sqrt(genes["variance"]), marker, markersize=3, markeredgewidth=edge, color=colour, alpha=0.5
        )
        points.set_label(f"{reason} ({len(genes):,})")
    axes.set(xlabel=f"mean over train samples ({_unit(data)})", ylabel="standard deviation over train samples")
    axes.set_title(f"{data.name}: {len(data.var):,} genes kept, {len(lost):,} lost", color=INK)
    axes.legend(frameon=False, markerscale=2)
    return figure


def _unit(data: Preprocessed) -> str:
    names = {"log2_cpm": "log2(counts per million + 1)", "log2": f"log2({data.scale} + 1)", "none": data.scale}
    return names[data.transform.normalise]


def _draw_groups(axes: Axes, samples: pd.DataFrame, column: str) -> None:
    """Every sample as a point, scattered sideways, behind the quartiles of its group."""
    _style(axes)
    jitter = np.random.default_rng(0)
    groups = [group for group in GROUP_COLOURS if (samples["part"] == group).any()]
    for place, group in enumerate(groups):
        values = samples.loc[samples["part"] == group, column].to_numpy()
        sideways = place + jitter.uniform(-0.3, 0.3, len(values))
        axes.plot(sideways, values, linestyle="none", marker="o", markersize=3, markeredgewidth=0, alpha=0.5, color=GROUP_COLOURS[group])
        axes.boxplot(values, positions=[place], widths=0.7, showfliers=False, medianprops={"color": INK, "linewidth": 1.5})
    axes.set_xticks(range(len(groups)), [f"{group}\n{(samples['part'] == group).sum():,}" for group in groups])


def _style(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
