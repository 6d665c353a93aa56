"""Gene signatures of the latents and of attributed targets, and the activity of each latent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.model.encoder import Network

HIGH = 2.5
"""Standard deviations from the mean over genes above which a weight is high, as in ADAGE (Tan et
al., mSystems 2016)."""
DIRECTIONS = ("positive", "negative")
UNITS_AT_A_TIME = 32


@dataclass(frozen=True)
class Signatures:
    """Gene signatures of the latents, and of the targets of the attribution.

    Parameters
    ----------
    weights : DataFrame of float32, (n_genes, n_latent)
        Change of each gene's reconstruction, in scaled gene space, as a latent rises by one train
        standard deviation, others at their mean: the decoder's weight where it is linear.
    genes : mapping of (source, target, direction) to Index
        High-weight genes, strongest first: source ``decoder`` (of ``weights``) or ``attribution``
        (of its strength), target a latent, class or risk, direction ``positive`` or ``negative``.
    units : DataFrame, (n_latent, 8)
        Index ``latent``, most active first: ``activity`` (mean square of ``weights`` over genes:
        the mean variance of the reconstruction by this latent alone), ``share`` of all activity,
        train ``mean``, ``sd``, ``skewness``; ``shift`` (test mean minus train mean, in train
        standard deviations); ``n_positive``, ``n_negative`` high-weight genes of the decoder.
    """

    weights: pd.DataFrame
    genes: Mapping[tuple[str, str, str], pd.Index]
    units: pd.DataFrame

    def list_genes(self) -> pd.DataFrame:
        """All signatures, one gene per row: ``source``, ``target``, ``direction``, ``rank``,
        ``gene``.
        """
        rows = [
            (*key, rank, gene)
            for key, genes in self.genes.items()
            for rank, gene in enumerate(genes, start=1)
        ]
        return pd.DataFrame(rows, columns=["source", "target", "direction", "rank", "gene"])


def weigh_genes(
    decoder: Network, z_train: np.ndarray, latents: Iterable[str], genes: pd.Index
) -> pd.DataFrame:
    """Weights (n_genes, n_latent) of :class:`Signatures`, by central differences around the train
    mean of the latents.
    """
    centre, std = z_train.mean(axis=0), z_train.std(axis=0)
    weights = np.empty((len(genes), len(centre)), dtype=np.float32)
    for start in range(0, len(centre), UNITS_AT_A_TIME):
        units = np.arange(start, min(start + UNITS_AT_A_TIME, len(centre)))
        step = np.eye(len(centre))[units] * std
        # Central difference over one standard deviation: exact for a linear decoder, a mean slope
        # for others
        high, low = (decoder((centre + sign * step).astype(np.float32)) for sign in (0.5, -0.5))
        weights[:, units] = (high - low).T
    return pd.DataFrame(weights, index=genes.rename("gene"), columns=list(latents))


def rank_units(weights: pd.DataFrame) -> pd.Series:
    """Activity of each latent, most active first."""
    return pd.Series(
        np.square(weights.to_numpy(), dtype=np.float64).mean(axis=0), index=weights.columns
    ).sort_values(ascending=False, kind="stable")


def find_signatures(
    weights: pd.DataFrame, strength: pd.DataFrame, z_train: np.ndarray, z_test: np.ndarray
) -> Signatures:
    """Find the signature of every latent by the decoder's weights, and of every target by its
    attribution; describe the latents.

    Parameters
    ----------
    weights : DataFrame, (n_genes, n_latent)
        From :func:`weigh_genes`.
    strength : DataFrame, (n_genes, n_targets)
        Signed strength of the attribution.
    z_train, z_test : ndarray, (n, n_latent)
        Latents.
    """
    genes: dict[tuple[str, str, str], pd.Index] = {}
    for source, table in (("decoder", weights), ("attribution", strength)):
        for target in table:
            genes |= {
                (source, str(target), direction): signature
                for direction, signature in _pick_high(table[target]).items()
            }
    return Signatures(weights, genes, _describe_units(weights, genes, z_train, z_test))


def _pick_high(column: pd.Series) -> dict[str, pd.Index]:
    """Genes whose weight is ``HIGH`` standard deviations above or below the mean over genes,
    strongest first.
    """
    values = column.to_numpy(dtype=np.float64)
    std = values.std()
    score = (values - values.mean()) / std if std > 0 else np.zeros(len(values))
    order = np.argsort(-score, kind="stable")
    return {
        "positive": column.index[order[score[order] > HIGH]],
        "negative": column.index[order[::-1][score[order[::-1]] < -HIGH]],
    }


def _describe_units(
    weights: pd.DataFrame,
    genes: Mapping[tuple[str, str, str], pd.Index],
    z_train: np.ndarray,
    z_test: np.ndarray,
) -> pd.DataFrame:
    from scipy.stats import skew

    mean, std = z_train.mean(axis=0), z_train.std(axis=0)
    divisor = np.where(std > 1e-12, std, 1.0)
    standard = (z_train - mean) / divisor
    units = pd.DataFrame(
        {
            "mean": mean,
            "sd": std,
            "skewness": np.where(
                std > 1e-12, skew(standard + 0.0, axis=0) if len(standard) else 0.0, 0.0
            ),
            "shift": (z_test.mean(axis=0) - mean) / divisor,
            **{
                f"n_{side}": [len(genes["decoder", name, side]) for name in weights.columns]
                for side in DIRECTIONS
            },
        },
        index=weights.columns,
    )
    activity = rank_units(weights)
    units.insert(0, "activity", activity)
    units.insert(1, "share", activity / max(float(activity.sum()), 1e-300))
    return units.loc[activity.index].rename_axis("latent")
