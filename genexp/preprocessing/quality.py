"""Quality of samples and genes, and the rules of the filters.

A sample is filtered by its own values alone, before the split; a gene by the train samples alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from genexp.cohort.scale import LINEAR
from genexp.preprocessing.transform import ROWS_AT_A_TIME
from genexp.settings.preprocessing import PreprocessConfig

GENES_AT_A_TIME = 512
"""Number of genes whose statistics are computed together in float64."""
GENE_REASONS = (
    "not detected",
    "duplicate",
    "not among the top genes",
    "low variance",
    "constant",
    "missing",
)
"""Reasons for filtering a gene."""
RESOLUTION = 1e-5
"""Share of a gene's largest value below which its standard deviation is rounding: float32 resolves
a value to 6e-8 of its size, so scaling by a smaller standard deviation would magnify the rounding
to about 0.01 standard deviations."""


def find_floor(scale: str, minimum: float | np.ndarray) -> float | np.ndarray:
    """Return the value of an undetected gene; -inf, below every measured value, for a scale without
    such a value.

    Parameters
    ----------
    scale : str
        Value scale of the cohort.
    minimum : float or ndarray
        Smallest value, which is the floor of ``log2_tpm`` (log2(TPM + 0.001) has -9.97).
    """
    if scale in (*LINEAR, "log2_norm_count"):
        return 0.0
    return minimum if scale == "log2_tpm" else -np.inf


def measure_quality(X: np.ndarray, scale: str) -> pd.DataFrame:
    """Measure the quality of every sample, from its own values.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_genes)
        Raw values, NaN where missing.
    scale : str
        Value scale.

    Returns
    -------
    DataFrame, (n_samples, 2)
        ``detected``, the share of genes measured above the floor of the scale (for ``log2_tpm`` the
        sample's smallest value), and ``level``, the library size (sum) of counts and other linear
        values, or the mean of other scales.
    """
    detected, level = np.zeros(len(X)), np.zeros(len(X))
    for start in range(0, len(X), ROWS_AT_A_TIME):
        values = X[start : start + ROWS_AT_A_TIME]
        block = slice(start, start + len(values))
        floor = find_floor(scale, np.fmin.reduce(values, axis=1)[:, None])
        detected[block] = (values > floor).mean(axis=1)
        level[block] = np.nansum(values, axis=1, dtype=np.float64)
        if scale not in LINEAR:
            level[block] /= np.maximum(np.count_nonzero(~np.isnan(values), axis=1), 1)
    return pd.DataFrame({"detected": detected, "level": level})


def measure_genes(values: np.ndarray) -> pd.DataFrame:
    """Measure statistics of every gene over train samples, without missing values.

    Parameters
    ----------
    values : ndarray of float32, (n_train, n_genes)
        Normalised values, NaN where missing.

    Returns
    -------
    DataFrame of float64, (n_genes, 4)
        ``mean``, ``variance`` (population, ddof = 0, accumulated in float64), ``minimum``,
        ``maximum``; NaN for a gene without values.
    """
    table = np.full((4, values.shape[1]), np.nan)
    for start in range(0, values.shape[1], GENES_AT_A_TIME):
        block = slice(start, start + GENES_AT_A_TIME)
        x = values[:, block].astype(np.float64)
        table[2, block], table[3, block] = np.fmin.reduce(x, axis=0), np.fmax.reduce(x, axis=0)
        measured = ~np.isnan(x)
        n = np.where(measured.any(axis=0), measured.sum(axis=0), np.nan)
        table[0, block] = np.nansum(x, axis=0) / n
        x -= table[0, block]
        table[1, block] = np.nansum(np.square(x, out=x), axis=0) / n
    return pd.DataFrame(table.T, columns=["mean", "variance", "minimum", "maximum"])


def join_batches(values: np.ndarray, batch: np.ndarray) -> None:
    """Shift batches (n_train,) to one mean in every gene of train values (n_train, n_genes), in
    place; the rest varies within batches.
    """
    members = [np.flatnonzero(batch == name) for name in np.unique(batch)]
    for start in range(0, values.shape[1], GENES_AT_A_TIME):
        x = values[:, start : start + GENES_AT_A_TIME]
        centre = _average(x)
        for rows in members:
            x[rows] += (centre - _average(x[rows])).astype(np.float32)


def _average(x: np.ndarray) -> np.ndarray:
    """Average values without the missing ones, (n_genes,) of float64; 0 where all are missing."""
    return np.asarray(
        np.nansum(x, axis=0, dtype=np.float64)
        / np.maximum(np.count_nonzero(~np.isnan(x), axis=0), 1)
    )


def measure_mad(values: np.ndarray, genes: np.ndarray) -> np.ndarray:
    """Measure the median absolute deviation of some genes over train samples.

    Parameters
    ----------
    values : ndarray of float32, (n_train, n_genes)
        Normalised values, NaN where missing; each of ``genes`` has at least one.
    genes : ndarray of int, (k,)
        Columns.

    Returns
    -------
    ndarray of float64, (k,)
        median |x - median x|, without a factor for the normal distribution.
    """
    mad = np.empty(len(genes))
    for start in range(0, len(genes), GENES_AT_A_TIME):
        x = values[:, genes[start : start + GENES_AT_A_TIME]]
        median = np.nanmedian if np.isnan(x).any() else np.median
        mad[start : start + GENES_AT_A_TIME] = median(np.abs(x - median(x, axis=0)), axis=0)
    return mad


def filter_genes(
    statistics: pd.DataFrame, config: PreprocessConfig, drop_missing: bool
) -> np.ndarray:
    """Apply the rules of the filter; return for each gene the first rule that it breaks, "" if it
    breaks none.

    Parameters
    ----------
    statistics : DataFrame, (n_genes, ...)
        As of :func:`measure_genes`, with ``detected`` and ``missing`` (shares of train samples).
    config : PreprocessConfig
        Thresholds.
    drop_missing : bool
        Whether a gene with a missing value among the train samples is filtered.

    Returns
    -------
    ndarray of object, (n_genes,)
        ``missing``, ``not detected``, ``constant``, ``low variance`` or "".
    """
    largest = statistics[["minimum", "maximum"]].abs().max(axis=1)
    rules = {
        "missing": (statistics["missing"] > 0) if drop_missing else statistics["mean"].isna(),
        "not detected": statistics["detected"] < config.min_detected,
        "constant": ~(np.sqrt(statistics["variance"]) > RESOLUTION * largest),
        "low variance": statistics["variance"] <= config.min_variance,
    }
    return np.select(
        [broken.to_numpy() for broken in rules.values()], list(rules), default=""
    ).astype(object)


def pick_most_variable(names: np.ndarray, variance: np.ndarray, reasons: np.ndarray) -> np.ndarray:
    """Mark ``duplicate`` all but the most variable of unfiltered genes with one name (the first
    among equals).
    """
    left = np.flatnonzero(reasons == "")
    order = left[np.argsort(-variance[left], kind="stable")]
    later = order[pd.Series(names[order]).duplicated().to_numpy()]
    marked = reasons.copy()
    marked[later] = "duplicate"
    return marked


def pick_top_genes(mad: np.ndarray, n_top_genes: int) -> np.ndarray:
    """Pick the indices of the genes of largest median absolute deviation, in matrix order; the
    first among equals.
    """
    return np.sort(np.argsort(-mad, kind="stable")[:n_top_genes])
