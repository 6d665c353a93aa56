"""How well test samples are rebuilt from their latents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from genexp.evaluation.baselines import ROWS_AT_A_TIME, Representation
from genexp.evaluation.results import ENCODER, PartLatents, Reconstruction


def evaluate_reconstruction(
    representations: Sequence[Representation], X: np.ndarray, train_mean: np.ndarray, test: PartLatents, genes: pd.Index
) -> Reconstruction:
    """Squared errors of test rows in scaled gene space, by sample and by gene.

    Parameters
    ----------
    representations : sequence of Representation
        The encoder and the baselines; those without a way back are left out.
    X : ndarray of float32, (n_test, n_genes)
        Test rows.
    train_mean : ndarray of float64, (n_genes,)
        Mean of the train rows: the guess that R2 compares with.
    test : PartLatents
        Latents of the same rows.
    genes : Index, (n_genes,)
        Names of the genes.
    """
    decoders = {one.name: one.decode for one in representations if one.decode is not None}
    names = ["total", *decoders]
    samples, by_gene = {name: np.zeros(len(X)) for name in names}, {name: np.zeros(X.shape[1]) for name in names}
    for start in range(0, len(X), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        guesses = {"total": train_mean} | {name: decode(test.z[name][rows]) for name, decode in decoders.items()}
        for name, guess in guesses.items():
            squared = np.square(X[rows] - guess, dtype=np.float64)
            samples[name][rows] = squared.sum(axis=1)
            by_gene[name] += squared.sum(axis=0) / len(X)
    table = pd.DataFrame(samples, index=test.obs.index)
    return Reconstruction(
        _score(table, X.shape[1]), _score_genes(pd.DataFrame(by_gene, index=genes).rename(columns={"total": "variance"})), table
    )


def _score(samples: pd.DataFrame, n_genes: int) -> pd.DataFrame:
    errors = samples.drop(columns="total")
    return pd.DataFrame({"mse": errors.sum() / (len(samples) * n_genes), "r2": 1 - errors.sum() / samples["total"].sum()}).rename_axis(
        "representation"
    )


def _score_genes(by_gene: pd.DataFrame) -> pd.DataFrame:
    variance = by_gene["variance"].where(by_gene["variance"] > 0)
    scores = {"mse": by_gene[ENCODER], "variance": by_gene["variance"]}
    for name in by_gene.columns.drop("variance"):
        scores["r2" if name == ENCODER else f"r2_{name}"] = 1 - by_gene[name] / variance
    return pd.DataFrame(scores).rename_axis("gene")


def bootstrap_r2(samples: pd.DataFrame, name: str, weights: np.ndarray) -> np.ndarray:
    """R2 (n_draws,) of a representation when test samples count ``weights`` (n_draws, n_test) times."""
    return 1 - (weights @ samples[name].to_numpy()) / (weights @ samples["total"].to_numpy())
