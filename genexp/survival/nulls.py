"""Null models of survival: as many random genes, and as many random projections, instead of the
latents.

Most sets of random genes predict survival in many cancers (Venet et al., PLoS Computational Biology
2011). A concordance above 1/2 therefore says little about a representation; its rank among these
null models says more.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from genexp.evaluation.probe import scale_latents
from genexp.survival.cox import c_index
from genexp.survival.regression import choose_cox_penalty, fit_ridge
from genexp.survival.scores import FollowUp

N_NULLS = 20
"""Draws of each kind."""
KINDS = ("random genes", "random projections")


def draw_nulls(
    X: np.ndarray, in_train: np.ndarray, patients: pd.DataFrame, n_latent: int, seed: int
) -> pd.DataFrame:
    """Draw null models, and measure their concordance on test patients.

    Each is a ridge Cox regression like that of the encoder, fitted on train patients.

    Parameters
    ----------
    X : ndarray of float32, (n_patients, n_genes)
        Scaled rows of train and test patients.
    in_train : ndarray of bool, (n_patients,)
    patients : DataFrame, (n_patients, ...)
        ``time_days``, ``event``.
    n_latent : int
        Genes, or directions, of each draw.
    seed : int

    Returns
    -------
    DataFrame, (2 * N_NULLS, 2)
        Columns ``kind`` (of ``KINDS``), ``c_index``.
    """
    rng = np.random.default_rng(seed)  # one stream: all random genes first, then all projections
    train, test = FollowUp.of(patients[in_train]), FollowUp.of(patients[~in_train])
    rows = []
    for kind in KINDS:
        for _ in range(N_NULLS):
            columns = _draw_columns(kind, X, min(n_latent, X.shape[1]), rng)
            z, z_test = scale_latents(kind, columns[in_train], columns[~in_train])
            penalty = choose_cox_penalty(z, train.time, train.event, seed)
            risk = z_test @ fit_ridge(z, train.time, train.event, penalty)
            rows.append({"kind": kind, "c_index": float(c_index(test.time, test.event, risk)[0])})
    return pd.DataFrame(rows)


def _draw_columns(kind: str, X: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Columns (n_patients, n) of a draw."""
    if kind == KINDS[0]:
        return X[:, rng.choice(X.shape[1], n, replace=False)].astype(np.float64)
    return (X @ rng.standard_normal((X.shape[1], n), dtype=np.float32)).astype(np.float64)


def compare_with_nulls(nulls: pd.DataFrame, concordance: float) -> pd.DataFrame:
    """Compare a concordance with those of the null models.

    Returns
    -------
    DataFrame, (2, 4)
        Index ``kind``: ``median``, ``low``, ``high`` (5th and 95th percentile) of the nulls, and
        ``as_good``, the share of nulls whose value is at least ``concordance``.
    """
    grouped = nulls.groupby("kind", sort=False)["c_index"]
    table = (
        grouped.quantile([0.5, 0.05, 0.95]).unstack().set_axis(["median", "low", "high"], axis=1)
    )
    return table.assign(as_good=grouped.apply(lambda values: float((values >= concordance).mean())))
