"""Rankings of genes side by side: between methods, between splits, and where genes known from
tumours stand.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.keeping import list_head, list_line
from experiments.tumor_normal.compare import T_TEST
from genexp.explain.attribution import TOP, compare_rankings

KNOWN = ("TOP2A", "BIRC5", "MYBL2", "COL10A1", "MMP1")
"""Genes that rise in these tumours by three doublings and more."""
N_LEADERS = 10


def compare_genes(genes: pd.DataFrame, checks: pd.DataFrame) -> list[str]:
    """Lines of a table: how far rankings by size agree between splits, with the first method and
    with the t statistic; and checks.

    Parameters
    ----------
    genes : DataFrame, (n_splits * n_genes, n_methods)
        Signed strengths, index split and gene; a gene that a split has lost is left out.
    checks : DataFrame, (n_splits * n_orders, 3)
        Index split and method: ``completeness_delta``, ``deletion`` and ``insertion``.
    """
    titles = [
        "between splits",
        f"top {TOP} shared",
        f"with {_title(genes.columns[0])}",
        f"with the {T_TEST}",
    ]
    lines = list_head(["method", *titles, "completeness delta", "deletion", "insertion"])
    for method, found in checks.groupby("method", sort=False).mean().iterrows():
        rankings = [np.nan] * len(titles)
        if method in genes:
            between = compare_rankings(genes[method].unstack("split").dropna().abs().to_numpy().T)
            rankings = [
                *between,
                *(agree(genes, str(method), str(other)) for other in (genes.columns[0], T_TEST)),
            ]
        numbers = [*rankings, *found[["completeness_delta", "deletion", "insertion"]]]
        lines.append(
            list_line(
                [
                    _title(method),
                    *("" if np.isnan(number) else f"{number:.3f}" for number in numbers),
                ]
            )
        )
    return lines


def _title(method: object) -> str:
    return str(method).replace("_", " ")


def agree(genes: pd.DataFrame, one: str, other: str) -> float:
    """Mean over splits of the Spearman correlation of two methods' sizes."""
    each = (
        [
            compare_rankings(rows[[one, other]].abs().to_numpy().T)[0]
            for _, rows in genes.groupby("split")
        ]
        if one != other
        else [np.nan]
    )
    return float(np.mean(each))


def list_leaders(genes: pd.DataFrame) -> list[str]:
    """Lines of a table: the genes with the lowest mean rank over splits, with their direction."""
    lines = list_head(["method", f"leading {N_LEADERS} genes (+ higher in tumours, − lower)"])
    for method in genes:
        mean, rank = genes[method].groupby("gene").mean(), rank_genes(genes[method])
        top = rank.nsmallest(N_LEADERS).index
        lines.append(
            list_line(
                [
                    _title(method),
                    ", ".join(f"{gene} {'+' if mean[gene] > 0 else '−'}" for gene in top),
                ]
            )
        )
    return lines


def pick_leaders(genes: pd.DataFrame) -> pd.DataFrame:
    """Mean strength over splits of the genes that are among the first ``TOP`` of a method."""
    first = pd.DataFrame(
        {method: rank_genes(genes[method]).rank(method="first") <= TOP for method in genes}
    )
    return genes.groupby("gene").mean()[first.any(axis=1)]


def rank_genes(strength: pd.Series) -> pd.Series:
    """Mean over splits of the place of every gene by size, the largest first."""
    return strength.abs().groupby("split").rank(ascending=False).groupby("gene").mean()


def find_known(genes: pd.DataFrame) -> list[str]:
    """Lines of a table: mean place of the known genes; none where the cohort has none of them."""
    there = [gene for gene in KNOWN if gene in genes.index.get_level_values("gene")]
    if not there:
        return []
    lines = list_head(["mean place among the genes", *there])
    for method in genes:
        rank = rank_genes(genes[method])
        lines.append(list_line([_title(method), *(f"{rank[gene]:.0f}" for gene in there)]))
    return lines
