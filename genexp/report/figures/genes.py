"""Figures of the explanation: attributed genes, latents and gene sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genexp.explain.attribution import Attribution
from genexp.explain.explanation import Explanation
from genexp.explain.signatures import Signatures
from genexp.palette import ENCODER, GRID, INK, MUTED, PCA, dress_axes, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_GENES = 12
"""Genes per panel."""
N_PANELS = 12
"""Maximum number of panels of the attribution figure."""
N_UNITS = 48
"""Maximum number of drawn latents; of more, the most and the least active ones."""
N_TERMS, N_TARGETS = 30, 24
"""Maximum number of rows and columns of the dot plot."""
RAISES, LOWERS = ENCODER, PCA
"""Colours of genes that raise, and lower, a target."""


def plot_explanation(
    explanation: Explanation, latents: pd.DataFrame, parts: pd.Series
) -> Iterator[tuple[str, Figure]]:
    """Draw every figure of an explanation, with its name; ``latents`` and ``parts`` are of all
    samples.
    """
    yield "attribution", plot_attribution(explanation.attribution)
    yield "units", plot_units(explanation.signatures, latents, parts)
    if explanation.enrichment is not None and len(explanation.enrichment):
        yield "enrichment", plot_enrichment(explanation.enrichment)


def choose_targets(attribution: Attribution, n: int = N_PANELS) -> list[str]:
    """Choose risk and classes, or the first latents if there are neither."""
    named = [name for name in attribution.targets if not name.startswith("latent_")]
    return (named[-1:] + named[:-1] if named[-1:] == ["risk"] else named)[
        :n
    ] or attribution.targets[:n]


def plot_attribution(attribution: Attribution) -> Figure:
    """Draw the top attributed genes of each class and of the risk."""
    targets = choose_targets(attribution)
    n_columns = min(4 if len(targets) > 6 else 3, len(targets))
    n_rows = -(-len(targets) // n_columns)
    figure = new_figure("Attribution of the predictions to genes", height=1.4 + 3.3 * n_rows)
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, target in zip(panels, targets, strict=False):
        _draw_genes(axes, attribution, target)
    for axes in panels[len(targets) :]:
        axes.set_visible(False)
    lines = [f"{attribution.way}; blue: higher expression raises the target, orange: lowers it"]
    if attribution.baselines:
        delta, other = (
            attribution.checks["completeness_delta"].max(),
            plain_text(attribution.baselines[1], 50),
        )
        lines.append(
            f"largest completeness delta {delta:.2%}; ρ: rank correlation over genes with "
            f"another baseline ({other})"
        )
    else:
        lines.append("ρ: rank correlation over genes between halves of the samples")
    figure.supxlabel("\n".join(lines), fontsize=10.5, color=MUTED)
    return figure


def _draw_genes(axes: Axes, attribution: Attribution, target: str) -> None:
    top = attribution.top_genes(target, N_GENES)
    rows = np.arange(len(top))
    axes.barh(rows, top.abs(), color=[RAISES if value > 0 else LOWERS for value in top], height=0.7)
    rho = attribution.checks.loc[target, "rho_baselines" if attribution.baselines else "rho_halves"]
    dress_axes(axes, f"{plain_text(target, 20)}  (ρ {rho:.2f})", "", "", grid="x")
    axes.set_yticks(rows, [plain_text(gene, 14) for gene in top.index], fontsize=9)
    axes.set_ylim(len(top) - 0.4, -0.6)
    axes.tick_params(labelsize=9)
    axes.locator_params(axis="x", nbins=4)


def plot_units(signatures: Signatures, latents: pd.DataFrame, parts: pd.Series) -> Figure:
    """Draw the distribution of each latent over train and test samples, most active first, with its
    genes.
    """
    units = signatures.units
    drawn = (
        units
        if len(units) <= N_UNITS
        else pd.concat([units.head(N_UNITS // 2), units.tail(N_UNITS // 2)])
    )
    selection = (
        "all"
        if len(drawn) == len(units)
        else f"the {N_UNITS // 2} most and the {N_UNITS // 2} least active of"
    )
    figure = new_figure("Latents: activity, distribution and genes", height=2.1 + 0.33 * len(drawn))
    bars, ridges = figure.subplots(1, 2, width_ratios=[1, 2.6], sharey=True)
    rows = np.arange(len(drawn))
    bars.barh(rows, drawn["share"], color=ENCODER, height=0.6)
    dress_axes(
        bars,
        f"{selection} {len(units)} latents",
        "share of the variance of the reconstruction",
        "",
        grid="x",
    )
    bars.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    bars.set_yticks(rows, list(drawn.index), fontsize=9)
    for row, (name, unit) in enumerate(drawn.iterrows()):
        values = (latents[name] - unit["mean"]) / (unit["sd"] if unit["sd"] > 1e-12 else 1.0)
        for part, colour in (("train", MUTED), ("test", ENCODER)):
            _draw_ridge(
                ridges,
                values[(parts == part).to_numpy()].to_numpy(),
                row,
                colour,
                filled=part == "train",
            )
        ridges.text(
            4.15, row, _name_genes(signatures.weights[name]), va="center", fontsize=8.5, color=INK
        )
    dress_axes(ridges, ("grey: train, blue line: " "test; right: genes that " "rise (+) and fall (−) " "most with the " "latent"),  # noqa: E501
               "value of the latent (train standard deviations from the train mean)", "", grid="x")  # fmt: skip  # noqa: E501
    ridges.set_xlim(-4, 9.2)
    ridges.set_xticks(range(-4, 5, 2))
    ridges.set_ylim(len(drawn) - 0.4, -1.0)
    ridges.tick_params(axis="y", length=0, labelleft=False)
    ridges.spines["left"].set_visible(False)
    return figure


def _draw_ridge(axes: Axes, values: np.ndarray, row: int, colour: str, filled: bool) -> None:
    """Draw a distribution as a smoothed histogram, at most 0.85 rows high."""
    edges = np.linspace(-4, 4, 65)
    counts = np.histogram(np.clip(values, -4, 4), bins=edges)[0].astype(float)
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)
    height = np.convolve(np.pad(counts, 6, mode="edge"), kernel / kernel.sum(), mode="valid")
    height *= 0.85 / max(height.max(), 1e-12)
    middle = (edges[1:] + edges[:-1]) / 2
    if filled:
        axes.fill_between(
            middle, row + 0.35 - height, row + 0.35, color="#C9C9C9", linewidth=0, zorder=2
        )
    axes.plot(middle, row + 0.35 - height, color=colour, linewidth=0.8 if filled else 1.2, zorder=3)


def _name_genes(weights: pd.Series, n: int = 3) -> str:
    ordered = weights.sort_values(ascending=False)
    up, down = (
        [plain_text(gene, 12) for gene in genes]
        for genes in (ordered.index[:n], ordered.index[::-1][:n])
    )
    return f"+ {', '.join(up)}   − {', '.join(down)}"


def plot_enrichment(enrichment: pd.DataFrame, level: float = 0.05) -> Figure:
    """Draw a dot plot of the strongest gene sets (rows) and targets (columns): size shows p, colour
    the direction.
    """
    best = pick_terms(enrichment)
    sets = list(dict.fromkeys(best["gene_set"]))
    targets = sorted(set(best["target"]), key=lambda name: (name.startswith("latent_"), name))
    figure = new_figure(
        "Gene sets enriched in latents and predictions", height=2.6 + 0.27 * max(len(sets), 4)
    )
    axes = figure.subplots()
    x, y = best["target"].map(targets.index), best["gene_set"].map(sets.index)
    size = 14 * np.clip(-np.log10(best["p"].clip(lower=1e-300)), 0.5, 16)
    colours = [RAISES if direction == "positive" else LOWERS for direction in best["direction"]]
    sure = (best["q"] < level).to_numpy()
    faces = [colour if is_sure else "none" for colour, is_sure in zip(colours, sure, strict=True)]
    for test, marker in (("ranks", "o"), ("overlap", "D")):
        rows = np.flatnonzero((best["test"] == test).to_numpy())
        shift = 0.0 if test == "ranks" else 0.28
        axes.scatter(x.iloc[rows] + shift, y.iloc[rows], s=size.iloc[rows] * (1.0 if test == "ranks" else 0.6), marker=marker,  # noqa: E501
                     facecolors=[faces[i] for i in rows], edgecolors=[colours[i] for i in rows], linewidths=1.1, zorder=3)  # fmt: skip  # noqa: E501
    n_sure, n_tests = (
        int((enrichment["q"] < level).sum()),
        enrichment.attrs.get("n_tests", len(enrichment)),
    )
    dress_axes(axes, f"{n_sure:,} of {n_tests:,} tests: q < {level:g} (filled)", "", "")
    axes.set_xticks(
        range(len(targets)),
        [plain_text(name, 20) for name in targets],
        rotation=45,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(len(sets)), [plain_text(_tidy(name), 52) for name in sets], fontsize=9)
    axes.set_xlim(-0.6, len(targets) - 0.2)
    axes.set_ylim(len(sets) - 0.4, -0.6)
    axes.grid(color=GRID, linewidth=0.8)
    _explain_dots(axes)
    return figure


def _explain_dots(axes: Axes) -> None:
    from matplotlib.lines import Line2D

    sizes = [(2, "p = 0.01"), (4, "p = 10⁻⁴"), (8, "p = 10⁻⁸"), (16, "p ≤ 10⁻¹⁶")]
    style: dict[str, Any] = {"linestyle": "none", "markeredgecolor": MUTED, "color": MUTED}
    handles = [
        Line2D([], [], marker="o", markersize=np.sqrt(14 * n), label=text, **style)
        for n, text in sizes
    ]
    handles += [Line2D([], [], marker="D", markersize=6, label="overlap with signature", **style)]
    for colour, text in (
        (RAISES, "genes that raise the target"),
        (LOWERS, "genes that lower the target"),
    ):
        handles.append(
            Line2D([], [], marker="s", markersize=8, linestyle="none", color=colour, label=text)
        )
    legend = axes.legend(handles=handles, title="rank test", frameon=False, fontsize=9, title_fontsize=9, labelspacing=1.1,  # noqa: E501
                         loc="upper left", bbox_to_anchor=(1.0, 1.0))  # fmt: skip
    legend.set_alignment("left")


def pick_terms(enrichment: pd.DataFrame) -> pd.DataFrame:
    """Select the sets and targets with the smallest p, and the strongest test of each kind for a
    pair, all with p < 0.01.
    """
    first = enrichment.drop_duplicates(["gene_set", "target", "test"])
    named = ~first["target"].str.startswith("latent_")
    order = pd.concat(
        [
            first[named].drop_duplicates("gene_set").head(N_TERMS // 2),
            first.drop_duplicates("gene_set"),
        ]
    )
    sets = list(dict.fromkeys(order["gene_set"]))[:N_TERMS]
    tests = first[first["gene_set"].isin(sets)]
    targets = list(
        dict.fromkeys(pd.concat([tests[named.loc[tests.index]]["target"], tests["target"]]))
    )[:N_TARGETS]
    selected = tests[
        tests["target"].isin(targets) & ((tests["p"] < 0.01) | ~tests["gene_set"].duplicated())
    ]
    rank = {name: index for index, name in enumerate(sets)}
    return selected.sort_values("gene_set", key=lambda names: names.map(rank), kind="stable")


def _tidy(name: str) -> str:
    """Printed name of a gene set: ``HALLMARK_E2F_TARGETS`` -> ``E2F TARGETS``; accession numbers
    are dropped.
    """
    return name.removeprefix("HALLMARK_").replace("_", " ").split(" (GO:")[0]
