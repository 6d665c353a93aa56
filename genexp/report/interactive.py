"""Interactive plots of the report, as plotly figures in plain dictionaries; plotly.js draws them in
the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from genexp.evaluation.clusters.kmeans import Clustering
from genexp.evaluation.discrimination import Discrimination, trace_roc
from genexp.evaluation.latents import DISPLAY
from genexp.evaluation.probe import Probe
from genexp.evaluation.projection import Embeddings
from genexp.evaluation.reconstruction import Reconstruction
from genexp.palette import (
    ENCODER,
    INK,
    MUTED,
    PCA,
    UNLABELLED,
    Mark,
    mark_batches,
    mark_clusters,
    mark_labels,
)
from genexp.report.figures.curves import choose_horizon, choose_time_unit, trace_curves
from genexp.report.figures.maps import MAPS, UNKNOWN, name_map_axes
from genexp.report.figures.survival import RISK_COLOURS
from genexp.survival.prognosis import Prognosis
from genexp.survival.regression import Survival
from genexp.verdict.evaluation import Evaluation
from genexp.verdict.heads import HeadResults

Plot = dict[str, Any]
"""A plotly figure: ``data`` and ``layout``."""
BLUES = [[0.0, "#F7FBFF"], [0.25, "#C6DBEF"], [0.5, "#6BAED6"], [0.75, "#2171B5"], [1.0, "#08306B"]]


def build_plots(evaluation: Evaluation) -> dict[str, Plot]:
    """Build every plot except the embeddings, by its id in the page."""
    results = evaluation.results
    clustering, probe, heads = (
        results.require(Clustering),
        results.get_result(Probe),
        results.get_result(HeadResults),
    )
    discrimination = results.get_result(Discrimination)
    survival, prognosis = results.get_result(Survival), results.get_result(Prognosis)
    plots = {
        "choice": plot_choice(clustering),
        "genes": plot_genes(results.require(Reconstruction)),
    }
    if clustering.contingency is not None:
        plots["composition"] = plot_counts(clustering.contingency, "cluster", "label")
    if probe is not None:
        plots["confusion"] = plot_counts(probe.confusion, "predicted label", "true label")
    if discrimination is not None:
        plots["roc"] = plot_roc(discrimination)
    for index, head in enumerate(heads.labels if heads is not None else ()):
        plots[f"confusion-head-{index}"] = plot_counts(
            head.confusion, f"{head.name} by the head", f"true {head.name}"
        )
    if survival is not None:
        patients = survival.patients
        colours = {
            name: mark.colour
            for name, mark in mark_clusters(sorted(patients["cluster"].unique())).items()
        }
        plots["kaplan_meier"] = plot_survival_curves(
            patients, survival.kaplan_meier, "cluster", colours
        )
    if prognosis is not None:
        plots["risk_groups"] = plot_survival_curves(
            prognosis.patients, prognosis.curves, "risk_group", RISK_COLOURS
        )
    return plots


def collect_samples(embeddings: Embeddings, batch: pd.Series | None = None) -> dict[str, Any]:
    """Collect the data of the embeddings for the script of the page: each sample once, groups as
    codes, coordinates to four digits.

    Returns
    -------
    dict
        ``ids``; ``parts`` (names by sample); ``groups``, by ``label`` and ``batch`` (where there is
        one) and ``cluster``: ``names``, ``colours``, ``symbols`` and ``codes`` (the group of each
        sample); ``maps``, by name: ``title``, ``x``, ``y``, ``axes``.
    """
    table = embeddings.coordinates
    groups = {
        "cluster": _code_groups(
            table["cluster"].astype(str), mark_clusters(sorted(table["cluster"].unique()))
        )
    }
    if batch is not None:
        groups = {"batch": _code_known(batch.loc[table.index], mark_batches, "(unknown)"), **groups}
    if table["label"].notna().any():
        groups = {"label": _code_known(table["label"], mark_labels, UNKNOWN), **groups}
    maps = {
        name: {
            "title": title,
            "x": _round_coordinates(table[f"{name}_1"]),
            "y": _round_coordinates(table[f"{name}_2"]),
            "axes": name_map_axes(embeddings, name),
            "ticks": name == "pca",
        }
        for name, title in MAPS.items()
    }
    return {
        "ids": table.index.astype(str).tolist(),
        "parts": table["part"].astype(str).tolist(),
        "groups": groups,
        "maps": maps,
    }


def _code_known(
    values: pd.Series, mark: Callable[[Iterable[object]], dict[str, Mark]], unknown: str
) -> dict[str, Any]:
    """Groups of the samples with a known value, and a grey group of the others."""
    coded = values.astype("category").cat.remove_unused_categories()
    marks = mark(coded.cat.categories)
    if coded.isna().any():
        marks[unknown] = Mark(UNLABELLED, "o", "circle")
    return _code_groups(coded.astype(object).fillna(unknown).astype(str), marks)


def _code_groups(values: pd.Series, marks: dict[str, Mark]) -> dict[str, Any]:
    codes = pd.Categorical(values, categories=list(marks)).codes
    return {
        "names": list(marks),
        "colours": [mark.colour for mark in marks.values()],
        "symbols": [mark.symbol for mark in marks.values()],
        "codes": codes.tolist(),
    }


def _round_coordinates(values: pd.Series) -> list[float]:
    """Round to about a ten-thousandth of the range: finer than a screen shows."""
    numbers = values.to_numpy(dtype=float)
    extent = float(np.ptp(numbers)) or 1.0
    return np.round(numbers, max(0, 4 - int(np.floor(np.log10(extent))))).tolist()


def _axis(title: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": title}, "automargin": True, **more}


def plot_choice(clustering: Clustering) -> Plot:
    """Silhouette over train samples by number of clusters."""
    colours = {"encoder": ENCODER, "pca": PCA}
    dashes = {
        "encoder": "solid",
        "pca": "dash",
        "nmf": "dashdot",
        "random": "longdash",
        "raw": "dot",
    }
    lines = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": DISPLAY[str(name)],
            "x": clustering.choice.index.tolist(),
            "y": _finite(column),
            "line": {"color": colours.get(str(name), MUTED), "dash": dashes[str(name)]},
            "hovertemplate": "k = %{x}: %{y:.3f}",
        }
        for name, column in clustering.choice.items()
    ]
    marker = {
        "type": "line",
        "x0": clustering.k,
        "x1": clustering.k,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": INK, "dash": "dot"},
    }
    layout = {
        "xaxis": _axis("number of clusters k", dtick=1),
        "yaxis": _axis("silhouette, train samples"),
        "shapes": [marker],
    }
    return {"data": lines, "layout": layout}


def _finite(values: pd.Series) -> list[float | None]:
    return [round(float(value), 5) if np.isfinite(value) else None for value in values]


def plot_counts(counts: pd.DataFrame, x: str, y: str) -> Plot:
    """Heat map of counts, coloured by the share of each row."""
    totals = np.maximum(counts.sum(axis=1).to_numpy(), 1)[:, None]
    shares = np.round(counts.to_numpy() / totals, 4)
    heat = {
        "type": "heatmap",
        "x": [escape(str(name)) for name in counts.columns],
        "y": [escape(str(name)) for name in counts.index],
        "z": shares.tolist(),
        "text": counts.to_numpy().tolist(),
        "texttemplate": "%{text}" if counts.shape[1] <= 12 else "",
        "hovertemplate": (
            f"{y} %{{y}}<br>{x} %{{x}}<br>%{{text}} samples (%{{z:.1%}})<extra></extra>"
        ),
        "zmin": 0,
        "zmax": 1,
        "colorscale": BLUES,
        "xgap": 1.5,
        "ygap": 1.5,
        "colorbar": {
            "tickformat": ".0%",
            "title": {"text": "share of row"},
            "thickness": 12,
            "outlinewidth": 0,
        },
    }
    axes = {
        "xaxis": _axis(x, type="category", showgrid=False),
        "yaxis": _axis(y, type="category", showgrid=False, autorange="reversed"),
    }
    return {
        "data": [heat],
        "layout": {**axes, "height": int(np.clip(160 + 34 * len(counts), 330, 900))},
    }


def plot_roc(discrimination: Discrimination) -> Plot:
    """ROC curve of each class against the rest; a click on a class hides it."""
    marks = mark_labels(sorted(map(str, discrimination.per_class.index)))
    lines = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"{escape(str(name))}: {discrimination.per_class.loc[name, 'auroc']:.3f}",
            "x": np.round(misses, 4).tolist(),
            "y": np.round(hits, 4).tolist(),
            "line": {"color": marks[str(name)].colour, "width": 2},
            "hovertemplate": "false positive rate %{x:.3f}, true positive rate %{y:.3f}",
        }
        for name in discrimination.per_class["auroc"].dropna().index
        for misses, hits in [trace_roc(discrimination, str(name))]
    ]
    axes = {
        "xaxis": _axis("false positive rate", range=[-0.02, 1.02]),
        "yaxis": _axis("true positive rate", range=[-0.02, 1.03]),
    }
    return {"data": lines, "layout": {**axes, "height": 430}}


def plot_survival_curves(
    patients: pd.DataFrame, curves: pd.DataFrame, by: str, colours: Mapping[str, str]
) -> Plot:
    """Kaplan-Meier curves of the test patients with bands and censor marks; a click on a group
    hides it.
    """
    patients = patients[patients["part"] == "test"]
    horizon = choose_horizon(patients["time_days"])
    unit, length = choose_time_unit(horizon)
    traces: list[dict[str, Any]] = []
    for name, steps, censored in trace_curves(patients, curves, by):
        colour, group = colours[str(name)], f"cluster {name}" if by == "cluster" else f"{name} risk"
        time = (steps["time_days"] / length).round(4).tolist()
        step = {
            "type": "scatter",
            "mode": "lines",
            "x": time,
            "legendgroup": group,
            "showlegend": False,
            "hoverinfo": "skip",
        }
        edge = {"shape": "hv", "width": 0, "color": colour}
        traces += [
            {**step, "y": _finite(steps["low"]), "line": edge},
            {
                **step,
                "y": _finite(steps["high"]),
                "line": edge,
                "fill": "tonexty",
                "fillcolor": _fade(colour),
            },
            {
                **step,
                "y": _finite(steps["survival"]),
                "line": {"shape": "hv", "width": 2.5, "color": colour},
                "name": group,
                "showlegend": True,
                "hoverinfo": "all",
                "hovertemplate": f"%{{x:.2f}} {unit}: %{{y:.3f}}",
            },
            {
                **step,
                "mode": "markers",
                "x": (censored["time_days"] / length).round(4).tolist(),
                "y": _finite(censored["survival"]),
                "marker": {"symbol": "line-ns", "size": 8, "line": {"color": colour, "width": 1.3}},
            },
        ]
    xaxis = _axis(f"time ({unit})", range=[0, horizon / length * 1.01])
    return {
        "data": traces,
        "layout": {
            "xaxis": xaxis,
            "yaxis": _axis("survival probability", range=[0, 1.03]),
            "height": 460,
        },
    }


def _fade(colour: str, opacity: float = 0.12) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def plot_genes(reconstruction: Reconstruction) -> Plot:
    """Distribution of R2 over genes, encoder and PCA."""
    genes = reconstruction.genes[["r2", "r2_pca"]].dropna()
    low = float(np.floor(20 * min(0.0, np.quantile(genes, 0.005))) / 20) if len(genes) else 0.0
    edges = np.linspace(low, 1, 41)
    lines = []
    for column, name, colour in (("r2", "encoder", ENCODER), ("r2_pca", "PCA", PCA)):
        counts, _ = np.histogram(genes[column].clip(lower=low), bins=edges)
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{name}: median {genes[column].median():.3f}",
                "x": np.round(edges, 4).tolist(),
                "y": [*counts.tolist(), 0],
                "line": {"shape": "hv", "color": colour, "width": 2},
                "fill": "tozeroy",
                "fillcolor": _fade(colour),
                "hovertemplate": "R² from %{x:.2f}: %{y} genes",
            }
        )
    return {
        "data": lines,
        "layout": {
            "xaxis": _axis(
                f"R² of the gene (lower values at the left end, {low:.2f})".replace("-", "−")
            ),
            "yaxis": _axis("genes"),
        },
    }
