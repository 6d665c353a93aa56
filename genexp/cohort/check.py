"""Checks of the values of a cohort: finite, and not missing without a policy for missing ones."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some

ROWS_AT_A_TIME = 64
MIN_GENES = 20
"""Genes from which on distinct whole numbers without gaps are row numbers, and not expression."""

FRACTION = re.compile(r"-?\d+\.\d*[1-9]\d*")
"""A number with a fraction, as values have and names have not."""


def check_values(
    X: np.ndarray, samples: Sequence[str] | pd.Index, genes: Sequence[str] | pd.Index, missing: str
) -> tuple[np.ndarray, float, float]:
    """Refuse infinite values, and missing ones unless a policy is given.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_genes)
    samples : sequence of str, (n_samples,)
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
        Values are infinite, all of a sample are missing, or some are missing and ``missing`` is
        ``refuse``.
    """
    n_missing = np.zeros(X.shape[1], dtype=np.int64)
    n_infinite, low, high, empty = 0, np.inf, -np.inf, list[int]()
    for start in range(0, len(X), ROWS_AT_A_TIME):
        block = X[start : start + ROWS_AT_A_TIME]
        smallest, largest = float(block.min()), float(block.max())
        if not np.isfinite(smallest + largest):  # NaN spreads through min and max
            n_missing += np.isnan(block).sum(axis=0)
            empty += (start + np.flatnonzero(np.isnan(block).all(axis=1))).tolist()
            n_infinite += int(np.isinf(block).sum())
            block = block[np.isfinite(block)]
            smallest, largest = float(block.min(initial=np.inf)), float(block.max(initial=-np.inf))
        low, high = min(low, smallest), max(high, largest)
    if n_infinite:
        raise CohortError(
            f"found {n_infinite} infinite values; expected finite numbers: was a logarithm "
            "taken of 0?"
        )
    if not np.isfinite(low):
        raise CohortError("the matrix has no values: all are missing")
    if empty:
        raise CohortError(
            f"found no value for {len(empty)} of {len(samples)} samples "
            f"({name_some(samples[i] for i in empty)}); expected values in every "
            "sample: are all titles above their columns? Take samples without values out of "
            "the file, or leave them out with where="
        )
    incomplete = np.flatnonzero(n_missing)
    if len(incomplete) and missing == "refuse":
        raise CohortError(
            f"found {n_missing.sum()} missing values in genes "
            f"{name_some(genes[int(i)] for i in incomplete)}; "
            "say what to do: missing=drop_gene leaves these genes out, missing=impute_mean "
            "takes the gene's mean over train samples"
        )
    return n_missing, low, high


def refuse_counters(X: np.ndarray, samples: Sequence[str] | pd.Index) -> None:
    """Refuse samples that count the genes: each whole number from 1 to their number once, as a
    column of row numbers has.

    Where most samples do so, their values are ranks.

    Raises
    ------
    CohortError
        Names the samples.
    """
    if X.shape[1] < MIN_GENES:
        return
    span = X.max(axis=1) - X.min(axis=1) + 1
    # Genes that were left out leave gaps of a few numbers
    candidates: list[int] = np.flatnonzero(
        (span >= X.shape[1]) & (span <= 1.1 * X.shape[1])
    ).tolist()
    counters = [
        i for i in candidates if (X[i] % 1 == 0).all() and len(np.unique(X[i])) == X.shape[1]
    ]
    if counters and 2 * len(counters) < len(X):
        raise CohortError(
            f"found {len(counters)} samples that count the genes "
            f"({name_some(samples[i] for i in counters)}): each whole number once. "
            "Columns of row numbers are no samples: take them out of the file"
        )


def refuse_values_as_names(genes: Sequence[str] | pd.Index) -> None:
    """Refuse genes most of whose names are numbers with a fraction: a line of values was read as
    the heading.

    Raises
    ------
    CohortError
        Names some of them.
    """
    values = [str(gene) for gene in genes if FRACTION.fullmatch(str(gene))]
    if 2 * len(values) > len(genes):
        raise CohortError(
            f"found values where the names of genes are expected ({name_some(values)}); is the "
            "heading of the file missing? Add a first line that names the columns"
        )
