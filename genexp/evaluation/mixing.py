"""How well groups of samples, such as batches, are mixed among each other's neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PERPLEXITY = (5, 30)
"""Neighbours that count in LISI, at least and at most: 30 is its authors' number, which would hide that small groups lie apart."""
MIN_NEIGHBOURS = 10
"""Neighbours of a test of kBET, at least: the counts of fewer are no chi-squared variable."""
BISECTIONS = 64


@dataclass(frozen=True)
class Neighbours:
    """The samples around each sample.

    Parameters
    ----------
    indices : ndarray of int, (n_samples, n_neighbours)
        The nearest other samples, the nearest first.
    weights : ndarray of float64, (n_samples, n_weighed)
        Weights, which sum to 1, of the first of them, from :func:`weigh_distances`.
    """

    indices: np.ndarray
    weights: np.ndarray


def find_neighbours(z: np.ndarray, n_groups: int) -> Neighbours:
    """Find the Euclidean neighbours that LISI and kBET ask about.

    Parameters
    ----------
    z : ndarray of float64, (n_samples, n_latent)
        Latents, two samples or more.
    n_groups : int
        Batches or labels. LISI weighs as many neighbours as a group has samples on average, to a perplexity of a third of their number
        within ``PERPLEXITY``; kBET counts a quarter as many, and ``MIN_NEIGHBOURS`` at least.
    """
    from sklearn.neighbors import NearestNeighbors

    perplexity = min(float(np.clip(len(z) / (3 * n_groups), *PERPLEXITY)), len(z) / 3)
    n_weighed = max(round(3 * perplexity) - 1, 1)
    n_counted = min(max(MIN_NEIGHBOURS, len(z) // (4 * n_groups)), len(z) - 1)
    distances, indices = NearestNeighbors(n_neighbors=max(n_weighed, n_counted), algorithm="brute").fit(z).kneighbors()
    return Neighbours(indices, weigh_distances(distances[:, :n_weighed], perplexity))


def weigh_distances(distances: np.ndarray, perplexity: float) -> np.ndarray:
    """Weights exp(-beta d), scaled to sum 1 by row (n, k), whose beta makes the perplexity of each row what is asked for."""
    d = distances - distances.min(axis=1, keepdims=True)
    low, high, beta = np.zeros((len(d), 1)), np.full((len(d), 1), np.inf), np.ones((len(d), 1))
    for _ in range(BISECTIONS):
        entropy = _measure_entropy(d, beta)
        low, high = np.where(entropy > np.log(perplexity), beta, low), np.where(entropy > np.log(perplexity), high, beta)
        beta = np.where(np.isinf(high), 2 * beta, (low + np.where(np.isinf(high), 0, high)) / 2)
    weights = np.exp(-beta * d)
    return weights / weights.sum(axis=1, keepdims=True)


def _measure_entropy(d: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Entropy (n, 1), in nats, of weights in proportion to exp(-beta d)."""
    weights = np.exp(-beta * d)
    total = weights.sum(axis=1, keepdims=True)
    return np.log(total) + beta * (d * weights).sum(axis=1, keepdims=True) / total


def measure_lisi(neighbours: Neighbours, groups: np.ndarray) -> np.ndarray:
    """Local inverse Simpson's index: the effective number of groups (n,) around each sample, from 1 to the number of groups.

    1 / sum_g p_g^2, where p_g is the weight of the neighbours of group g (Korsunsky et al., Nature Methods 2019, with the
    kernel and the number of neighbours of its authors' code).

    Parameters
    ----------
    neighbours : Neighbours
    groups : ndarray, (n_samples,)
        Batch (iLISI: high where batches are mixed) or label (cLISI: 1 where labels are apart) of the same samples.
    """
    around = groups[neighbours.indices[:, : neighbours.weights.shape[1]]]
    shares = np.stack([(neighbours.weights * (around == group)).sum(axis=1) for group in np.unique(groups)])
    return 1 / np.square(shares).sum(axis=0)


def measure_mixing(neighbours: Neighbours, groups: np.ndarray) -> np.ndarray:
    """p-value (n,) of each sample's neighbourhood: whether its groups are there in proportion to their sizes.

    Pearson's chi-squared test of the counts among the nearest neighbours, the test of kBET (Buettner et al., Nature Methods 2019);
    the share of p-values below 0.05 is its rejection rate, about 0.05 where batches are mixed and 1 where they are apart. Unlike
    there a sample is no neighbour of its own, and every sample is tested.

    Parameters
    ----------
    neighbours : Neighbours
    groups : ndarray, (n_samples,)
        Batch of the same samples.
    """
    from scipy.stats import chi2

    names, sizes = np.unique(groups, return_counts=True)
    n_counted = min(max(MIN_NEIGHBOURS, len(groups) // (4 * len(names))), neighbours.indices.shape[1])
    around = groups[neighbours.indices[:, :n_counted]]
    observed = np.stack([(around == name).sum(axis=1) for name in names], axis=1)
    expected = n_counted * sizes / len(groups)
    return np.asarray(chi2.sf((np.square(observed - expected) / expected).sum(axis=1), len(names) - 1))
