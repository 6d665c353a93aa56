"""Whether values are those of a cohort, and on which scale.

The rule by which a scale is inferred (``scale=auto``), from all values but missing ones:

1. No value below 0: within [0, 1] it is ``zero_one``; whole numbers, or values above 40, are ``counts`` (2^40 is more than any
   sequencer counts, so such values are linear); all else is ``log2_norm_count``.
2. Values below 0 and genes whose typical median is above 1: ``log2_tpm``, logarithms of expression with an offset below 1.
3. Values below 0 and genes centred near 0: ``zscore`` when the genes have one spread (median standard deviation of genes
   in [0.5, 2], and the 90th percentile less than 2.5 times the 10th) or values beyond +-40, which no fold change reaches; else ``log2fc``.

A compendium of fold changes whose genes all vary alike would pass for z-scores: the ambiguous case, for which the scale can be declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some

ROWS_AT_A_TIME = 64
MAX_LOG2 = 40.0
MIN_LOG2_TPM = -15.0
REMEDY = "declare the scale that the file has, or correct the file"


@dataclass(frozen=True)
class Values:
    """What one pass over a matrix (n_samples, n_genes) finds; missing values are left out of all but their count.

    Parameters
    ----------
    n_missing : ndarray of int, (n_genes,)
        Missing values of each gene.
    n_infinite, n_negative : int
        Number of such values.
    low, high : float
        Smallest and largest value.
    whole : bool
        Whether all values are whole numbers.
    gene_median, gene_sd : ndarray of float, (n_sampled_genes,)
        Of at most 2,000 evenly spaced genes over at most 400 evenly spaced samples.
    """

    n_missing: np.ndarray
    n_infinite: int
    n_negative: int
    low: float
    high: float
    whole: bool
    gene_median: np.ndarray
    gene_sd: np.ndarray


def summarise_values(X: np.ndarray) -> Values:
    """Look at X (n_samples, n_genes) once, a few rows at a time."""
    n_missing = np.zeros(X.shape[1], dtype=np.int64)
    n_infinite = n_negative = 0
    low, high, whole = np.inf, -np.inf, True
    for start in range(0, len(X), ROWS_AT_A_TIME):
        block = X[start : start + ROWS_AT_A_TIME]
        smallest, largest = float(block.min()), float(block.max())
        if not np.isfinite(smallest + largest):  # NaN spreads through min and max
            n_missing += np.isnan(block).sum(axis=0)
            n_infinite += int(np.isinf(block).sum())
            block = block[np.isfinite(block)]
            smallest, largest = float(block.min(initial=np.inf)), float(block.max(initial=-np.inf))
        low, high = min(low, smallest), max(high, largest)
        n_negative += int((block < 0).sum()) if smallest < 0 else 0
        whole = whole and bool((block == np.rint(block)).all())
    return Values(n_missing, n_infinite, n_negative, low, high, whole, *_describe_genes(X))


def _describe_genes(X: np.ndarray, n_rows: int = 400, n_columns: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = (np.linspace(0, n - 1, min(n, most)).astype(int) for n, most in zip(X.shape, (n_rows, n_columns), strict=True))
    sampled = X[np.ix_(rows, columns)].astype(np.float64)
    sampled = sampled[:, np.isfinite(sampled).sum(axis=0) >= 2]
    sampled[np.isinf(sampled)] = np.nan
    return np.nanmedian(sampled, axis=0), np.nanstd(sampled, axis=0)


def check_values(values: Values, genes: Sequence[str] | pd.Index, missing: str) -> None:
    """Refuse infinite values, and missing ones unless a policy is given."""
    if values.n_infinite:
        raise CohortError(f"found {values.n_infinite} infinite values; expected finite numbers: was a logarithm taken of 0?")
    if not np.isfinite(values.low):
        raise CohortError("the matrix has no values: all are missing")
    incomplete = np.flatnonzero(values.n_missing)
    if len(incomplete) and missing == "refuse":
        raise CohortError(
            f"found {values.n_missing.sum()} missing values in genes {name_some(genes[int(i)] for i in incomplete)}; "
            "say what to do: missing=drop_gene leaves these genes out, missing=impute_mean takes the gene's mean over train samples"
        )


def infer_scale(values: Values) -> tuple[str, str]:
    """Scale by the rule above, and the reason."""
    span = f"values from {values.low:.4g} to {values.high:.4g}"
    if values.low >= 0:
        if values.high <= 1:
            return "zero_one", span
        if values.whole or values.high > MAX_LOG2:
            return "counts", f"{span}, {'whole numbers' if values.whole else 'linear, for no log2 value is so large'}"
        return "log2_norm_count", span
    centre, (low_sd, sd, high_sd) = float(np.median(values.gene_median)), np.quantile(values.gene_sd, [0.1, 0.5, 0.9])
    reason = f"{span}; genes have median {centre:.2g} and standard deviation {sd:.2g} ({low_sd:.2g} to {high_sd:.2g} for 8 in 10)"
    if values.whole and values.high > MAX_LOG2:
        raise CohortError(f"whole numbers look like counts, but {values.n_negative} are negative (from {values.low:g}); correct them")
    if centre > 1:
        return "log2_tpm", reason
    alike = 0.5 <= sd <= 2 and high_sd < 2.5 * low_sd
    return "zscore" if alike or max(values.high, -values.low) > MAX_LOG2 else "log2fc", reason


def check_scale(values: Values, scale: str) -> None:
    """Refuse values that the scale cannot have."""
    low, high = {
        "counts": (0.0, np.inf),
        "log2_norm_count": (0.0, MAX_LOG2),
        "log2_tpm": (MIN_LOG2_TPM, MAX_LOG2),
        "log2fc": (-MAX_LOG2, MAX_LOG2),
        "zscore": (-np.inf, np.inf),
        "zero_one": (0.0, 1.0),
    }[scale]
    found = f"found values from {values.low:.4g} to {values.high:.4g}"
    if values.low < low or values.high > high:
        negative = f", {values.n_negative} of them negative" if values.low < low == 0 else ""
        raise CohortError(f"scale={scale} means values from {low:g} to {high:g}; {found}{negative}: {REMEDY}")
    if scale == "counts" and values.high < MAX_LOG2 and not values.whole:
        raise CohortError(f"scale=counts expects whole, or at least linear, numbers; {found} that are not whole: logarithms? {REMEDY}")
    if scale in ("log2fc", "zscore") and values.low >= 0:
        raise CohortError(f"scale={scale} means values of both signs; {found}: {REMEDY}")
