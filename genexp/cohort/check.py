"""Checks of the values of a cohort: finite, and not missing without a policy for missing ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some

ROWS_AT_A_TIME = 64


def check_values(X: np.ndarray, genes: Sequence[str] | pd.Index, missing: str) -> tuple[np.ndarray, float, float]:
    """Refuse infinite values, and missing ones unless a policy is given.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_genes)
    genes : sequence of str, (n_genes,)
    missing : {"refuse", "drop_gene", "impute_mean"}

    Returns
    -------
    n_missing : ndarray of int, (n_genes,)
        Missing values of each gene.
    low, high : float
        Smallest and largest value.

    Raises
    ------
    CohortError
        Values are infinite, all are missing, or some are missing and ``missing`` is ``refuse``.
    """
    n_missing = np.zeros(X.shape[1], dtype=np.int64)
    n_infinite, low, high = 0, np.inf, -np.inf
    for start in range(0, len(X), ROWS_AT_A_TIME):
        block = X[start : start + ROWS_AT_A_TIME]
        smallest, largest = float(block.min()), float(block.max())
        if not np.isfinite(smallest + largest):  # NaN spreads through min and max
            n_missing += np.isnan(block).sum(axis=0)
            n_infinite += int(np.isinf(block).sum())
            block = block[np.isfinite(block)]
            smallest, largest = float(block.min(initial=np.inf)), float(block.max(initial=-np.inf))
        low, high = min(low, smallest), max(high, largest)
    if n_infinite:
        raise CohortError(f"found {n_infinite} infinite values; expected finite numbers: was a logarithm taken of 0?")
    if not np.isfinite(low):
        raise CohortError("the matrix has no values: all are missing")
    incomplete = np.flatnonzero(n_missing)
    if len(incomplete) and missing == "refuse":
        raise CohortError(
            f"found {n_missing.sum()} missing values in genes {name_some(genes[int(i)] for i in incomplete)}; "
            "say what to do: missing=drop_gene leaves these genes out, missing=impute_mean takes the gene's mean over train samples"
        )
    return n_missing, low, high
