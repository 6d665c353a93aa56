"""Moderated t statistics of two groups, as in limma (Smyth, "Linear models and empirical Bayes
methods", SAGMB 2004).

A linear model for each gene has an effect of the group and, where samples are paired, one of each
block (such as a patient). Its residual variance s^2 on d degrees of freedom is shrunken towards a
variance that all genes share: s^2 ~ s0^2 F(d, d0). The posterior variance is s~^2 = (d s^2 + d0
s0^2) / (d + d0), and t = difference / (scale s~) has d + d0 degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import digamma, polygamma

GENES_AT_A_TIME = 4096
"""Number of genes whose models are fitted together in float64."""
MIN_SQUARES = 1e-6
"""Sum of squares of the group within blocks below which it counts as 0; with both groups in a block
it is at least 1/2."""
MIN_SHARE = 1e-5
"""Share of the median below which variances are raised before taking logarithms, as in limma, so
that log 0 does not occur."""


@dataclass(frozen=True)
class Difference:
    """Least-squares difference between two groups, each array (n_genes,) of float64.

    Parameters
    ----------
    value : ndarray
        Mean of the cases minus mean of the controls, within blocks; NaN where no block holds both.
    scale : ndarray
        Standard error of the difference divided by the residual standard deviation.
    variance : ndarray
        Residual variance; 0 without degrees of freedom.
    df : ndarray
        Residual degrees of freedom.
    varies : ndarray of bool
        Whether the measured values differ at all.
    """

    value: np.ndarray
    scale: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    varies: np.ndarray


@dataclass(frozen=True)
class ModeratedT:
    """Statistics of a contrast for each gene, arrays (n_genes,) of float64, and the prior shared by
    its genes.

    Parameters
    ----------
    log2fc : ndarray
        Difference of the logarithms to base 2; NaN where it cannot be estimated.
    t, p, q : ndarray
        Moderated t, its two-sided p, and p corrected for all tested genes (Benjamini and Hochberg);
        NaN where a gene is not tested.
    prior_df, prior_variance : float
        d0 (infinite where the variances of genes differ no more than by chance) and s0^2.
    """

    log2fc: np.ndarray
    t: np.ndarray
    p: np.ndarray
    q: np.ndarray
    prior_df: float
    prior_variance: float


def moderate(
    values: np.ndarray, is_case: np.ndarray, block: np.ndarray | None = None
) -> ModeratedT:
    """Contrast cases with controls.

    A gene with equal values in all samples is neither tested nor part of the prior: it was not
    expressed, and its variance of 0 has no information on other genes. Its log2 fold change is 0.
    limma gives the same for the remaining genes if such genes are removed first.

    Parameters
    ----------
    values : ndarray, (n_samples, n_genes)
        Expression on a log2 scale, NaN where missing.
    is_case : ndarray of bool, (n_samples,)
        False for controls.
    block : ndarray of int, (n_samples,), optional
        Patients or other pairs: cases are compared with controls of the same block.
    """
    difference = fit_difference(
        values, is_case, np.zeros(len(is_case), dtype=int) if block is None else block
    )
    tested = difference.varies
    variance, df = difference.variance[tested], difference.df[tested]
    prior_variance, prior_df = fit_prior(variance, df)
    t, p, q = (np.full(len(tested), np.nan) for _ in range(3))
    with np.errstate(invalid="ignore", divide="ignore"):
        t[tested] = (
            difference.value[tested]
            / difference.scale[tested]
            / np.sqrt(squeeze(variance, df, prior_variance, prior_df))
        )
    p[tested] = 2 * stats.t.sf(np.abs(t[tested]), np.minimum(df + prior_df, df.sum()))
    finite = np.isfinite(p)
    if finite.any():
        q[finite] = stats.false_discovery_control(p[finite])
    log2fc = np.where(tested, difference.value, 0 * difference.value)
    return ModeratedT(log2fc, t, p, q, prior_df, prior_variance)


def fit_difference(values: np.ndarray, is_case: np.ndarray, block: np.ndarray) -> Difference:
    """Fit gene ~ block + group to the measured values of each gene.

    Expression and group are centred within blocks, among a gene's measured samples, and one is
    regressed on the other (Frisch and Waugh, Econometrica 1933): the difference and residuals equal
    those with a column per block, whatever values are missing.
    """
    order = np.argsort(block, kind="stable")
    _, starts, sizes = np.unique(block[order], return_index=True, return_counts=True)
    case = is_case[order].astype(np.float64)[:, None]
    fitted = []
    for first in range(0, values.shape[1], GENES_AT_A_TIME):
        y = values[order, first : first + GENES_AT_A_TIME].astype(np.float64)
        fitted.append(_regress(y, case, starts, sizes))
    return Difference(*(np.concatenate(parts) for parts in zip(*fitted, strict=True)))


def _regress(
    y: np.ndarray, case: np.ndarray, starts: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, ...]:
    measured = ~np.isnan(y)
    n = np.add.reduceat(measured, starts, axis=0, dtype=np.int64)

    def centre(x: np.ndarray) -> np.ndarray:
        mean = np.add.reduceat(np.where(measured, x, 0.0), starts, axis=0) / np.maximum(n, 1)
        return np.where(measured, x - np.repeat(mean, sizes, axis=0), 0.0)

    varies = np.fmax.reduce(y, axis=0) > np.fmin.reduce(y, axis=0)
    x, y = centre(np.broadcast_to(case, y.shape)), centre(y)
    spread = np.square(x).sum(axis=0)
    estimable = spread > MIN_SQUARES
    spread = np.where(estimable, spread, np.nan)
    value = (x * y).sum(axis=0) / spread
    df = n.sum(axis=0) - (n > 0).sum(axis=0) - estimable
    residual = y - x * np.where(estimable, value, 0.0)
    return (
        value,
        1 / np.sqrt(spread),
        np.square(residual).sum(axis=0) / np.maximum(df, 1),
        df,
        varies,
    )


def fit_prior(variance: np.ndarray, df: np.ndarray) -> tuple[float, float]:
    """Fit the shared variance s0^2 and degrees of freedom d0 to the mean and the variance of log
    s^2 (Smyth 2004, section 6.2).

    Parameters
    ----------
    variance : ndarray of float64, (n_genes,)
        Residual variances; genes without degrees of freedom are ignored.
    df : ndarray of int, (n_genes,)
        Their degrees of freedom.

    Returns
    -------
    prior_variance, prior_df : float
        d0 is infinite where log s^2 varies no more than by chance, and 0 for a single gene; both
        are NaN without genes.
    """
    has_df = df > 0
    if has_df.sum() < 2:
        return (float(variance[has_df][0]), 0.0) if has_df.any() else (np.nan, np.nan)
    variance, df = variance[has_df], df[has_df]
    typical = np.median(variance)
    variance = np.maximum(variance, MIN_SHARE * (typical if typical > 0 else 1.0))
    e = np.log(variance) - digamma(df / 2) + np.log(df / 2)
    excess = e.var(ddof=1) - polygamma(1, df / 2).mean()
    if excess <= 0:
        return float(variance.mean()), np.inf
    prior_df = 2 * invert_trigamma(float(excess))
    return float(np.exp(e.mean() + digamma(prior_df / 2) - np.log(prior_df / 2))), prior_df


def invert_trigamma(x: float) -> float:
    """Solve trigamma(y) = x > 0 for y > 0, by Newton's method on 1 / trigamma (Smyth 2004,
    appendix).
    """
    if x > 1e7 or x < 1e-6:
        return 1 / np.sqrt(x) if x > 1e7 else 1 / x
    y, step = 0.5 + 1 / x, -np.inf
    while -step > 1e-8 * y:  # the steps are negative and shrink
        trigamma = float(polygamma(1, y))
        step = trigamma * (1 - trigamma / x) / float(polygamma(2, y))
        y += step
    return y


def squeeze(
    variance: np.ndarray, df: np.ndarray, prior_variance: float, prior_df: float
) -> np.ndarray:
    """Compute posterior variances (n_genes,): those of the genes and of the prior, weighed by
    degrees of freedom.
    """
    if np.isinf(prior_df):
        return np.full(len(variance), prior_variance)
    return (df * variance + prior_df * prior_variance) / (df + prior_df)
