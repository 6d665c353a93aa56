"""One contrast: computed independently, in any process, and stored as a file until all are done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from genexp.cohort.scale import LINEAR
from genexp.contrasts.design import Contrast
from genexp.contrasts.moderated_t import ModeratedT, moderate
from genexp.names.gene_sets import score_overlaps
from genexp.settings.contrasts import ContrastConfig

STATISTICS = ("log2fc", "t", "p", "q")
"""Statistics of a contrast for each gene."""
MIN_SIGNIFICANT = 5
"""Smallest number of significant genes for gene-set labels: with fewer, a single gene would make a
set significant."""


@dataclass(frozen=True)
class Recipe:
    """Settings that all contrasts share.

    Parameters
    ----------
    config : ContrastConfig
    scale : str
        Value scale of the expression.
    columns : ndarray of int, (n_genes,)
        Columns of the cohort that become genes of the compendium.
    members : sparse array, (n_sets, n_genes)
        1 where a gene is in a set; no rows without gene sets.
    """

    config: ContrastConfig
    scale: str
    columns: np.ndarray
    members: sparse.csr_array


def make_part(contrast: Contrast, X: np.ndarray, recipe: Recipe, path: Path) -> str:
    """Contrast the samples X (n_samples, n_columns) and write the part; return the reason of a
    failure, or "".

    A part is an ``.npz`` with each of ``STATISTICS`` (n_genes,) as float32, ``terms`` (n_sets,) of
    bool and ``row``, the contrast's row of the table as JSON.
    """
    values = _take_logarithms(X, recipe.scale)[:, recipe.columns]
    result = moderate(values, contrast.is_case, contrast.block)
    if not np.isfinite(result.p).any():
        return "no gene has enough values in both groups to be tested"
    significant = (result.q < recipe.config.alpha) & (
        np.abs(result.log2fc) >= recipe.config.min_log2fc
    )
    terms = find_terms(recipe.members, significant, np.isfinite(result.p), recipe.config.term_alpha)
    row = _describe(contrast, result, significant, bool(recipe.config.pair))
    arrays = {name: getattr(result, name).astype(np.float32) for name in STATISTICS}
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, terms=terms, row=np.array(json.dumps(row)), **arrays)
    temporary.replace(path)
    return ""


def find_terms(
    members: sparse.csr_array, significant: np.ndarray, tested: np.ndarray, alpha: float
) -> np.ndarray:
    """Find gene sets (n_sets,; bool) that are over-represented among the significant genes, up and
    down together.

    The p is the upper tail of the hypergeometric distribution, with the tested genes of this
    contrast as background.
    """
    if members.shape[0] == 0 or significant.sum() < MIN_SIGNIFICANT:
        return np.zeros(members.shape[0], dtype=bool)
    index = np.flatnonzero(tested)
    return score_overlaps(members[:, index], significant[index, None])[1][:, 0] < alpha


def _take_logarithms(X: np.ndarray, scale: str) -> np.ndarray:
    """Take logarithms of linear values (n_samples, n_columns), as preprocessing does: log2(counts
    per million + 1), log2(x + 1).
    """
    if scale == "counts":
        return np.log2(X * (1e6 / np.nansum(X, axis=1, dtype=np.float64, keepdims=True)) + 1)
    return np.log2(X + 1) if scale in LINEAR else X


def _describe(
    contrast: Contrast, result: ModeratedT, significant: np.ndarray, paired: bool
) -> dict[str, object]:
    return {
        "contrast": contrast.name,
        "dataset": contrast.dataset,
        "case": contrast.case,
        "control": contrast.control,
        "n_case": int(contrast.is_case.sum()),
        "n_control": int((~contrast.is_case).sum()),
        "n_pairs": contrast.n_pairs if paired else 0,
        "n_tested": int(np.isfinite(result.p).sum()),
        "n_up": int((significant & (result.log2fc > 0)).sum()),
        "n_down": int((significant & (result.log2fc < 0)).sum()),
        "n_significant": int(significant.sum()),
        "prior_df": result.prior_df,
        "prior_sd": float(np.sqrt(result.prior_variance)),
    }
