"""What every encoder stands beside: baselines with as many components, fitted on the same train samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from genexp.evaluation.results import ENCODER
from genexp.model.encoder import Encoder

GENES_AT_A_TIME = 2048
ROWS_AT_A_TIME = 1024


@dataclass(frozen=True)
class Representation:
    """A way from scaled expression (n, n_genes) to latents (n, n_latent) and back."""

    name: str
    encode: Callable[[np.ndarray], np.ndarray]
    decode: Callable[[np.ndarray], np.ndarray]

    def latents(self, X: np.ndarray) -> np.ndarray:
        """Latents of rows (n, n_genes) as float64 (n, n_latent), in blocks of rows."""
        blocks = [self.encode(np.asarray(X[start : start + ROWS_AT_A_TIME])) for start in range(0, max(len(X), 1), ROWS_AT_A_TIME)]
        return np.concatenate(blocks).astype(np.float64)


def fit_pca(X: np.ndarray, n_components: int) -> Representation:
    """Exact principal components of train rows.

    The smaller of the Gram matrix (n x n) and the covariance (n_genes x n_genes) is decomposed, in float64 whatever the
    dtype of ``X``; the sign makes the largest weight of each component positive.

    Parameters
    ----------
    X : ndarray of float32, (n_train, n_genes)
    n_components : int
        Cut to the rank that the train rows can have.
    """
    mean = X.mean(axis=0, dtype=np.float64)
    axes = _axes_by_gram(X, mean, n_components) if len(X) <= X.shape[1] else _axes_by_covariance(X, mean, n_components)
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return Representation("pca", encode=lambda x: (x - mean) @ axes, decode=lambda z: z @ axes.T + mean)


def _axes_by_gram(X: np.ndarray, mean: np.ndarray, n_components: int) -> np.ndarray:
    gram = np.zeros((len(X), len(X)))
    for _, part in _centred_genes(X, mean):
        gram += part @ part.T
    values, left = _largest(gram, n_components)
    axes = np.empty((X.shape[1], len(values)))
    for block, part in _centred_genes(X, mean):
        axes[block] = part.T @ (left / np.sqrt(values))
    return axes


def _axes_by_covariance(X: np.ndarray, mean: np.ndarray, n_components: int) -> np.ndarray:
    centred = X - mean
    return _largest(centred.T @ centred, n_components)[1]


def _centred_genes(X: np.ndarray, mean: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    for start in range(0, X.shape[1], GENES_AT_A_TIME):
        block = slice(start, start + GENES_AT_A_TIME)
        yield block, X[:, block] - mean[block]


def _largest(matrix: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Up to ``k`` largest eigenvalues, descending, of a symmetric matrix, and their vectors; those of rounding are left out."""
    from scipy.linalg import eigh

    n = len(matrix)
    values, vectors = eigh(matrix, subset_by_index=(max(n - k, 0), n - 1), overwrite_a=True, check_finite=False)
    kept = values[::-1] > 1e-10 * values[-1]
    return values[::-1][kept], vectors[:, ::-1][:, kept]


BASELINES: Mapping[str, Callable[[np.ndarray, int], Representation]] = {"pca": fit_pca}
"""Baselines by name: each is fitted on train rows (n_train, n_genes) for a number of components."""


def build_representations(encoder: Encoder, train: np.ndarray) -> list[Representation]:
    """Put the encoder first, then every baseline with its number of latents."""
    fitted = [fit(train, encoder.n_latent) for fit in BASELINES.values()]
    return [Representation(ENCODER, encoder.encoder, lambda z: encoder.decoder(z.astype(np.float32))), *fitted]
