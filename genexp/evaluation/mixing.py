"""Mixing of groups of samples, such as batches, among neighbours: LISI and kBET."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PERPLEXITY = (5, 30)
"""Smallest and largest perplexity of LISI. Its authors use 30, which would hide the separation of
small groups."""
MIN_NEIGHBOURS = 10
"""Fewest neighbours of a kBET test: the statistic of fewer is far from chi-squared."""
BISECTIONS = 64
"""Steps of the search for a perplexity, enough for the precision of float64."""


@dataclass(frozen=True)
class Neighbours:
    """The samples around each sample.

    Parameters
    ----------
    indices : ndarray of int, (n_samples, n_neighbours)
        Nearest other samples, nearest first.
    weights : ndarray of float64, (n_samples, n_weighed)
        Weights of the first of them, with sum 1, from :func:`weigh_distances`.
    """

    indices: np.ndarray
    weights: np.ndarray


def find_neighbours(z: np.ndarray, n_groups: int) -> Neighbours:
    """Find the Euclidean neighbours for LISI and kBET.

    Parameters
    ----------
    z : ndarray of float64, (n_samples, n_latent)
        Latents of at least two samples.
    n_groups : int
        Number of batches or labels. LISI weights as many neighbours as a group has samples on
        average, at a perplexity of a third of this number (within ``PERPLEXITY``). kBET counts a
        quarter as many, at least ``MIN_NEIGHBOURS``.
    """
    from sklearn.neighbors import NearestNeighbors

    perplexity = min(float(np.clip(len(z) / (3 * n_groups), *PERPLEXITY)), len(z) / 3)
    n_weighed = max(round(3 * perplexity) - 1, 1)
    n_counted = min(max(MIN_NEIGHBOURS, len(z) // (4 * n_groups)), len(z) - 1)
    distances, indices = (
        NearestNeighbors(n_neighbors=max(n_weighed, n_counted), algorithm="brute")
        .fit(z)
        .kneighbors()
    )
    return Neighbours(indices, weigh_distances(distances[:, :n_weighed], perplexity))


def weigh_distances(distances: np.ndarray, perplexity: float) -> np.ndarray:
    """Weights exp(-beta d) with sum 1 by row (n, k); the beta of each row gives the requested
    perplexity.
    """
    d = distances - distances.min(axis=1, keepdims=True)
    low, high, beta = np.zeros((len(d), 1)), np.full((len(d), 1), np.inf), np.ones((len(d), 1))
    for _ in range(BISECTIONS):
        entropy = _measure_entropy(d, beta)
        low, high = (
            np.where(entropy > np.log(perplexity), beta, low),
            np.where(entropy > np.log(perplexity), high, beta),
        )
        beta = np.where(np.isinf(high), 2 * beta, (low + np.where(np.isinf(high), 0, high)) / 2)
    weights = np.exp(-beta * d)
    return weights / weights.sum(axis=1, keepdims=True)


def _measure_entropy(d: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Entropy (n, 1), in nats, of weights in proportion to exp(-beta d)."""
    weights = np.exp(-beta * d)
    total = weights.sum(axis=1, keepdims=True)
    return np.log(total) + beta * (d * weights).sum(axis=1, keepdims=True) / total


def measure_lisi(neighbours: Neighbours, groups: np.ndarray) -> np.ndarray:
    """Local inverse Simpson's index: the effective number of groups (n,) around each sample, from 1
    to the number of groups.

    1 / sum_g p_g^2, where p_g is the weight of the neighbours of group g (Korsunsky et al., Nature
    Methods 2019, with the kernel and the number of neighbours of its authors' code).

    Parameters
    ----------
    neighbours : Neighbours
    groups : ndarray, (n_samples,)
        Batch (iLISI: high where batches are mixed) or label (cLISI: 1 where labels are apart) of
        the same samples.
    """
    around = groups[neighbours.indices[:, : neighbours.weights.shape[1]]]
    shares = np.stack(
        [(neighbours.weights * (around == group)).sum(axis=1) for group in np.unique(groups)]
    )
    return 1 / np.square(shares).sum(axis=0)


def measure_mixing(neighbours: Neighbours, groups: np.ndarray) -> np.ndarray:
    """P value (n,) of each sample for the groups among its neighbours being in proportion to their
    sizes.

    Pearson's chi-squared test of the counts among the nearest neighbours, the test of kBET
    (Buettner et al., Nature Methods 2019); the share of p-values below 0.05 is its rejection rate,
    about 0.05 where batches are mixed and 1 where they are apart. Unlike the original a sample is
    not its own neighbour, and every sample is tested.

    Parameters
    ----------
    neighbours : Neighbours
    groups : ndarray, (n_samples,)
        Batch of the same samples.
    """
    from scipy.stats import chi2

    names, sizes = np.unique(groups, return_counts=True)
    n_counted = min(
        max(MIN_NEIGHBOURS, len(groups) // (4 * len(names))), neighbours.indices.shape[1]
    )
    around = groups[neighbours.indices[:, :n_counted]]
    observed = np.stack([(around == name).sum(axis=1) for name in names], axis=1)
    expected = n_counted * sizes / len(groups)
    return np.asarray(
        chi2.sf((np.square(observed - expected) / expected).sum(axis=1), len(names) - 1)
    )
