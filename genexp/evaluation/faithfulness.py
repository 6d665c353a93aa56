"""How far a picture of the latent can be believed: whether neighbours in the picture are neighbours in the latent, and the reverse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from genexp.evaluation.latents import ENCODER, PartLatents

NEIGHBOURS = 15
"""Neighbours that are compared; fewer in small cohorts."""
ROWS = 2000
"""Train samples, at most, among which neighbours are sought: the cost is quadratic."""


def measure_faithfulness(parts: Sequence[PartLatents], coordinates: pd.DataFrame, maps: Sequence[str], seed: int) -> pd.DataFrame:
    """Trustworthiness and neighbour preservation of each picture.

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
        Index ``map``: ``trustworthiness`` and ``neighbours`` of train samples among themselves, ``trustworthiness_test`` and
        ``neighbours_test`` of the test samples placed among the train samples.
    """
    train, test = parts[0].z[ENCODER], parts[-1].z[ENCODER]
    shown = np.sort(np.random.default_rng(seed).permutation(len(train))[:ROWS])
    k = max(1, min(NEIGHBOURS, (len(shown) - 1) // 2 - 1))
    among, placed = _rank_neighbours(train[shown], train[shown], same=True), _rank_neighbours(test, train[shown])
    rows = {}
    for name in maps:
        picture = coordinates[[f"{name}_1", f"{name}_2"]].to_numpy(dtype=float)
        drawn, put = picture[: len(train)][shown], picture[len(picture) - len(test) :]
        own = compare_neighbours(among, _rank_neighbours(drawn, drawn, same=True), k, len(shown) - 1)
        other = compare_neighbours(placed, _rank_neighbours(put, drawn), k, len(shown))
        rows[name] = dict(zip(("trustworthiness", "neighbours", "trustworthiness_test", "neighbours_test"), own + other, strict=True))
    return pd.DataFrame(rows).T.rename_axis("map")


def _rank_neighbours(points: np.ndarray, among: np.ndarray, same: bool = False) -> np.ndarray:
    """Rank (n, n_among), from 1, of each sample among the neighbours of a point; a point itself is the last."""
    from scipy.spatial.distance import cdist

    distances = cdist(points, among)
    if same:
        np.fill_diagonal(distances, np.inf)
    order = distances.argsort(axis=1, kind="stable")
    ranks = np.empty(order.shape, dtype=np.int32)
    np.put_along_axis(ranks, order, np.arange(1, order.shape[1] + 1, dtype=np.int32)[None, :], axis=1)
    return ranks


def compare_neighbours(latent: np.ndarray, picture: np.ndarray, k: int, n_others: int) -> tuple[float, float]:
    """Trustworthiness, and the mean share of the k nearest in the latent that are among the k nearest in the picture.

    Trustworthiness is 1 - 2 / (n k (2 N - 3 k + 1)) times the sum, over the k nearest in the picture, of how far the rank in the latent
    is beyond k (Venna & Kaski, ICANN 2001, with N = n - 1 others); a placed sample has all N train samples as others.

    Parameters
    ----------
    latent, picture : ndarray of int, (n, n_among)
        Ranks of the same samples in the latent and in the picture.
    k : int
        Neighbours.
    n_others : int
        N, the samples that can be neighbours.
    """
    if not len(latent):
        return float("nan"), float("nan")
    near = picture <= k
    beyond = np.maximum(latent - k, 0)[near].sum()
    trust = 1 - 2 * float(beyond) / (len(latent) * k * (2 * n_others - 3 * k + 1))
    return trust, float((near & (latent <= k)).sum() / (len(latent) * k))


def name_metrics(faithfulness: pd.DataFrame) -> dict[str, float]:
    """``picture/trustworthiness_tsne``, ``picture/neighbours_test_umap`` ..."""
    return {f"picture/{quantity}_{name}": float(value) for name, row in faithfulness.iterrows() for quantity, value in row.items()}


def describe_faithfulness(faithfulness: pd.DataFrame, name: str) -> str:
    """Say in one line how far a picture can be believed."""
    row = faithfulness.loc[name]
    return (
        f"Trustworthiness {row['trustworthiness']:.3f} (placed test samples {row['trustworthiness_test']:.3f}), "
        f"{row['neighbours']:.0%} of the nearest neighbours kept ({row['neighbours_test']:.0%})"
    )
