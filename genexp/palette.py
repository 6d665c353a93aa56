"""Style of all figures: one mark per label, the same in every figure, and the style of axes.

The first eight colours are those of Okabe and Ito (2008, "Color universal design"), in an order
that sets strong contrasts first, with yellow darkened to stand on white and black softened. The
others come from a greedy search: each maximises its smallest OKLab distance to those before it, as
seen with normal, deuteranopic and protanopic eyes (matrices of Machado, Oliveira and Fernandes
2009, doi:10.1109/TVCG.2009.113), mostly within its dozen: each dozen has its own shape of marker.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# fmt: off
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#E8D52E", "#333333", "#5A0087", "#874B5A", "#1EF0B4", "#8778F0",  # noqa: E501
    "#005A00", "#3C3CB4", "#F05A69", "#690F5A", "#4B96D2", "#A54B87", "#87D269", "#00E1FF", "#00961E", "#785AD2", "#FF96C3", "#A51E3C",  # noqa: E501
    "#693C87", "#690F0F", "#1EC396", "#965A00", "#8796FF", "#B4E187", "#7878A5", "#FFB4F0", "#C3963C", "#96005A", "#A55A69", "#961E00",  # noqa: E501
)
"""Colours of labels, in their order."""
CLUSTER_COLOURS = (
    "#332288", "#CC6677", "#117733", "#DDAA33", "#44AA99", "#882255", "#88CCEE", "#999933", "#AA4499", "#661100", "#6699CC", "#888888",  # noqa: E501
)
"""Colours of clusters (after Paul Tol's "muted"), different from those of labels, because a cluster
is no label."""
BATCH_COLOURS = (
    "#0077BB", "#EE7733", "#009988", "#CC3311", "#33BBEE", "#EE3377", "#5A3A22", "#AAAA00", "#7B61C9", "#225555", "#C2A5CF", "#999999",  # noqa: E501
)
"""Colours of batches (the first six are Paul Tol's "vibrant")."""
# fmt: on
SHAPES = (("o", "circle"), ("s", "square"), ("D", "diamond"))
"""Markers of matplotlib and plotly; a dozen labels share one."""
UNLABELLED = "#B3B3B3"
ENCODER, PCA = "#0072B2", "#B25000"
"""Colours of the two methods in every comparison; both have a contrast above 4.5 on white."""
INK, MUTED, GRID = "#222222", "#595959", "#E3E3E3"
"""Text, secondary text (contrast above 4.5 on white) and grid lines."""


@dataclass(frozen=True)
class Mark:
    """Mark of the samples of one label."""

    colour: str
    marker: str
    symbol: str
    """The marker's name in plotly; ``marker`` is matplotlib's."""


def mark_labels(labels: Iterable[object], colours: tuple[str, ...] = COLOURS) -> dict[str, Mark]:
    """Assign a mark to each label by its index; colours repeat after the last one."""
    marks = {}
    for i, label in enumerate(labels):
        marker, symbol = SHAPES[i // 12 % len(SHAPES)]
        marks[str(label)] = Mark(colours[i % len(colours)], marker, symbol)
    return marks


def mark_clusters(clusters: Iterable[object]) -> dict[str, Mark]:
    """Assign a mark to each cluster by its index."""
    return mark_labels(clusters, CLUSTER_COLOURS)


def mark_batches(batches: Iterable[object]) -> dict[str, Mark]:
    """Assign a mark to each batch by its index."""
    return mark_labels(batches, BATCH_COLOURS)


def plain_text(text: object, limit: int = 32) -> str:
    """Prepare a user's text for matplotlib: ``$`` starts no formula, ``_`` hides no legend entry,
    and long text is cut.
    """
    plain = str(text)
    plain = plain if len(plain) <= limit else plain[: limit - 1] + "…"
    return (" " if plain.startswith("_") else "") + plain.replace("$", r"\$")


def new_figure(title: str, height: float, width: float = 12.0) -> Figure:
    """Create an empty figure (inches at 100 dots per inch) with a constrained layout."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1, wspace=0.04)  # type: ignore[union-attr, call-arg]
    figure.suptitle(title, x=0.012, ha="left", fontsize=15, fontweight="bold", color=INK)
    return figure


def dress_axes(axes: Axes, title: str, x: str, y: str, grid: str = "both") -> None:
    """Set titles, units, open frame and a light grid along ``"x"``, ``"y"``, ``"both"`` or
    ``""``.
    """
    axes.set_title(title, loc="left", fontsize=11.5, color=MUTED, pad=8)
    axes.set_xlabel(x, fontsize=11, color=INK)
    axes.set_ylabel(y, fontsize=11, color=INK)
    axes.tick_params(labelsize=10, color=MUTED, labelcolor=INK, length=3)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#8C8C8C")
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
