"""Reconstruction of test samples from their latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from genexp.evaluation.baselines import Representation
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.task import EvaluationInputs, Result, SampleScores, Task, name_suffix
from genexp.model.pca import ROWS_AT_A_TIME

SAME = 1e-4
"""Relative tolerance of two logged values of the same sample: tables are logged with six digits."""


@dataclass(frozen=True)
class ReconstructionScores(SampleScores):
    """R2 over test samples: their squared errors relative to their squared distances from the train
    mean (``total``).
    """

    table = "reconstruction_samples"
    gain = True
    quantity = "R2"
    metric = "r2/test"

    @property
    def representations(self) -> list[str]:
        """Representations with a decoder."""
        return [str(name) for name in self.samples.columns.drop("total")]

    def score(self, representation: str, weights: np.ndarray) -> np.ndarray:
        """R2 (n_draws,)."""
        return bootstrap_r2(self.samples, representation, weights)

    def matches(self, other: ReconstructionScores) -> bool:
        """Check that the genes and their scaling are the same, by the distances from the train
        mean.
        """
        return bool(np.allclose(self.samples["total"], other.samples["total"], rtol=SAME))


@dataclass(frozen=True)
class Reconstruction(Result):
    """Reconstruction of test samples from their latents, in scaled gene space.

    R2 is 1 - sum (x - x_hat)^2 / sum (x - mean over train samples)^2, over all values or over those
    of one gene.

    Parameters
    ----------
    scores : DataFrame, (n_representations, 2)
        Columns ``mse`` (mean over samples and genes) and ``r2``.
    genes : DataFrame, (n_genes, 3 + n_baselines)
        Index gene name, matrix order; columns ``mse``, ``variance`` (mean squared distance from the
        train mean), ``r2``, ``r2_pca``; R2 is NaN where a gene has no variance on the test samples.
    samples : DataFrame, (n_test, 1 + n_representations)
        Sample table of the test samples: ``total`` (sum over genes of the squared distance from the
        train mean), and for each representation the sum over genes of squared errors (``encoder``,
        ``pca``, ``nmf``, ``random``).
    """

    scores: pd.DataFrame
    genes: pd.DataFrame
    samples: pd.DataFrame

    @property
    def metrics(self) -> dict[str, float]:
        """``r2/test`` and ``mse/test``, and those of the baselines."""
        return {
            f"{quantity}/test{name_suffix(name)}": float(value)
            for name, row in self.scores.iterrows()
            for quantity, value in row.items()
        }

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        return {"reconstruction_genes": self.genes, "reconstruction_samples": self.samples}

    @property
    def scores_by_sample(self) -> ReconstructionScores:
        """R2."""
        return ReconstructionScores(self.samples)

    def worst_genes(self, n: int = 20) -> pd.DataFrame:
        """Rows of ``genes`` with the lowest R2, worst first."""
        return self.genes.sort_values("r2", na_position="last", kind="stable").head(n)


def evaluate_reconstruction(
    representations: Sequence[Representation],
    X: np.ndarray,
    train_mean: np.ndarray,
    test: PartLatents,
    genes: pd.Index,
) -> Reconstruction:
    """Compute squared errors of test rows in scaled gene space, by sample and by gene.

    Parameters
    ----------
    representations : sequence of Representation
        The encoder and the baselines; those without a decoder are skipped.
    X : ndarray of float32, (n_test, n_genes)
        Test rows.
    train_mean : ndarray of float64, (n_genes,)
        Mean of the train rows: the prediction that R2 compares with.
    test : PartLatents
        Latents of the same rows.
    genes : Index, (n_genes,)
        Names of the genes.
    """
    decoders = {way.name: way.decode for way in representations if way.decode is not None}
    names = ["total", *decoders]
    samples, by_gene = (
        {name: np.zeros(len(X)) for name in names},
        {name: np.zeros(X.shape[1]) for name in names},
    )
    for start in range(0, len(X), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        reconstructions = {"total": train_mean} | {
            name: decode(test.z[name][rows]) for name, decode in decoders.items()
        }
        for name, x_hat in reconstructions.items():
            squared = np.square(X[rows] - x_hat, dtype=np.float64)
            samples[name][rows] = squared.sum(axis=1)
            by_gene[name] += squared.sum(axis=0) / len(X)
    table = pd.DataFrame(samples, index=test.obs.index)
    return Reconstruction(
        _score(table, X.shape[1]),
        _score_genes(pd.DataFrame(by_gene, index=genes).rename(columns={"total": "variance"})),
        table,
    )


def _score(samples: pd.DataFrame, n_genes: int) -> pd.DataFrame:
    errors = samples.drop(columns="total")
    return pd.DataFrame(
        {
            "mse": errors.sum() / (len(samples) * n_genes),
            "r2": 1 - errors.sum() / samples["total"].sum(),
        }
    ).rename_axis("representation")


def _score_genes(by_gene: pd.DataFrame) -> pd.DataFrame:
    variance = by_gene["variance"].where(by_gene["variance"] > 0)
    scores = {"mse": by_gene[ENCODER], "variance": by_gene["variance"]}
    for name in by_gene.columns.drop("variance"):
        scores["r2" if name == ENCODER else f"r2_{name}"] = 1 - by_gene[name] / variance
    return pd.DataFrame(scores).rename_axis("gene")


def bootstrap_r2(samples: pd.DataFrame, name: str, weights: np.ndarray) -> np.ndarray:
    """R2 (n_draws,) of a representation when test samples count ``weights`` (n_draws, n_test)
    times.
    """
    return 1 - (weights @ samples[name].to_numpy()) / (weights @ samples["total"].to_numpy())


class ReconstructionTask(Task):
    """Squared errors of test samples in scaled gene space."""

    name = "reconstruction"
    title = "Reconstruction"
    one_thread = False
    scores = ReconstructionScores
    metrics: ClassVar = {
        "r2/test": (
            "share of the squared distance from the train mean that the reconstruction explains, "
            "over all values; higher is better"
        ),
        "mse/test": (
            "mean squared error over test samples and genes, scaled values; lower is better"
        ),
    }
    tables: ClassVar = {
        "reconstruction_genes": "error and R² of every gene, test samples",
        "reconstruction_samples": "squared error of every test sample",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Reconstruction:
        """Reconstruct the test samples from every representation that has a decoder."""
        mean = inputs.X["train"].mean(axis=0, dtype=np.float64)
        return evaluate_reconstruction(
            inputs.representations, inputs.X["test"], mean, inputs.test, inputs.genes
        )
