"""Baselines of every encoder, fitted on the same train samples: PCA, NMF and a random projection of
equal size, and the raw genes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from genexp.evaluation.latents import ENCODER, RAW
from genexp.model.encoder import Encoder
from genexp.model.pca import GENES_AT_A_TIME, ROWS_AT_A_TIME, find_axes

NMF_ROUNDS = 100
"""Maximum number of updates of both factors."""
NMF_TOLERANCE = 2e-4
"""Relative decrease of the squared error below which the factorisation ends."""
NMF_SWEEPS = 100
"""Sweeps of coordinate descent that give new rows their weights."""
MAX_DIRECTIONS = 1000
"""Maximum number of directions that stand for the raw genes: all that up to 1,001 train samples
have."""


@dataclass(frozen=True)
class Representation:
    """Map from scaled expression (n, n_genes) to latents (n, n_latent), and back where a decoder
    exists.
    """

    name: str
    encode: Callable[[np.ndarray], np.ndarray]
    decode: Callable[[np.ndarray], np.ndarray] | None

    def latents(self, X: np.ndarray) -> np.ndarray:
        """Latents of rows (n, n_genes) as float64 (n, n_latent), in blocks of rows."""
        blocks = [
            self.encode(np.asarray(X[start : start + ROWS_AT_A_TIME]))
            for start in range(0, max(len(X), 1), ROWS_AT_A_TIME)
        ]
        return np.concatenate(blocks).astype(np.float64)


def fit_pca(X: np.ndarray, n_components: int, seed: int = 0) -> Representation:
    """Exact principal components of train rows.

    The smaller of the Gram matrix (n x n) and the covariance (n_genes x n_genes) is decomposed, in
    float64 whatever the dtype of ``X``; the sign makes the largest weight of each component
    positive.

    Parameters
    ----------
    X : ndarray of float32, (n_train, n_genes)
    n_components : int
        Limited to the rank that the train rows can have.
    seed : int
        Not used: nothing is drawn.
    """
    # float64: float32 sums over many rows lose the small components
    mean = X.mean(axis=0, dtype=np.float64)
    axes, _ = find_axes(lambda: _centred_genes(X, mean), X, mean, n_components)
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return Representation(
        "pca", encode=lambda x: (x - mean) @ axes, decode=lambda z: z @ axes.T + mean
    )


def _centred_genes(X: np.ndarray, mean: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    for start in range(0, X.shape[1], GENES_AT_A_TIME):
        block = slice(start, start + GENES_AT_A_TIME)
        yield block, X[:, block] - mean[block]


def fit_nmf(X: np.ndarray, n_components: int, seed: int) -> Representation:
    """Non-negative factors of train rows, shifted by each gene's train minimum.

    Hierarchical alternating least squares (Cichocki & Phan, IEICE Transactions 2009); each
    component starts at the mean of five random train rows. Values of new rows below a gene's train
    minimum are negative; their weights are still not.

    Parameters
    ----------
    X : ndarray of float32, (n_train, n_genes)
    n_components : int
    seed : int
        Of the start.
    """
    floor = X.min(axis=0)
    with threadpool_limits(1):  # thin matrices: more threads only wait for each other
        genes = _factorise(X - floor, n_components, seed)
    square = genes @ genes.T

    def encode(x: np.ndarray) -> np.ndarray:
        start = np.zeros((n_components, len(x)), dtype=np.float32)
        with threadpool_limits(1):
            return solve_nonnegative(square, genes @ (x - floor).T, start, NMF_SWEEPS).T

    return Representation("nmf", encode, decode=lambda z: z.astype(np.float32) @ genes + floor)


def _factorise(Y: np.ndarray, n_components: int, seed: int) -> np.ndarray:
    """Non-negative components (n_components, n_genes) of non-negative rows (n, n_genes)."""
    rng = np.random.default_rng(seed)
    genes = np.stack(
        [
            Y[rng.choice(len(Y), min(5, len(Y)), replace=False)].mean(axis=0)
            for _ in range(n_components)
        ]
    )
    weights = np.zeros((n_components, len(Y)), dtype=np.float32)
    total = error = float(np.square(Y, dtype=np.float64).sum())
    for _ in range(NMF_ROUNDS):
        weights = solve_nonnegative(genes @ genes.T, genes @ Y.T, weights, n_sweeps=4)
        square, product = weights @ weights.T, weights @ Y
        genes = solve_nonnegative(square, product, genes, n_sweeps=2)
        before = error
        error = total - 2 * float(np.vdot(genes, product)) + float(np.vdot(square, genes @ genes.T))
        if before - error < NMF_TOLERANCE * before:
            break
    return genes


def solve_nonnegative(
    square: np.ndarray, product: np.ndarray, start: np.ndarray, n_sweeps: int
) -> np.ndarray:
    """Minimise ``|y - A w|^2`` over w >= 0 by cyclic coordinate descent, for many y at once.

    Parameters
    ----------
    square : ndarray, (k, k)
        ``A' A``.
    product : ndarray, (k, n)
        ``A' y`` of every y.
    start : ndarray, (k, n)
        Initial weights; not changed.
    n_sweeps : int
        Passes over the k coordinates.
    """
    used = np.flatnonzero(np.diag(square) > 0)
    blocks = []
    # blocks fit into the processor's cache
    for begin in range(0, max(start.shape[1], 1), GENES_AT_A_TIME):
        block = slice(begin, begin + GENES_AT_A_TIME)
        w, aim = np.array(start[:, block], order="C"), np.ascontiguousarray(product[:, block])
        for j in np.tile(used, n_sweeps):
            w[j] = np.maximum(w[j] + (aim[j] - square[j] @ w) / square[j, j], 0)
        blocks.append(w)
    return np.concatenate(blocks, axis=1)


def fit_random(X: np.ndarray, n_components: int, seed: int) -> Representation:
    """Project onto random orthonormal directions; the decoder is fitted to the train rows by least
    squares.

    Parameters
    ----------
    X : ndarray of float32, (n_train, n_genes)
    n_components : int
        Limited to the number of genes.
    seed : int
        Of the directions.
    """
    mean = X.mean(axis=0, dtype=np.float64)
    axes, _ = np.linalg.qr(
        np.random.default_rng(seed).standard_normal((X.shape[1], min(n_components, X.shape[1])))
    )
    z = X @ axes - mean @ axes
    back = np.linalg.pinv(z.T @ z) @ (z.T @ X - np.outer(z.sum(axis=0), mean))
    return Representation(
        "random", encode=lambda x: x @ axes - mean @ axes, decode=lambda z: z @ back + mean
    )


def fit_raw(X: np.ndarray, n_components: int, seed: int) -> Representation:
    """The genes themselves, rotated to the directions in which the train rows vary.

    The weights of a model with a ridge penalty lie in the row space of the train matrix (the
    representer theorem). Distances to train rows and their means differ there from those over all
    genes only by a constant of each row. Probe, Cox regression and k-means are therefore those on
    all genes, in as many columns as there are samples. With more than ``MAX_DIRECTIONS`` the
    leading ones are used. One common factor, which keeps the geometry of the genes, makes the train
    variance equal to that of ``n_components`` standardised latents, so that the same penalties suit
    both.

    Parameters
    ----------
    X : ndarray of float32, (n_train, n_genes)
    n_components : int
        Components of the other representations.
    seed : int
        Not used: nothing is drawn.
    """
    mean = X.mean(axis=0, dtype=np.float64)
    axes, lengths = find_axes(
        lambda: _centred_genes(X, mean), X, mean, min(len(X) - 1, MAX_DIRECTIONS)
    )
    axes = (axes * np.sqrt(n_components * len(X) / lengths.sum())).astype(np.float32)
    origin = mean.astype(np.float32)
    return Representation(RAW, encode=lambda x: (x - origin) @ axes, decode=None)


BASELINES: Mapping[str, Callable[[np.ndarray, int, int], Representation]] = {
    "pca": fit_pca,
    "nmf": fit_nmf,
    "random": fit_random,
    RAW: fit_raw,
}
"""Baselines by name: each is fitted on train rows (n_train, n_genes) for a number of components,
with a seed."""


def build_representations(encoder: Encoder, train: np.ndarray, seed: int) -> list[Representation]:
    """List the encoder and every baseline with the same number of latents."""
    fitted = [fit(train, encoder.n_latent, seed) for fit in BASELINES.values()]
    return [
        Representation(ENCODER, encoder.encoder, lambda z: encoder.decoder(z.astype(np.float32))),
        *fitted,
    ]
