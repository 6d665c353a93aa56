"""One contrast: computed by itself, in any process, and kept as a file until all are there."""

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
"""What a contrast says of each gene."""
MIN_SIGNIFICANT = 5
"""Significant genes that a contrast needs for a gene set to label it: of fewer a single one would do."""


@dataclass(frozen=True)
class Recipe:
    """What all contrasts have in common.

    Parameters
    ----------
    config : ContrastConfig
    scale : str
        Value scale of the expression.
    columns : ndarray of int, (n_genes,)
        Columns of the cohort that are genes of the compendium.
    members : sparse array, (n_sets, n_genes)
        1 where a gene is in a set; no rows without gene sets.
    """

    config: ContrastConfig
    scale: str
    columns: np.ndarray
    members: sparse.csr_array


def make_part(contrast: Contrast, X: np.ndarray, recipe: Recipe, path: Path) -> str:
    """Contrast the samples X (n_samples, n_columns) and write the part; why it cannot be done, or "" if it is.

    A part is an ``.npz`` with each of ``STATISTICS`` (n_genes,) as float32, ``terms`` (n_sets,) of bool and ``row``, the contrast's row
    of the table as JSON.
    """
    values = _take_logarithms(X, recipe.scale)[:, recipe.columns]
    found = moderate(values, contrast.is_case, contrast.block)
    if not np.isfinite(found.p).any():
        return "no gene has values enough in both groups to be tested"
    significant = (found.q < recipe.config.alpha) & (np.abs(found.log2fc) >= recipe.config.min_log2fc)
    terms = find_terms(recipe.members, significant, np.isfinite(found.p), recipe.config.term_alpha)
    row = _describe(contrast, found, significant, bool(recipe.config.pair))
    arrays = {name: getattr(found, name).astype(np.float32) for name in STATISTICS}
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, terms=terms, row=np.array(json.dumps(row)), **arrays)
    temporary.replace(path)
    return ""


def find_terms(members: sparse.csr_array, significant: np.ndarray, tested: np.ndarray, alpha: float) -> np.ndarray:
    """Gene sets (n_sets,) of bool that are over-represented among the significant genes, up and down together.

    The p is the upper tail of the hypergeometric distribution, with the genes that were tested in this contrast as background.
    """
    if members.shape[0] == 0 or significant.sum() < MIN_SIGNIFICANT:
        return np.zeros(members.shape[0], dtype=bool)
    places = np.flatnonzero(tested)
    return score_overlaps(members[:, places], significant[places, None])[1][:, 0] < alpha


def _take_logarithms(X: np.ndarray, scale: str) -> np.ndarray:
    """Logarithms of linear values (n_samples, n_columns), as preprocessing takes them: log2(counts per million + 1), log2(x + 1)."""
    if scale == "counts":
        return np.log2(X * (1e6 / np.nansum(X, axis=1, dtype=np.float64, keepdims=True)) + 1)
    return np.log2(X + 1) if scale in LINEAR else X


def _describe(contrast: Contrast, found: ModeratedT, significant: np.ndarray, paired: bool) -> dict[str, object]:
    return {
        "contrast": contrast.name,
        "dataset": contrast.dataset,
        "case": contrast.case,
        "control": contrast.control,
        "n_case": int(contrast.is_case.sum()),
        "n_control": int((~contrast.is_case).sum()),
        "n_pairs": contrast.n_pairs if paired else 0,
        "n_tested": int(np.isfinite(found.p).sum()),
        "n_up": int((significant & (found.log2fc > 0)).sum()),
        "n_down": int((significant & (found.log2fc < 0)).sum()),
        "n_significant": int(significant.sum()),
        "prior_df": found.prior_df,
        "prior_sd": float(np.sqrt(found.prior_variance)),
    }
