"""An order of genes in which neighbours move together."""

from __future__ import annotations

import numpy as np

MAX_AXES = 16
"""Leading principal axes that decide the order."""
LEAF = 16
"""Genes that are ordered by one axis, not divided further."""


def order_by_correlation(loadings: np.ndarray) -> np.ndarray:
    """Order genes by principal direction divisive partitioning (Boley, Data Mining and Knowledge
    Discovery 1998).

    Genes are sorted along the direction in which their loadings differ most and halved, and so is
    each half: a hierarchy whose leaves, read from left to right, are the order. A half is read in
    its parent's sense.

    Parameters
    ----------
    loadings : ndarray, (n_genes, n_axes)
        Of the genes on principal axes, times the standard deviations along these: the product of
        two rows is the genes' covariance.

    Returns
    -------
    ndarray of int64, (n_genes,)
        Indices of the genes, first to last.
    """
    points = np.asarray(loadings[:, :MAX_AXES], dtype=np.float64)
    return np.concatenate(_divide(points, np.arange(len(points)), np.ones(points.shape[1])))


def _divide(points: np.ndarray, members: np.ndarray, parent: np.ndarray) -> list[np.ndarray]:
    centred = points[members] - points[members].mean(axis=0)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    # The sign of an eigenvector is arbitrary, and differs between libraries; that of the parent
    # fixes it.
    axis = axis if axis @ parent >= 0 else -axis
    ordered = members[np.argsort(centred @ axis, kind="stable")]
    if len(members) <= LEAF:
        return [ordered]
    half = len(members) // 2
    return _divide(points, ordered[:half], axis) + _divide(points, ordered[half:], axis)
