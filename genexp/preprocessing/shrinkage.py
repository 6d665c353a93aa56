"""Empirical Bayes of ComBat: location and scale of a batch in every gene, shrunken towards the
distribution over all genes.

W. E. Johnson, C. Li & A. Rabinovic, Adjusting batch effects in microarray expression data using
empirical Bayes methods, Biostatistics 2007. This file imports nothing of genexp, because it is part
of every registered encoder (:mod:`genexp.tracking.registry`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

Prior = Literal["none", "parametric", "nonparametric"]
CONVERGED = 1e-4
"""Largest relative change at which the parametric iteration ends, the same as in sva."""
PAIRS_AT_A_TIME = 1 << 22
"""Number of pairs of genes weighed together by the non-parametric prior, which bounds memory."""


class Moments(NamedTuple):
    """Moments of the standardised values of one batch, gene by gene.

    Parameters
    ----------
    n : ndarray, (n_genes,)
        Number of measured values.
    mean, variance : ndarray of float64, (n_genes,)
        Mean and variance of these, the variance with n - 1.
    """

    n: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    def squares_around(self, centre: np.ndarray) -> np.ndarray:
        """Return the sum of squared distances of a gene's values from ``centre``, which is
        broadcast against the genes.
        """
        return np.asarray((self.n - 1) * self.variance + self.n * (self.mean - centre) ** 2)


def shrink(moments: Moments, prior: Prior) -> tuple[np.ndarray, np.ndarray]:
    """Shrink location and squared scale (n_genes,) of a batch, in units of the standardised
    values.
    """
    if prior == "none":
        return moments.mean, moments.variance
    return _shrink_parametric(moments) if prior == "parametric" else _shrink_nonparametric(moments)


def _shrink_parametric(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Compute posterior means under a normal prior of locations and an inverse gamma prior of
    squared scales, fitted by moments.

    The conditional posterior means alternate (equations 3.1) until they converge, with width the
    variance of locations over genes: ``g = (width n mean + d^2 centre) / (width n + d^2)`` and
    ``d^2 = (sum (z - g)^2 / 2 + scale) / (n / 2 + shape - 1)``. Convergence is tested as in sva,
    where the change of a negative location never counts.
    """
    centre, width = moments.mean.mean(), moments.mean.var(ddof=1)
    mean_variance = moments.variance.mean()
    # equal variances of all genes would divide by zero
    spread = max(moments.variance.var(ddof=1), 1e-12 * mean_variance**2)
    shape, scale = 2 + mean_variance**2 / spread, mean_variance + mean_variance**3 / spread
    location, squared = moments.mean, moments.variance
    change = 1.0
    while change > CONVERGED:
        new = (width * moments.n * moments.mean + squared * centre) / (width * moments.n + squared)
        new_squared = (moments.squares_around(new) / 2 + scale) / (moments.n / 2 + shape - 1)
        moved = np.divide(
            np.abs(new - location), location, out=np.zeros_like(new), where=location != 0
        )
        change = max(moved.max(), (np.abs(new_squared - squared) / squared).max())
        location, squared = new, new_squared
    return location, squared


def _shrink_nonparametric(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Average all other genes' locations and squared scales, weighed by the likelihood of this
    gene's values under each.
    """
    n_genes = len(moments.mean)
    location, squared = np.empty(n_genes), np.empty(n_genes)
    step = max(PAIRS_AT_A_TIME // n_genes, 1)
    for start in range(0, n_genes, step):
        block = Moments(*(values[start : start + step, None] for values in moments))
        weight = (
            -(
                block.n * np.log(moments.variance)
                + block.squares_around(moments.mean) / moments.variance
            )
            / 2
        )
        rows = np.arange(len(weight))
        weight[rows, start + rows] = -np.inf
        weight = np.exp(weight - weight.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        location[start : start + step], squared[start : start + step] = (
            weight @ moments.mean,
            weight @ moments.variance,
        )
    return location, squared
