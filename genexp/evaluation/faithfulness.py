"""Faithfulness of 2-D embeddings: agreement of the neighbours in an embedding and among the
latents.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from genexp.evaluation.latents import ENCODER, PartLatents

NEIGHBOURS = 15
"""Number of neighbours that are compared; fewer in small cohorts."""
ROWS = 2000
"""Maximum number of train samples among which neighbours are searched: the cost is quadratic."""


def measure_faithfulness(
    parts: Sequence[PartLatents], coordinates: pd.DataFrame, maps: Sequence[str], seed: int
) -> pd.DataFrame:
    """Measure trustworthiness and neighbour preservation of each embedding.

    Parameters
    ----------
    parts : sequence of PartLatents
        train, val, test.
    coordinates : DataFrame, (n_samples, ...)
        ``<map>_1`` and ``<map>_2`` of all samples, in the order of the parts.
    maps : sequence of str
        Prefixes of the columns.
    seed : int
        Of the subsample.

    Returns
    -------
    DataFrame, (n_maps, 4)
        Index ``map``: ``trustworthiness`` and ``neighbours`` of train samples among themselves,
        ``trustworthiness_test`` and ``neighbours_test`` of the test samples embedded among the
        train samples.
    """
    train, test = parts[0].z[ENCODER], parts[-1].z[ENCODER]
    sample = np.sort(np.random.default_rng(seed).permutation(len(train))[:ROWS])
    k = max(1, min(NEIGHBOURS, (len(sample) - 1) // 2 - 1))
    among, placed = (
        _rank_neighbours(train[sample], train[sample], same=True),
        _rank_neighbours(test, train[sample]),
    )
    rows = {}
    for name in maps:
        points = coordinates[[f"{name}_1", f"{name}_2"]].to_numpy(dtype=float)
        train_points, test_points = points[: len(train)][sample], points[len(points) - len(test) :]
        on_train = compare_neighbours(
            among, _rank_neighbours(train_points, train_points, same=True), k, len(sample) - 1
        )
        on_test = compare_neighbours(
            placed, _rank_neighbours(test_points, train_points), k, len(sample)
        )
        columns = ("trustworthiness", "neighbours", "trustworthiness_test", "neighbours_test")
        rows[name] = dict(zip(columns, on_train + on_test, strict=True))
    return pd.DataFrame(rows).T.rename_axis("map")


def _rank_neighbours(points: np.ndarray, among: np.ndarray, same: bool = False) -> np.ndarray:
    """Rank (n, n_among), from 1, of each sample among the neighbours of a point; the point itself
    comes last.
    """
    from scipy.spatial.distance import cdist

    distances = cdist(points, among)
    if same:
        np.fill_diagonal(distances, np.inf)
    order = distances.argsort(axis=1, kind="stable")
    ranks = np.empty(order.shape, dtype=np.int32)
    np.put_along_axis(
        ranks, order, np.arange(1, order.shape[1] + 1, dtype=np.int32)[None, :], axis=1
    )
    return ranks


def compare_neighbours(
    latent: np.ndarray, embedding: np.ndarray, k: int, n_others: int
) -> tuple[float, float]:
    """Trustworthiness, and the mean share of the k nearest neighbours among the latents that are
    also neighbours in the embedding.

    Trustworthiness is 1 - 2 / (n k (2 N - 3 k + 1)) times the sum, over the k nearest in the
    embedding, of max(0, latent rank - k) (Venna & Kaski, ICANN 2001, with N = n - 1 others); an
    embedded test sample has all N train samples as others.

    Parameters
    ----------
    latent, embedding : ndarray of int, (n, n_among)
        Ranks of the same samples among the latents and in the embedding.
    k : int
        Neighbours.
    n_others : int
        N, the samples that can be neighbours.
    """
    if not len(latent):
        return float("nan"), float("nan")
    near = embedding <= k
    beyond = np.maximum(latent - k, 0)[near].sum()
    trust = 1 - 2 * float(beyond) / (len(latent) * k * (2 * n_others - 3 * k + 1))
    return trust, float((near & (latent <= k)).sum() / (len(latent) * k))


def name_faithfulness(faithfulness: pd.DataFrame) -> dict[str, float]:
    """``picture/trustworthiness_tsne``, ``picture/neighbours_test_umap`` ..."""
    return {
        f"picture/{quantity}_{name}": float(value)
        for name, row in faithfulness.iterrows()
        for quantity, value in row.items()
    }


def describe_faithfulness(faithfulness: pd.DataFrame, name: str) -> str:
    """Summarise the faithfulness of an embedding in one line."""
    row = faithfulness.loc[name]
    return (
        f"Trustworthiness {row['trustworthiness']:.3f} (test samples "
        f"{row['trustworthiness_test']:.3f}); "
        f"{row['neighbours']:.0%} of the nearest neighbours kept (test samples "
        f"{row['neighbours_test']:.0%})"
    )
