"""Principal components of train rows, for the start of training and for the baseline that encoders
are compared with.

The smaller of the Gram matrix (n x n) and the covariance (n_genes x n_genes) is decomposed. Both
are summed in float64, block by block: a direction of singular value s carries the rounding of the
largest one divided by s, and expression has singular values that differ by orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

GENES_AT_A_TIME = 2048
ROWS_AT_A_TIME = 1024
RELATIVE_RANK = 1e-10
"""Eigenvalues below this share of the largest are rounding of the float32 input: (1e-5)^2 of
singular values."""

Blocks = Iterable[tuple[slice, np.ndarray]]
"""Some genes, and the centred values of all rows there, (n, n_some) of float64."""


def decompose_rows(
    blocks: Blocks, n_rows: int, k: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Left singular vectors (n, r) and singular values (r,) of centred rows, largest first, of
    float64.

    Parameters
    ----------
    blocks : iterable of (slice, ndarray)
        The rows, some genes at a time.
    n_rows : int
    k : int, optional
        How many at most; all directions that the rows span, if not given.
    """
    gram = np.zeros((n_rows, n_rows))
    for _, part in blocks:
        gram += part @ part.T
    values, vectors = _find_largest(gram, k)
    return np.ascontiguousarray(vectors), np.sqrt(values)


def find_axes(
    blocks: Callable[[], Blocks], X: np.ndarray, mean: np.ndarray, k: int, whole: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Principal axes (n_genes, k) of rows, and the squared length (k,) of the rows along them,
    largest first.

    Parameters
    ----------
    blocks : callable
        Gives the centred rows, some genes at a time; called twice.
    X : ndarray of float32, (n, n_genes)
        The rows, as they are.
    mean : ndarray, (n_genes,)
    k : int
        Cut to the rank that the rows have.
    whole : bool
        Decompose a Gram matrix whole, so that the axes are those of :func:`decompose_rows`, and
        keep axes without variance.
    """
    if len(X) > X.shape[1]:
        covariance = np.zeros((X.shape[1], X.shape[1]))
        for start in range(0, len(X), ROWS_AT_A_TIME):
            rows = X[start : start + ROWS_AT_A_TIME].astype(np.float64) - mean
            covariance += rows.T @ rows
        values, axes = _find_largest(covariance, k, keep_null=whole)
        return axes, values
    left, singular = decompose_rows(blocks(), len(X), None if whole else k)
    weights = left[:, :k] / singular[:k]
    return np.concatenate([part.T @ weights for _, part in blocks()]), np.square(singular[:k])


def _find_largest(
    matrix: np.ndarray, k: int | None, keep_null: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Up to ``k`` largest eigenvalues, descending, of a symmetric matrix, and their vectors; those
    of rounding are left out, or kept.
    """
    from scipy.linalg import eigh

    n = len(matrix)
    # divide and conquer is the fastest for all eigenvectors, and has no variant for some
    if k is None:
        values, vectors = eigh(matrix, overwrite_a=True, check_finite=False, driver="evd")
    else:
        values, vectors = eigh(
            matrix, subset_by_index=(max(n - k, 0), n - 1), overwrite_a=True, check_finite=False
        )
    kept = (values[::-1] > RELATIVE_RANK * values[-1]) | keep_null
    return values[::-1][kept], vectors[:, ::-1][:, kept]
