"""Novelty of samples compared with the train samples: by reconstruction error, and by distance of
the latents.

A :class:`Calibration` travels with the encoder, so that ``encode`` can assess another cohort
without the cohort that it was trained on. Its p-values are conformal (Bates, Candès, Lei, Romano &
Sesia, Annals of Statistics 2023): p = (1 + number of validation samples whose score is at least as
large) / (n_validation + 1). Where a sample comes from the same source as the validation samples, p
is at most a with a probability of at most a. Training stopped by these validation samples, which
makes their errors a little too small, and p with them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from genexp.model.encoder import Encoder, Network

SHARES = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Shares of absent genes at which the loss is foreseen."""
ROWS, ERROR_ROWS, DROPOUT_ROWS = 1000, 300, 100
"""Samples, at most, of each part that are encoded; train samples that are reconstructed; validation
samples whose genes are masked."""
ROWS_AT_A_TIME = 64


@dataclass(frozen=True)
class Calibration:
    """Reference values of novelty; all arrays are of float32 in a stored encoder.

    Parameters
    ----------
    mean : ndarray, (n_latent,)
        Of the train latents.
    precision : ndarray, (n_latent, n_latent)
        Inverse of their covariance, shrunken after Ledoit & Wolf (Journal of Multivariate Analysis
        2004) on standardised latents.
    centre, spread : ndarray, (2,)
        Median, and 1.4826 times the median distance from it, over train samples, of the logarithms
        of error and distance.
    scores : ndarray, (n_val, 2)
        Error (mean squared error of the scaled values) and distance (Mahalanobis) of the validation
        samples.
    dropout : ndarray, (n_shares, 3)
        Share of absent genes; loss over all genes with these at their train mean, as a multiple of
        the loss without; shift of the latents (root mean square over validation samples) as a
        multiple of their standard deviation. The first row is (0, 1, 0).
    """

    mean: np.ndarray
    precision: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    scores: np.ndarray
    dropout: np.ndarray

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays of float32 by name, as an encoder carries them."""
        return {
            field.name: np.asarray(getattr(self, field.name), dtype=np.float32)
            for field in fields(self)
        }

    @classmethod
    def of(cls, encoder: Encoder) -> Calibration | None:
        """Calibration that an encoder carries; None for encoders of earlier versions."""
        return cls(**encoder.calibration) if encoder.calibration else None

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that so many validation samples can give."""
        return 1 / (len(self.scores) + 1)

    def foresee_loss(self, absent: float) -> float:
        """Expected loss, as a multiple, when this share of the genes is absent; NaN beyond the
        curve.
        """
        return float(np.interp(absent, self.dropout[:, 0], self.dropout[:, 1], right=np.nan))

    def foresee_shift(self, absent: float) -> float:
        """Expected shift of the latents, in standard deviations, when this share of the genes is
        absent; NaN beyond the curve.
        """
        return float(np.interp(absent, self.dropout[:, 0], self.dropout[:, 2], right=np.nan))


def calibrate_novelty(
    encoder: Network, decoder: Network, X_train: np.ndarray, X_val: np.ndarray, seed: int
) -> Calibration:
    """Measure train and validation samples.

    Parameters
    ----------
    encoder, decoder : Network
        On scaled values.
    X_train, X_val : ndarray of float32, (n_train, n_genes) and (n_val, n_genes)
        Scaled values; both at least one row, of which ``ROWS`` are taken.
    seed : int
        Of the rows taken and of the genes masked.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(X_train))[:ROWS]
    val = np.asarray(X_val[rng.permutation(len(X_val))[:ROWS]])
    z = np.concatenate([_encode(encoder, X_train[some]) for some in _cut(rows)])
    mean, precision = z.mean(axis=0), _invert_covariance(z)
    few = rows[:ERROR_ROWS]
    errors = [
        measure_errors(decoder, latents, X_train[block])
        for latents, block in zip(_cut(z[: len(few)]), _cut(few), strict=True)
    ]
    train_scores = np.column_stack(
        [np.concatenate(errors), measure_distances(z[: len(few)], mean, precision)]
    )
    z_val = _encode(encoder, val)
    scores = np.column_stack(
        [measure_errors(decoder, z_val, val), measure_distances(z_val, mean, precision)]
    )
    centres = sum(X_train[some].sum(axis=0, dtype=np.float64) for some in _cut(rows)) / len(rows)
    # Logarithms, as errors and distances are skewed; a sample that is reconstructed exactly must
    # not give minus infinity.
    logs = np.log(np.maximum(train_scores, 1e-12))
    centre = np.median(logs, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(logs - centre), axis=0), 1e-6)
    return Calibration(
        mean,
        precision,
        centre,
        spread,
        scores,
        _mask_genes(encoder, decoder, val[:DROPOUT_ROWS], centres.astype(np.float32), rng),
    )


def _cut(rows: np.ndarray) -> list[np.ndarray]:
    """Blocks of at most ``ROWS_AT_A_TIME``."""
    return [rows[start : start + ROWS_AT_A_TIME] for start in range(0, len(rows), ROWS_AT_A_TIME)]


def _encode(encoder: Network, X: np.ndarray) -> np.ndarray:
    blocks = [
        encoder(X[start : start + ROWS_AT_A_TIME])
        for start in range(0, max(len(X), 1), ROWS_AT_A_TIME)
    ]
    return np.concatenate(blocks).astype(np.float64)


def _invert_covariance(z: np.ndarray) -> np.ndarray:
    """Shrunken precision (n_latent, n_latent); a constant latent has a floor of its standard
    deviation in place of 0.
    """
    from sklearn.covariance import ledoit_wolf

    std = np.maximum(z.std(axis=0), 1e-9 * max(1.0, float(np.abs(z).max(initial=0.0))))
    covariance, _ = ledoit_wolf((z - z.mean(axis=0)) / std)
    return np.asarray(np.linalg.pinv(np.atleast_2d(covariance)) / np.outer(std, std))


def measure_errors(
    decoder: Network, z: np.ndarray, X: np.ndarray, measured: np.ndarray | None = None
) -> np.ndarray:
    """Mean squared error (n,) of the reconstruction of rows X (n, n_genes) from latents, over the
    ``measured`` values (n, n_genes).
    """
    errors = np.empty(len(z))
    for start in range(0, len(z), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        squared = np.square(X[rows] - decoder(z[rows].astype(np.float32)), dtype=np.float64)
        errors[rows] = (
            squared.mean(axis=1) if measured is None else squared.mean(axis=1, where=measured[rows])
        )
    return errors


def measure_distances(z: np.ndarray, mean: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Mahalanobis distance (n,) of latents (n, n_latent)."""
    away = z - mean
    return np.asarray(
        np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", away, precision, away, optimize=True), 0))
    )


def _mask_genes(
    encoder: Network, decoder: Network, X: np.ndarray, mean: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Curve (n_shares + 1, 3) of loss and shift when random genes, others in every sample, are set
    to their train mean (n_genes,).
    """
    z = _encode(encoder, X)
    loss = measure_errors(decoder, z, X).mean()
    std = np.sqrt(np.square(z - z.mean(axis=0)).sum(axis=1).mean())
    rows = [(0.0, 1.0, 0.0)]
    for share in SHARES:
        moved = _encode(encoder, np.where(rng.random(X.shape, dtype=np.float32) < share, mean, X))
        shift = np.sqrt(np.square(moved - z).sum(axis=1).mean())
        rows.append(
            (
                share,
                measure_errors(decoder, moved, X).mean() / max(loss, 1e-12),
                shift / max(std, 1e-12),
            )
        )
    return np.array(rows)


def assess_novelty(calibration: Calibration, scores: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """Conformal p-values of samples by their scores.

    Both scores count in one: the larger of error and distance, each as logarithm, from the train
    median in units of its scale. So the combined p is a conformal one too, and no correction for
    two looks is needed.

    Parameters
    ----------
    calibration : Calibration
    scores : ndarray of float64, (n, 2)
        Error and distance.
    index : Index, (n,)
        Sample ids.

    Returns
    -------
    DataFrame, (n, 7)
        ``error``, ``distance``, ``p_error``, ``p_distance``, ``p`` (combined), ``q`` (Benjamini &
        Hochberg 1995), ``novel`` (q <= 0.05).
    """
    from scipy.stats import false_discovery_control

    reference = np.asarray(calibration.scores, dtype=np.float64)
    scores = scores.astype(np.float32).astype(np.float64)  # as stored: equal scores stay equal
    reference = reference.astype(np.float32).astype(np.float64)
    table = pd.DataFrame(scores, index=index.rename("sample_id"), columns=["error", "distance"])
    table["p_error"], table["p_distance"] = (
        rank_conformally(scores[:, i], reference[:, i]) for i in (0, 1)
    )
    table["p"] = rank_conformally(_combine(calibration, scores), _combine(calibration, reference))
    table["q"] = false_discovery_control(table["p"].to_numpy()) if len(table) else []
    return table.assign(novel=table["q"] <= 0.05)


def _combine(calibration: Calibration, scores: np.ndarray) -> np.ndarray:
    return np.asarray(
        ((np.log(np.maximum(scores, 1e-12)) - calibration.centre) / calibration.spread).max(axis=1)
    )


def rank_conformally(scores: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """p-values (n,): (1 + number of reference scores that are at least as large) / (n_reference +
    1).
    """
    at_least = len(reference) - np.searchsorted(np.sort(reference), scores, side="left")
    return np.asarray((1 + at_least) / (len(reference) + 1))


def score_samples(
    encoder: Encoder,
    calibration: Calibration,
    raw: np.ndarray,
    index: pd.Index,
    batch: pd.Series | None = None,
) -> pd.DataFrame:
    """Novelty of raw rows, as :func:`assess_novelty` gives it; the error is over the genes that a
    sample has.

    Parameters
    ----------
    encoder : Encoder
    calibration : Calibration
        The encoder's.
    raw : ndarray of float32, (n, n_genes)
        From :meth:`genexp.model.encoder.Encoder.align`: NaN where absent.
    index : Index, (n,)
    batch : Series of str, (n,), optional
        Batch of every sample; needed where the encoder corrects batches.
    """
    scores = np.empty((len(raw), 2))
    transform = encoder.transform.extend_to_batches(batch, len(raw), lambda places: raw[places])
    for start in range(0, len(raw), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        X = transform.apply(raw[rows], None if batch is None else batch.iloc[rows])
        z = encoder.encoder(X).astype(np.float64)
        scores[rows, 0] = measure_errors(encoder.decoder, z, X, ~np.isnan(raw[rows]))
        scores[rows, 1] = measure_distances(z, calibration.mean, calibration.precision)
    return assess_novelty(calibration, scores, index)


def describe_coverage(
    encoder: Encoder, absent: int, calibration: Calibration | None, novelty: pd.DataFrame | None
) -> str:
    """Describe the fit of an encoder and a foreign cohort: coverage of genes, loss that is to be
    expected, and novel samples.
    """
    n, share = len(encoder.genes), absent / len(encoder.genes)
    coverage = f"{n - absent:,} of {n:,} genes ({1 - share:.1%}) are there"
    if calibration is None or novelty is None:
        return f"{coverage}; novelty is not known: the encoder was registered without calibration"
    if absent:
        shift = calibration.foresee_shift(share)
        coverage += (
            f", expected loss x {calibration.foresee_loss(share):.2f}, latents moved by "
            f"{shift:.0%} of their standard deviation"
        )
    low = float((novelty["p"] <= 0.05).mean()) if len(novelty) else float("nan")
    novel = (
        f"{int(novelty['novel'].sum()):,} of {len(novelty):,} samples are novel (false discovery "
        "rate 5 %)"
    )
    return f"{coverage}; {novel}; p <= 0.05 for {low:.1%} (5 % where nothing is novel)"
