"""The tables of results in the README."""

from __future__ import annotations

import pandas as pd

from experiments.keeping import list_head, list_line

N_NAMED = 5
"""Units and genes that are named."""


def list_scores(scores: pd.DataFrame) -> list[str]:
    """Lines of a table: mean squared error on test samples in thousandths, mean (standard
    deviation) over splits, the lowest in bold.
    """
    methods = list(dict.fromkeys(scores["representation"]))
    lines = list_head(["cohort", "latents", *methods])
    for (cohort, k), rows in scores.groupby(["cohort", "k"], sort=False):
        errors = 1e3 * rows.pivot(index="seed", columns="representation", values="mse").reindex(
            columns=methods
        )
        means, spreads = errors.mean(), errors.std()
        cells = []
        for name in methods:
            text = (
                ""
                if pd.isna(means[name])
                else f"{means[name]:.2f}" + (f" ({spreads[name]:.2f})" if len(errors) > 1 else "")
            )
            cells.append(f"**{text}**" if name == means.round(6).idxmin() else text)
        lines.append(list_line([cohort, k, *cells]))
    return lines


def list_times(scores: pd.DataFrame) -> list[str]:
    """Lines of a table: seconds of one fit on one core, mean over splits."""
    methods = list(dict.fromkeys(scores["representation"]))
    means = scores.pivot_table(
        index=["cohort", "k"], columns="representation", values="seconds", sort=False
    ).reindex(columns=methods)
    lines = list_head(["cohort", "latents", *methods])
    for at, row in means.iterrows():
        lines.append(list_line([*at, *("" if pd.isna(value) else f"{value:.1f}" for value in row)]))
    return lines


def list_enriched(enriched: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    """Lines of a table: units of which a gene set is enriched among the genes of high weight, and
    sets found at all.
    """
    lines = list_head(["cohort", "method", "units with an enriched set", "sets found", "strongest"])
    examined = scores[scores["examined"]]
    for _, row in examined.iterrows():
        own = enriched[
            (enriched["cohort"] == row["cohort"])
            & (enriched["representation"] == row["representation"])
        ]
        strongest = ", ".join(_tidy(one) for one in own["gene_set"].drop_duplicates().head(3))
        found = f"{own['node'].nunique()} of {row['k']}"
        lines.append(
            list_line(
                [row["cohort"], row["representation"], found, own["gene_set"].nunique(), strongest]
            )
        )
    return lines


def list_units(cohort: str, units: pd.DataFrame, genes: pd.DataFrame, published: str) -> list[str]:
    """Lines on one published network: its most and least active units, silent ones, and the genes
    that it rebuilds worst beside PCA.
    """
    silent = int((units["sd"] < 1e-6).sum())
    active, least = (
        [f"{name} ({row['share']:.1%})" for name, row in part.iterrows()]
        for part in (units.head(N_NAMED), units.tail(N_NAMED))
    )
    loss = genes[published]
    return [
        f"- **{cohort}**, {len(units)} units: most active {', '.join(active)}; least active "
        f"{', '.join(least)}; {silent} silent. "
        f"Loss of a gene: median {loss.median():.4f}, largest {loss.max():.4f} "
        f"({', '.join(loss.nlargest(N_NAMED).index)}); PCA rebuilds "
        f"{(genes['PCA'] < loss).mean():.0%} of the genes better."
    ]


def _tidy(name: str) -> str:
    return name.removeprefix("HALLMARK_").replace("_", " ").lower()
