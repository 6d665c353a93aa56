"""The pictures of an evaluation, as a biologist would show them; what they show is in :mod:`genexp.evaluation.results`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from genexp.evaluation.faithfulness import describe_faithfulness
from genexp.evaluation.results import Embeddings, Evaluation, Reconstruction, Survival, Verdict
from genexp.palette import ENCODER, GRID, INK, MUTED, PCA, UNLABELLED, Mark, dress_axes, mark_clusters, mark_labels, new_figure, plain_text
from genexp.report.figures.clusters import plot_clusters, plot_novelty
from genexp.report.figures.counts import plot_composition, plot_confusion, plot_head
from genexp.report.figures.genes import plot_explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNKNOWN = "(unlabelled)"
"""What the samples without a label are called."""
MAPS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}
"""Maps of the latent, by the prefix of their columns."""
N_LATENTS, N_GENES = 20, 20
"""Rows of the Cox and gene charts."""


def draw_figures(evaluation: Evaluation) -> Iterator[tuple[str, Figure]]:
    """Draw every picture that the evaluation has matter for, one at a time, with its artifact name."""
    summary = evaluation.summary
    origin = plain_text(f"{summary['cohort']}, {summary['n_latent']} latents", 48)
    for name, figure in _plot_all(evaluation):
        figure.text(0.99, 1 - 0.13 / figure.get_figheight(), origin, ha="right", va="top", fontsize=10.5, color=MUTED)
        yield f"figures/{name}.png", figure


def _plot_all(evaluation: Evaluation) -> Iterator[tuple[str, Figure]]:
    from genexp.report.figures.batch_effects import plot_batch_effects
    from genexp.report.figures.survival import plot_prognosis
    from genexp.report.figures.terms import plot_all as plot_all_terms

    if len(evaluation.comparison.rows):
        yield "verdict", plot_verdict(evaluation.comparison)
    for name in MAPS:
        yield name, plot_map(evaluation.embeddings, name)
    yield from plot_clusters(evaluation.methods)
    if evaluation.clustering.contingency is not None:
        yield "cluster_composition", plot_composition(evaluation.clustering)
    if evaluation.probe is not None:
        yield "confusion", plot_confusion(evaluation.probe)
    for judged in evaluation.heads.labels if evaluation.heads is not None else ():
        yield f"confusion_{judged.key}", plot_head(judged)
    if evaluation.batch_effects is not None:
        yield "batch_effects", plot_batch_effects(evaluation.batch_effects, evaluation.embeddings)
    if evaluation.terms is not None:
        yield from plot_all_terms(evaluation.terms, evaluation.deletion)
    if evaluation.survival is not None:
        yield "kaplan_meier", plot_kaplan_meier(evaluation.survival)
        yield "cox", plot_cox(evaluation.survival)
    if evaluation.prognosis is not None:
        yield from plot_prognosis(evaluation.prognosis)
    if evaluation.novelty is not None:
        yield "novelty", plot_novelty(evaluation.novelty)
    yield "reconstruction", plot_reconstruction(evaluation.reconstruction)
    yield from plot_explanation(evaluation.explanation, evaluation.latents, evaluation.embeddings.coordinates["part"])


# --- maps -------------------------------------------------------------------------------------------------------------


def name_map_axes(embeddings: Embeddings, name: str) -> tuple[str, str]:
    """Titles of the two axes of a map."""
    if name != "pca":
        return f"{MAPS[name]} 1", f"{MAPS[name]} 2"
    first, second = (f"PC{i + 1} of the latent ({share:.1%} of its variance)" for i, share in enumerate(embeddings.explained_variance[:2]))
    return first, second


def plot_map(embeddings: Embeddings, name: str) -> Figure:
    """Draw a map of all samples, coloured by label (if there is one) and by cluster; test samples stand out by their rim."""
    table = embeddings.coordinates
    labelled = table["label"].notna().any()
    n_test = int((table["part"] == "test").sum())
    setting = f", perplexity {embeddings.perplexity:g}" if name == "tsne" else ""
    title = f"{MAPS[name]} of the latent{setting}"
    labels = table["label"].astype("category").cat.remove_unused_categories()
    rows = -(-max(len(labels.cat.categories) + 1, table["cluster"].nunique()) // 4)
    figure = new_figure(title, height=6.6 + 0.2 * rows, width=12.0 if labelled else 7.5)
    figure.supxlabel(describe_faithfulness(embeddings.faithfulness, name), x=0.012, ha="left", fontsize=10, color=MUTED)
    panels = figure.subplots(1, 2 if labelled else 1, squeeze=False)[0]
    parts = f"{n_test:,} test samples rimmed, {len(table) - n_test:,} others faint"
    if labelled:
        _draw_map(panels[0], table, name, labels, mark_labels(labels.cat.categories))
        dress_axes(panels[0], f"by label: {parts}", *name_map_axes(embeddings, name))
    clusters = table["cluster"].astype(str).astype("category")
    _draw_map(panels[-1], table, name, clusters, mark_clusters(sorted(table["cluster"].unique())))
    dress_axes(panels[-1], "by cluster" if labelled else f"by cluster: {parts}", *name_map_axes(embeddings, name))
    _name_clusters(panels[-1], table, name)
    if name != "pca":
        for axes in panels:
            axes.tick_params(length=0, labelbottom=False, labelleft=False)
    return figure


def _draw_map(axes: Axes, table: pd.DataFrame, name: str, groups: pd.Series, marks: Mapping[str, Mark]) -> None:
    from matplotlib.lines import Line2D

    x, y = table[f"{name}_1"].to_numpy(), table[f"{name}_2"].to_numpy()
    test = (table["part"] == "test").to_numpy()
    size = float(np.clip(24000 / len(table), 5, 34))
    members = {group: (groups == group).to_numpy() for group in marks}
    missing = groups.isna().to_numpy()
    if missing.any():
        members[UNKNOWN] = missing
        marks = {UNKNOWN: Mark(UNLABELLED, "o", "circle"), **marks}
    for rimmed in (False, True):
        style = {"s": 1.7 * size, "edgecolors": INK, "linewidths": 0.7} if rimmed else {"s": size, "linewidths": 0, "alpha": 0.4}
        for group, mark in marks.items():
            rows = members[group] & (test == rimmed)
            axes.scatter(x[rows], y[rows], color=mark.colour, marker=mark.marker, zorder=3 if rimmed else 2, **style)
    entries = sorted(marks, key=lambda group: group == UNKNOWN)
    handles = [Line2D([], [], color=marks[group].colour, marker=marks[group].marker, linestyle="none", markersize=7) for group in entries]
    texts = [f"{plain_text(group, 22)} ({members[group].sum():,})" for group in entries]
    columns = 4 if max(map(len, texts)) < 20 else 3
    place = (-0.02, -0.13 if name == "pca" else -0.08)
    axes.legend(handles, texts, loc="upper left", bbox_to_anchor=place, ncols=columns, frameon=False, fontsize=9.5,
                handletextpad=0.1, columnspacing=0.9, borderaxespad=0.0)  # fmt: skip
    axes.margins(0.04)


def _name_clusters(axes: Axes, table: pd.DataFrame, name: str) -> None:
    box = {"boxstyle": "circle,pad=0.22", "facecolor": "white", "edgecolor": INK, "linewidth": 0.8, "alpha": 0.85}
    for cluster, place in table.groupby("cluster")[[f"{name}_1", f"{name}_2"]].median().iterrows():
        x, y = place
        axes.text(x, y, str(cluster), fontsize=12, fontweight="bold", color=INK, ha="center", va="center", zorder=4, bbox=box)


# --- survival ---------------------------------------------------------------------------------------------------------


def choose_time_unit(days: float) -> tuple[str, float]:
    """Choose the unit in which a follow-up reads well, and its length in days."""
    return ("years", 365.25) if days > 3 * 365.25 else ("months", 365.25 / 12) if days > 180 else ("days", 1.0)


def trace_curves(patients: pd.DataFrame, curves: pd.DataFrame, by: str = "cluster") -> Iterator[tuple[object, pd.DataFrame, pd.DataFrame]]:
    """Give for each group (column ``by``) of patients its Kaplan-Meier steps, drawn out to the last follow-up.

    Yields
    ------
    group : object
    steps : DataFrame
        Columns ``time_days``, ``survival``, ``low``, ``high``.
    censored : DataFrame
        Columns ``time_days`` and ``survival`` (height of the curve) of patients without an event.
    """
    for group, steps in curves.groupby(by, sort=by == "cluster", observed=True):
        own = patients[patients[by] == group]
        steps = steps[["time_days", "survival", "low", "high"]].reset_index(drop=True)
        if len(own) and own["time_days"].max() > steps["time_days"].iloc[-1]:
            steps = pd.concat([steps, steps.tail(1).assign(time_days=own["time_days"].max())], ignore_index=True)
        times = np.sort(own.loc[~own["event"].astype(bool), "time_days"].to_numpy(dtype=float))
        heights = steps["survival"].to_numpy()[np.searchsorted(steps["time_days"], times, side="right") - 1]
        yield group, steps, pd.DataFrame({"time_days": times, "survival": heights})


def choose_horizon(times: pd.Series, left: int = 5) -> float:
    """Day at which a survival picture ends: the last on which ``left`` patients are followed, the last of all in a small cohort."""
    ordered = np.sort(times.to_numpy(dtype=float))
    return float(ordered[-left] if len(ordered) > 10 * left else ordered[-1])


def plot_kaplan_meier(survival: Survival) -> Figure:
    """Draw survival by cluster on test patients, with 95 % bands, censor ticks and the numbers at risk beneath."""
    patients = survival.patients[survival.patients["part"] == "test"]
    colours = {f"cluster {name}": mark.colour for name, mark in mark_clusters(sorted(survival.patients["cluster"].unique())).items()}
    curves = [(f"cluster {cluster}", *lines) for cluster, *lines in trace_curves(patients, survival.kaplan_meier)]
    groups = "cluster " + patients["cluster"].astype(str)
    return plot_curves("Survival by cluster of the latent, on test patients", describe_curves(survival), patients, groups, curves, colours)


def plot_curves(
    title: str,
    subtitle: str,
    patients: pd.DataFrame,
    groups: pd.Series,
    curves: Sequence[tuple[str, pd.DataFrame, pd.DataFrame]],
    colours: Mapping[str, str],
) -> Figure:
    """Draw Kaplan-Meier curves of groups of patients; ``groups`` (n,) and ``curves`` name them as they are printed."""
    horizon = choose_horizon(patients["time_days"])
    unit, length = choose_time_unit(horizon)
    figure = new_figure(title, height=5.8 + 0.26 * len(curves))
    above, beneath = figure.subplots(2, 1, sharex=True, height_ratios=[4.6, 0.26 * len(curves) + 0.2])
    for name, steps, censored in curves:
        own, colour = patients[groups == name], colours[name]
        time = steps["time_days"] / length
        above.fill_between(time, steps["low"], steps["high"], step="post", color=colour, alpha=min(0.16, 0.45 / len(curves)), linewidth=0)
        label = f"{name}: {len(own)} patients, {int(own['event'].sum())} events"
        above.step(time, steps["survival"], where="post", color=colour, linewidth=2.2, label=label)
        above.plot(censored["time_days"] / length, censored["survival"], "|", color=colour, markersize=8, markeredgewidth=1.1)
    dress_axes(above, subtitle, "", "survival probability")
    above.set_ylim(0, 1.03)
    above.set_xlim(0, horizon / length * 1.01)
    above.tick_params(labelbottom=True)
    above.legend(frameon=False, fontsize=10.5, loc="lower left", ncols=1 + len(curves) // 7)
    _write_at_risk(beneath, {name: patients.loc[groups == name, "time_days"] / length for name, _, _ in curves}, colours)
    beneath.set_xlabel(f"time ({unit})", fontsize=11, color=INK)
    return figure


def describe_curves(survival: Survival) -> str:
    """Say what a reader of the Kaplan-Meier picture must know."""
    times = survival.patients.loc[survival.patients["part"] == "test", "time_days"]
    left = int((times > choose_horizon(times)).sum())
    cut = f"; not shown: the last follow-up of {left} patients" if left else ""
    p = survival.log_rank_p
    found = f"log-rank p {format_p(p)}" if np.isfinite(p) else "one cluster only: no log-rank test"
    return f"{found}; Kaplan-Meier with 95 % bands, ticks: censored{cut}"


def _write_at_risk(axes: Axes, times: Mapping[str, pd.Series], colours: Mapping[str, str]) -> None:
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= axes.get_xlim()[1]]
    axes.set_title("Patients at risk", loc="left", fontsize=10.5, color=MUTED)
    axes.set_ylim(len(times) - 0.5, -0.5)
    axes.set_yticks(range(len(times)), list(times), fontsize=10)
    for row, (name, text) in enumerate(zip(times, axes.get_yticklabels(), strict=True)):
        text.set(color=colours[name], fontweight="bold")
        for tick in ticks:
            axes.text(tick, row, str(int((times[name] >= tick).sum())), ha="center", va="center_baseline", fontsize=10, color=INK)
    axes.tick_params(length=0, labelbottom=False)
    axes.tick_params(axis="y", pad=16)
    for spine in axes.spines.values():
        spine.set_visible(False)


def format_p(p: float) -> str:
    """Write a p or q value with its relation sign."""
    return "< 0.001" if p < 0.001 else f"= {p:#.2g}"


def rank_latents(cox: pd.DataFrame, n: int = N_LATENTS) -> pd.DataFrame:
    """Latents with a finite interval, by descending |log hazard ratio| over its standard error (column ``strength``)."""
    usable = cox[np.isfinite(cox[["hazard_ratio", "low", "high"]]).all(axis=1) & (cox["low"] > 0)]
    error = np.log(usable["high"] / usable["low"]) / (2 * 1.959964)
    ranked = usable.assign(strength=np.log(usable["hazard_ratio"]).abs() / error.clip(lower=1e-12))
    return ranked.sort_values("strength", ascending=False, kind="stable").head(n)


def plot_cox(survival: Survival) -> Figure:
    """Draw hazard ratios of the latents with the strongest signal, with 95 % intervals."""
    top = rank_latents(survival.cox)
    train = survival.patients[survival.patients["part"] == "train"]
    figure = new_figure("Hazard ratio of one standard deviation of a latent", height=2.3 + 0.28 * max(len(top), 3))
    axes = figure.subplots()
    for row, latent in enumerate(top.itertuples()):
        colour = ENCODER if latent.q < 0.05 else MUTED
        axes.plot([latent.low, latent.high], [row, row], color=colour, linewidth=1.8, solid_capstyle="butt")
        axes.plot(latent.hazard_ratio, row, "s", color=colour, markersize=7, fillstyle="full" if latent.q < 0.05 else "none")
        text = f"{latent.hazard_ratio:.2f} [{latent.low:.2f}, {latent.high:.2f}]   q {format_p(latent.q)}"
        axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=10, color=INK)
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_xscale("log")
    counted = f"{len(train):,} train patients, {int(train['event'].sum()):,} events"
    subtitle = f"Cox regression of each latent alone, {counted}; the {len(top)} strongest latents, filled: q < 0.05"
    dress_axes(axes, subtitle, "hazard ratio with 95 % interval (log scale); above 1: worse", "", grid="x")
    _tick_ratios(axes, top)
    axes.set_yticks(range(len(top)), [str(name) for name in top.index])
    axes.set_ylim(len(top) - 0.4, -0.6)
    return figure


def _tick_ratios(axes: Axes, top: pd.DataFrame) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    ladder = np.array([0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10])
    low, high = (top["low"].min() / 1.03, top["high"].max() * 1.03) if len(top) else (0.5, 2.0)
    axes.set_xlim(min(low, 0.9), max(high, 1.11))
    shown = ladder[(ladder >= axes.get_xlim()[0]) & (ladder <= axes.get_xlim()[1])]
    axes.xaxis.set_major_locator(FixedLocator(list(shown)))
    axes.xaxis.set_major_formatter(lambda ratio, _: f"{ratio:g}")
    axes.xaxis.set_minor_locator(NullLocator())


# --- reconstruction and verdict ---------------------------------------------------------------------------------------


def plot_reconstruction(reconstruction: Reconstruction) -> Figure:
    """Draw the genes that are rebuilt worst, and the distribution of R2 over genes beside PCA's."""
    figure = new_figure("How well genes are rebuilt from the latent, on test samples", height=6.8)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
    _draw_worst_genes(left, reconstruction.worst_genes(N_GENES))
    _draw_gene_distribution(right, reconstruction)
    return figure


def _draw_worst_genes(axes: Axes, worst: pd.DataFrame) -> None:
    rows = np.arange(len(worst))
    values = worst[["r2", "r2_pca"]].to_numpy(dtype=float)
    low = max(float(np.nanmin(values, initial=0.0)) * 1.05, -1.0)
    bars = axes.barh(rows, worst["r2"], color=ENCODER, height=0.68)
    dots = axes.scatter(np.maximum(values[:, 1], low), rows, marker="D", color=PCA, s=42, edgecolors="white", linewidths=0.7, zorder=3)
    dots.set_clip_on(False)
    for row in rows[(values < low).any(axis=1)]:
        text = f"encoder {values[row, 0]:.2f}, PCA {values[row, 1]:.2f}".replace("-", "−")
        axes.text(low * 0.97, row, text, va="center", fontsize=9, color="white" if values[row, 0] < 0.6 * low else INK)
    axes.axvline(0, color=INK, linewidth=0.9)
    dress_axes(axes, f"The {len(worst)} genes rebuilt worst", "R² of the gene (0: no better than its train mean)", "", grid="x")
    axes.set_yticks(rows, [plain_text(gene, 18) for gene in worst.index])
    axes.set_ylim(len(worst) - 0.4, -0.6)
    axes.set_xlim(min(low, -0.02), max(float(np.nanmax(values, initial=0.0)) * 1.08, 0.05))
    axes.legend([bars, dots], ["encoder", "PCA"], frameon=False, fontsize=10.5, loc="upper left", bbox_to_anchor=(-0.02, -0.12), ncols=2,
                borderaxespad=0.0)  # fmt: skip


def _draw_gene_distribution(axes: Axes, reconstruction: Reconstruction) -> None:
    genes = reconstruction.genes[["r2", "r2_pca"]].dropna()
    low = float(np.floor(20 * min(0.0, np.quantile(genes, 0.005))) / 20) if len(genes) else 0.0
    bins = np.linspace(low, 1, 36).tolist()
    for column, name, colour in (("r2", "encoder", ENCODER), ("r2_pca", "PCA", PCA)):
        values = genes[column].clip(lower=low)
        median = float(genes[column].median())
        axes.hist(values, bins=bins, histtype="stepfilled", color=colour, alpha=0.14)
        axes.hist(values, bins=bins, histtype="step", color=colour, linewidth=1.8, label=f"{name}: median {median:.3f}")
        axes.axvline(median, color=colour, linewidth=1.5, linestyle=(0, (5, 3)))
    gathered = f" (first bar: all below {bins[1]:.2f})".replace("-", "−") if len(genes) and (genes < low).any(axis=None) else ""
    scores = reconstruction.scores["r2"]
    overall = f"over all values: encoder {scores['encoder']:.3f}, PCA {scores['pca']:.3f}"
    dress_axes(axes, f"R² of {len(genes):,} genes; {overall}", "R² of the gene" + gathered, "genes", grid="y")
    axes.set_xlim(low, 1)
    axes.legend(frameon=False, fontsize=10.5, loc="upper left")


def plot_verdict(verdict: Verdict) -> Figure:
    """Draw the differences between encoder and baselines, task by task, with 95 % intervals."""
    rows = verdict.rows
    heads = rows.index[~rows["task"].duplicated()]
    places = np.arange(len(rows)) + 0.9 * (~rows["task"].duplicated()).cumsum().to_numpy()
    figure = new_figure("The encoder beside its baselines, on test samples", height=2.2 + 0.34 * places[-1])
    axes = figure.subplots()
    for place, row in zip(places, rows.itertuples(), strict=True):
        colour = colour_outcome(row.outcome)
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot(row.difference, place, "o", color=colour, markersize=7.5, markeredgecolor="white")
        text = f"{format_difference(row)}   {row.outcome}"
        axes.text(1.02, place, text, transform=axes.get_yaxis_transform(), va="center", fontsize=10, color=INK)
    for place, row in zip(places[heads], rows.loc[heads].itertuples(), strict=True):
        text = f"{row.task}: {name_quantity(row.quantity)} {row.encoder:.3f} [{row.encoder_low:.3f}, {row.encoder_high:.3f}]"
        axes.text(-0.01, place - 0.9, text, transform=axes.get_yaxis_transform(), ha="left", va="center", fontsize=10.5, fontweight="bold",
                  color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 2.5})  # fmt: skip
    axes.axvline(0, color=INK, linewidth=1)
    subtitle = "paired bootstrap over the groups of the test samples, 95 % intervals; right of 0: the encoder is better"
    dress_axes(axes, subtitle, "difference of the scores, encoder minus baseline", "", grid="x")
    axes.set_yticks(places, [f"{row.baseline} {format_score(row.baseline_score)}" for row in rows.itertuples()])
    axes.set_ylim(places[-1] + 0.7, -0.6)
    reach = float(np.nanmax(np.abs(rows[["low", "high", "difference"]].to_numpy(dtype=float)), initial=0.01)) * 1.12
    axes.set_xlim(-reach, reach)
    axes.axvspan(0, reach, color=GRID, alpha=0.25, zorder=0, linewidth=0)
    return figure


def join_names(names: Iterable[str]) -> str:
    """Names of baselines as a sentence has them: those with as many components first."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def colour_outcome(outcome: str) -> str:
    """Colour of a row of the verdict: who is better."""
    return ENCODER if outcome.startswith("above") else PCA if outcome.startswith("below") else MUTED


def name_quantity(quantity: str) -> str:
    """Name of a quantity as it is printed."""
    return quantity.replace("R2", "R²")


def format_difference(row: Any) -> str:
    """Difference and interval of a row of the verdict, with true minus signs."""
    if not math.isfinite(row.difference):
        return "–"
    difference, low, high = (f"{round(number, 3) + 0.0:+.3f}" for number in (row.difference, row.low, row.high))
    return f"{difference} [{low}, {high}]".replace("-", "−")


def format_score(score: float) -> str:
    """Score to three decimals, with a true minus sign; a dash where it is undefined."""
    return f"{round(score, 3) + 0.0:.3f}".replace("-", "−") if math.isfinite(score) else "–"
