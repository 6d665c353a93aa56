"""Independent components of train rows, for comparisons with papers that have them."""

from __future__ import annotations

import warnings

import numpy as np

from genexp.evaluation.baselines import Representation, fit_pca

MAX_ROUNDS, TOLERANCE = 400, 1e-3


def fit_ica(X: np.ndarray, n_components: int, seed: int) -> Representation:
    """FastICA (Hyvärinen & Oja, Neural Networks 2000) by scikit-learn, on the principal components
    of train rows (n_train, n_genes).

    ICA turns standardised principal components, so what it rebuilds is what PCA of the same size
    rebuilds; its components differ. A turn that is not finished after ``MAX_ROUNDS`` is taken as it
    is.

    Parameters
    ----------
    X : ndarray of float32, (n_train, n_genes)
    n_components : int
    seed : int
        Of the start.
    """
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    pca = fit_pca(X, n_components)
    assert pca.decode is not None
    back, z = pca.decode, pca.latents(X)
    spread = z.std(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        turn = (
            FastICA(max_iter=MAX_ROUNDS, tol=TOLERANCE, random_state=seed, whiten=False)
            .fit(z / spread)
            .components_
        )
    return Representation(
        "ica", lambda x: pca.encode(x) / spread @ turn.T, lambda z: back(z @ turn * spread)
    )
