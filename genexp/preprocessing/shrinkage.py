"""Empirical Bayes of ComBat: location and scale of a batch in every gene, shrunken towards what all genes say together.

W. E. Johnson, C. Li & A. Rabinovic, Adjusting batch effects in microarray expression data using empirical Bayes methods,
Biostatistics 2007. This file imports nothing of genexp, because its text is part of every registered encoder
(:mod:`genexp.tracking.registry`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

Prior = Literal["none", "parametric", "nonparametric"]
CONVERGED = 1e-4
"""Largest relative change at which the parametric iteration ends, as that of sva does."""
PAIRS_AT_A_TIME = 1 << 22
"""Pairs of genes that are weighed together by the non-parametric prior."""


class Moments(NamedTuple):
    """Standardised values of one batch, gene by gene.

    Parameters
    ----------
    n : ndarray, (n_genes,)
        Measured values.
    mean, variance : ndarray of float64, (n_genes,)
        Of these; the variance with n - 1.
    """

    n: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    def squares_around(self, centre: np.ndarray) -> np.ndarray:
        """Sum of squared distances of a gene's values from ``centre``, which is broadcast against the genes."""
        return np.asarray((self.n - 1) * self.variance + self.n * (self.mean - centre) ** 2)


def shrink(found: Moments, prior: Prior) -> tuple[np.ndarray, np.ndarray]:
    """Location and squared scale (n_genes,) of a batch, in units of the standardised values."""
    if prior == "none":
        return found.mean, found.variance
    return _shrink_parametric(found) if prior == "parametric" else _shrink_nonparametric(found)


def _shrink_parametric(found: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means under a normal prior of locations and an inverse gamma prior of squared scales, fitted by moments over genes.

    Their conditional posterior means are taken in turn (equations 3.1) until they stay. The end is judged as sva judges it, where the
    change of a negative location never counts.
    """
    centre, width = found.mean.mean(), found.mean.var(ddof=1)
    level = found.variance.mean()
    spread = max(found.variance.var(ddof=1), 1e-12 * level**2)  # genes of one variance leave nothing to shrink
    shape, scale = 2 + level**2 / spread, level + level**3 / spread
    location, squared = found.mean, found.variance
    change = 1.0
    while change > CONVERGED:
        new = (width * found.n * found.mean + squared * centre) / (width * found.n + squared)
        new_squared = (found.squares_around(new) / 2 + scale) / (found.n / 2 + shape - 1)
        moved = np.divide(np.abs(new - location), location, out=np.zeros_like(new), where=location != 0)
        change = max(moved.max(), (np.abs(new_squared - squared) / squared).max())
        location, squared = new, new_squared
    return location, squared


def _shrink_nonparametric(found: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Means of all other genes' locations and squared scales, each weighed by the likelihood of this gene's values under it."""
    n_genes = len(found.mean)
    location, squared = np.empty(n_genes), np.empty(n_genes)
    step = max(PAIRS_AT_A_TIME // n_genes, 1)
    for start in range(0, n_genes, step):
        own = Moments(*(values[start : start + step, None] for values in found))
        weight = -(own.n * np.log(found.variance) + own.squares_around(found.mean) / found.variance) / 2
        rows = np.arange(len(weight))
        weight[rows, start + rows] = -np.inf
        weight = np.exp(weight - weight.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        location[start : start + step], squared[start : start + step] = weight @ found.mean, weight @ found.variance
    return location, squared
