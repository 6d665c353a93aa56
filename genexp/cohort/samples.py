"""Unusual samples: other totals, no signal, many missing values, and pairs of nearly equal
samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from genexp.cohort.scale import LINEAR
from genexp.errors import name_some

QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}
MAX_GENES = 4000
"""Number of evenly spaced genes for quantiles and correlations."""
MAX_SAMPLES = 4000
"""Number of evenly spaced samples that are compared with each other."""
ROWS_AT_A_TIME = 256
ROBUST_SD = 1.4826
"""Ratio of standard deviation to median absolute deviation in a normal distribution."""
FLAT = 0.1
"""Share of the median standard deviation over genes below which a sample has no signal; linear
values are divided by the total."""
MAX_DEVIATION = 5.0
"""Robust standard deviations from the median of all samples beyond which a sample is unusual."""
MANY = 0.05
"""Share of unusual samples above which they point to a batch rather than to single accidents."""
NEAR_DUPLICATE = 0.99
"""Correlation of gene-centred values of near-duplicates; replicates of one RNA reach 0.98, other
samples of one tissue 0.8."""


def measure_samples(X: np.ndarray, scale: str) -> pd.DataFrame:
    """Measure statistics of every sample.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_genes)
        NaN where missing.
    scale : str
        Value scale; empty if it is not known.

    Returns
    -------
    DataFrame of float64, (n_samples, 8)
        Quantiles (``q05``, ``q25``, ``median``, ``q75``, ``q95``); ``missing``, the share of genes;
        ``sd``, the standard deviation over genes; and ``level``: the sum of linear values, the mean
        of log2(x + 1), and else Tukey's trimean, which heavy tails do not move.
    """
    genes = np.linspace(0, X.shape[1] - 1, min(X.shape[1], MAX_GENES)).astype(int)
    table = pd.DataFrame(
        np.nan, index=range(len(X)), columns=[*QUANTILES, "missing", "sd", "level"]
    )
    for start in range(0, len(X), ROWS_AT_A_TIME):
        block = X[start : start + ROWS_AT_A_TIME].astype(np.float64)
        is_missing = ~np.isfinite(block)
        rows = slice(start, start + len(block))
        n_values = np.maximum((~is_missing).sum(axis=1), 1)
        values = np.where(is_missing, 0.0, block)
        totals = values.sum(axis=1)
        means = totals / n_values
        deviations = np.where(is_missing, 0.0, block - means[:, None])
        part = np.where(is_missing[:, genes], np.nan, block[:, genes])
        table.iloc[rows, :5] = _take_quantiles(part)
        table.iloc[rows, 5] = is_missing.mean(axis=1)
        table.iloc[rows, 6] = np.sqrt(np.square(deviations).sum(axis=1) / n_values)
        table.iloc[rows, 7] = totals if scale in LINEAR else means
    if scale not in (*LINEAR, "log2_norm_count"):
        table["level"] = (table["q25"] + 2 * table["median"] + table["q75"]) / 4
    return table


def name_level(scale: str) -> str:
    """Name the statistic ``level`` of a sample on a scale: total, mean or trimean."""
    return "total" if scale in LINEAR else "mean" if scale == "log2_norm_count" else "trimean"


def _take_quantiles(values: np.ndarray) -> np.ndarray:
    """Compute quantiles of each row (n_rows, 5); NaN for rows without values."""
    quantiles = np.full((len(values), len(QUANTILES)), np.nan)
    rows = ~np.isnan(values).all(axis=1)
    if rows.any():
        quantile = np.nanquantile if np.isnan(values).any() else np.quantile
        quantiles[rows] = quantile(values[rows], list(QUANTILES.values()), axis=1).T
    return quantiles


def find_unusual_samples(table: pd.DataFrame, scale: str) -> dict[str, np.ndarray]:
    """Find unusual samples, by position and property: ``level``, ``flat`` (nearly the same value in
    all genes), ``missing``.

    Parameters
    ----------
    table : DataFrame
        Result of :func:`measure_samples`.
    scale : str
    """
    spread = table["sd"] / np.maximum(table["level"], 1e-9) if scale in LINEAR else table["sd"]
    flat = spread.to_numpy() < FLAT * np.nanmedian(spread)
    missing = table["missing"].to_numpy() > max(0.2, 5 * float(table["missing"].median()))
    level = table["level"].to_numpy()
    if scale in LINEAR:
        level, least = np.log2(np.maximum(level, 1e-9)), 2.0  # a fourfold total or a quarter of it
    else:
        least = 0.5 * float((table["q75"] - table["q25"]).median())
    deviation = np.abs(level - np.nanmedian(level))
    limit = max(least, MAX_DEVIATION * ROBUST_SD * float(np.nanmedian(deviation)))
    return {
        name: np.flatnonzero(mask)
        for name, mask in (
            ("level", (deviation > limit) & ~flat),
            ("flat", flat),
            ("missing", missing),
        )
    }


def describe_unusual(
    table: pd.DataFrame, unusual: dict[str, np.ndarray], samples: Sequence[str], scale: str
) -> list[str]:
    """Describe each kind of unusual samples, as found by :func:`find_unusual_samples`."""
    of_what = name_level(scale)
    kinds = {
        "level": (
            (
                f"whose {of_what} is far from that of the others (median "
                f"{table['level'].median():,.4g})"
            ),
            "level",
            ",.4g",
        ),
        "flat": (
            (
                "with nearly one value in all genes (standard deviation; median "
                f"{table['sd'].median():.3g})"
            ),
            "sd",
            ".3g",
        ),
        "missing": ("with many missing values", "missing", ".0%"),
    }
    sentences = []
    for kind, (text, column, form) in kinds.items():
        values = [f"{samples[i]} {table[column].iloc[i]:{form}}" for i in unusual[kind]]
        if values:
            many = (
                ". So many samples may be of another platform, scale or batch"
                if kind == "level" and len(values) > MANY * len(table)
                else ""
            )
            sentences.append(f"Samples {text}: {name_some(values, 3)}{many}.")
    return sentences


def find_near_duplicates(X: np.ndarray, scale: str) -> list[tuple[int, int, float]]:
    """Find pairs of samples whose gene-centred values correlate by more than ``NEAR_DUPLICATE``,
    the most similar first.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_genes)
    scale : str

    Returns
    -------
    list of (int, int, float)
        Positions of both samples, and their correlation.
    """
    rows, genes = (
        np.linspace(0, n - 1, min(n, most)).astype(int)
        for n, most in zip(X.shape, (MAX_SAMPLES, MAX_GENES), strict=True)
    )
    if len(rows) < 10 or len(genes) < 20:  # among few samples and genes, many correlate by chance
        return []
    values = np.nan_to_num(X[np.ix_(rows, genes)].astype(np.float32), posinf=0.0, neginf=0.0)
    if scale in LINEAR:
        values = np.log2(
            np.maximum(values, 0) / np.maximum(values.sum(axis=1, keepdims=True), 1e-9) * 1e6 + 1
        )
    # otherwise a few large values of heavy tails dominate the correlation
    values = np.arcsinh(values - values.mean(axis=0))
    values -= values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    values /= np.where(length > 0, length, 1)
    pairs = []
    for start in range(0, len(values), ROWS_AT_A_TIME):
        correlations = values[start : start + ROWS_AT_A_TIME] @ values.T
        for i, j in np.argwhere(correlations > NEAR_DUPLICATE):
            if start + i < j:
                pairs.append((int(rows[start + i]), int(rows[j]), float(correlations[i, j])))
    return sorted(pairs, key=lambda pair: -pair[2])


def describe_near_duplicates(
    pairs: Sequence[tuple[int, int, float]], samples: Sequence[str], groups: Sequence[str]
) -> str:
    """Describe pairs of nearly equal samples, first those of different patients; empty without
    pairs.
    """
    apart = [pair for pair in pairs if groups[pair[0]] != groups[pair[1]]]
    listed_pairs = apart or pairs
    if not listed_pairs:
        return ""
    listed = name_some((f"{samples[i]} and {samples[j]} ({r:.3f})" for i, j, r in listed_pairs), 3)
    of_patients = (
        " of different patients"
        if apart
        else " of one patient, which stay in one part of the split"
    )
    more = (
        f"; {len(pairs) - len(apart)} further pairs are of one patient"
        if apart and len(apart) < len(pairs)
        else ""
    )
    return (
        f"Pairs of samples{of_patients} that are nearly the same, by the correlation of "
        f"gene-centred values: {listed}{more}."
    )
