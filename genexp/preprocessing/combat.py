"""ComBat: batches brought to one location and scale, gene by gene, shrunken over the genes of a
batch (empirical Bayes).

W. E. Johnson, C. Li & A. Rabinovic, Biostatistics 2007; the reference batch after Y. Zhang, D. F.
Jenkins, S. Manimaran & W. E. Johnson, BMC Bioinformatics 2018. Fitted on the same rows, it gives
the values of ``ComBat`` of sva. Unlike sva, fit and transform are two steps.

The model of gene j of sample i in batch s is ``x_ij = a_j + covariates_i b_j + g_sj + d_sj e_ij``;
corrected values are ``sigma_j (z_ij - g*_sj) / d*_sj + a_j + covariates_i b_j``, with z the
standardised values and g*, d* shrunken over genes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from genexp.errors import PreprocessError, name_some
from genexp.preprocessing.correction import MIN_GENES, Correction, make_map, read_batch
from genexp.preprocessing.quality import RESOLUTION
from genexp.preprocessing.shrinkage import Moments, Prior, shrink
from genexp.settings.preprocessing import PreprocessConfig

GENES_AT_A_TIME = 128
"""Number of genes fitted together in float64, which bounds the memory of the copies."""


@dataclass(frozen=True)
class ComBat:
    """Fitted correction, with the differences between categories that it keeps.

    Parameters
    ----------
    correction : Correction
        Correction of the values without these differences.
    levels : dict of str to tuple of str
        Categories of each covariate; the first is the reference of the others.
    effects : ndarray of float64, (n_effects, n_genes)
        Differences from the first category, covariate by covariate.
    """

    correction: Correction
    levels: dict[str, tuple[str, ...]]
    effects: np.ndarray

    def transform(
        self,
        X: np.ndarray,
        batch: Sequence[str] | np.ndarray,
        covariates: pd.DataFrame | None = None,
    ) -> np.ndarray:
        """Correct rows (n_samples, n_genes), NaN where missing; X is not changed.

        Raises
        ------
        BatchError
            A batch was not fitted and unseen batches are refused, or has fewer than two samples.
        PreprocessError
            The covariates differ from those of the fit, or have other categories.
        """
        names = read_batch(batch, len(X), self.correction.batches)
        kept = code_covariates(covariates, len(X), self.levels) @ self.effects
        values = X - kept
        return (
            self.correction.extend_to_batches(names, lambda rows: [values[rows]]).apply(
                values, names
            )
            + kept
        )


class Standard(NamedTuple):
    """Least-squares fit of some genes; the last axis of each array is that of the genes, see
    :func:`fit_combat`.
    """

    centre: np.ndarray
    spread: np.ndarray
    effects: np.ndarray
    n: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def fit_combat(
    X: np.ndarray,
    batch: Sequence[str] | np.ndarray,
    covariates: pd.DataFrame | None = None,
    *,
    prior: Prior = "parametric",
    reference: str = "",
    unseen: Literal["refuse", "estimate"] = "refuse",
) -> ComBat:
    """Fit location and scale of every batch in every gene.

    Genes that do not vary within some batch stay unchanged in all batches, as in sva; so do genes
    with fewer than two measured values in a batch.

    Parameters
    ----------
    X : ndarray, (n_samples, n_genes)
        Values on a scale on which batches differ by shift and factor (logarithms), NaN where
        missing.
    batch : sequence of str, (n_samples,)
        Batch, platform or laboratory of each sample.
    covariates : DataFrame, (n_samples, n_covariates), optional
        Categories whose differences are kept. Every sample that is transformed later needs them.
    prior : {"parametric", "nonparametric", "none"}
        Prior of location and scale over genes; none: no shrinkage, which is a z-score within each
        batch, on the pooled scale.
    reference : str
        Batch to which the others are adjusted, and which stays unchanged; empty: the mean of all
        batches.
    unseen : {"refuse", "estimate"}
        Treatment of other batches in ``transform``; see
        :meth:`genexp.preprocessing.correction.Correction.extend_to_batches`.

    Raises
    ------
    PreprocessError
        A batch of one sample, an unknown reference, covariates that batch or each other determine,
        or too few genes that vary.
    """
    names, codes = np.unique(read_batch(batch, len(X), ()), return_inverse=True)
    _check_batches(names, codes, reference)
    levels = (
        {}
        if covariates is None
        else {str(name): tuple(sorted(set(covariates[name].astype(str)))) for name in covariates}
    )
    design = np.column_stack(
        [np.eye(len(names))[codes], code_covariates(covariates, len(X), levels)]
    )
    _check_design(design, len(names), list(levels))
    reference_index = list(names).index(reference) if reference else None
    blocks = [
        _standardise(
            X[:, start : start + GENES_AT_A_TIME].astype(np.float64), design, codes, reference_index
        )
        for start in range(0, X.shape[1], GENES_AT_A_TIME)
    ]
    fitted = Standard(*(np.concatenate(arrays, axis=-1) for arrays in zip(*blocks, strict=True)))
    gain, offset = _map_batches(fitted, prior, reference_index)
    correction = Correction(
        tuple(map(str, names)), prior, unseen, fitted.centre, fitted.spread, gain, offset
    )
    return ComBat(correction, levels, fitted.effects)


def fit_correction(values: np.ndarray, batch: np.ndarray, config: PreprocessConfig) -> Correction:
    """Fit the configured correction on normalised train rows (n_train, n_genes), NaN where missing;
    arrays are float32.

    The fit has no covariates: keeping the differences between labels needs the label of every
    held-out sample, which would leak into its values. So differences between batches that come from
    different kinds of samples are removed, too.
    """
    prior: Prior = config.combat_prior if config.correction == "combat" else "none"
    fitted = fit_combat(
        values, batch, prior=prior, reference=config.reference_batch, unseen=config.unseen_batch
    ).correction
    arrays: dict[str, Any] = {
        name: array.astype(np.float32) for name, array in fitted.to_parts()[1].items()
    }
    return replace(fitted, **arrays)


def code_covariates(
    covariates: pd.DataFrame | None, n_samples: int, levels: dict[str, tuple[str, ...]]
) -> np.ndarray:
    """Code covariates as columns (n_samples, n_effects) of 0 and 1, one per category except the
    first of each covariate.
    """
    table = pd.DataFrame(index=range(n_samples)) if covariates is None else covariates
    if list(table) != list(levels) or len(table) != n_samples:
        raise PreprocessError(
            f"expected the covariates {name_some(levels)} of {n_samples} samples, found "
            f"{name_some(table)} of {len(table)}; "
            "give the covariates of the fit, one row per sample"
        )
    columns = [np.empty((n_samples, 0))]
    for name, categories in levels.items():
        values = table[name].astype(object)
        strange = sorted(
            {str(value) for value in values if pd.isna(value) or str(value) not in categories}
        )
        if strange:
            raise PreprocessError(
                f"covariate {name}: expected {name_some(categories)} for every sample, found "
                f"{name_some(strange)}; correct these values"
            )
        columns.append(
            (
                values.astype(str).to_numpy()[:, None] == np.array(categories[1:], dtype=object)
            ).astype(float)
        )
    return np.column_stack(columns)


def _check_batches(names: np.ndarray, codes: np.ndarray, reference: str) -> None:
    few = names[np.bincount(codes) < 2]
    if len(few):
        raise PreprocessError(
            "expected two or more train samples of every batch, to measure its location and "
            f"scale; found only one of {name_some(few)}. "
            "Exclude "
            "these batches with where=, or merge them with another batch in the column of batch="
        )
    if reference and reference not in names:
        raise PreprocessError(
            f"reference_batch={reference}: expected a batch of the train samples: "
            f"{name_some(names)}"
        )


def _check_design(design: np.ndarray, n_batches: int, covariates: list[str]) -> None:
    if np.linalg.matrix_rank(design) < design.shape[1]:
        alone = np.column_stack([np.ones(len(design)), design[:, n_batches:]])
        each_other = np.linalg.matrix_rank(alone) < alone.shape[1]
        raise PreprocessError(
            "expected covariates whose categories occur in several batches; found "
            f"{name_some(covariates)}, which are determined by "
            f"{'each other' if each_other else 'the batch'}, so their effects cannot be "
            "separated. Drop one covariate"
        )


def _standardise(
    x: np.ndarray, design: np.ndarray, codes: np.ndarray, reference_index: int | None
) -> Standard:
    """Fit some genes (n_samples, n_some): least squares, pooled variance, and the moments of each
    batch in these units.

    The variance is pooled over all samples (divided by their number), or is that of the reference
    batch.
    """
    n_batches = int(codes.max()) + 1
    varies = _vary_in_all(x, codes, n_batches)
    coefficients = np.zeros((design.shape[1], x.shape[1]))
    coefficients[:, varies] = _regress(x[:, varies], design)
    centre = (
        coefficients[reference_index]
        if reference_index is not None
        else np.bincount(codes) / len(codes) @ coefficients[:n_batches]
    )
    pooled_rows = slice(None) if reference_index is None else codes == reference_index
    residual = np.square(x[pooled_rows] - design[pooled_rows] @ coefficients)
    pooled = np.nansum(residual, axis=0) / np.maximum(
        np.count_nonzero(~np.isnan(residual), axis=0), 1
    )
    spread = np.where(varies, np.sqrt(pooled), 0)
    effects = coefficients[n_batches:]
    x -= centre + design[:, n_batches:] @ effects
    x /= np.where(spread > 0, spread, 1)
    moments = [_measure(x[codes == i]) for i in range(n_batches)]
    return Standard(
        centre, spread, effects, *(np.stack(arrays) for arrays in zip(*moments, strict=True))
    )


def _vary_in_all(x: np.ndarray, codes: np.ndarray, n_batches: int) -> np.ndarray:
    """Check whether each gene (n_some,) has two values or more and varies, beyond rounding, in
    every batch.
    """
    good = np.ones(x.shape[1], dtype=bool)
    for i in range(n_batches):
        values = x[codes == i]
        largest, smallest = np.fmax.reduce(values, axis=0), np.fmin.reduce(values, axis=0)
        good &= (np.count_nonzero(~np.isnan(values), axis=0) > 1) & (
            largest - smallest > RESOLUTION * np.maximum(np.abs(largest), np.abs(smallest))
        )
    return good


def _regress(x: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Solve for least-squares coefficients (n_columns, n_some), for each gene on the samples in
    which it is measured.
    """
    coefficients = np.linalg.solve(design.T @ design, design.T @ x)
    for gene in np.flatnonzero(np.isnan(x).any(axis=0)):
        measured = ~np.isnan(x[:, gene])
        coefficients[:, gene] = np.linalg.lstsq(design[measured], x[measured, gene], rcond=None)[0]
    return coefficients


def _measure(standard: np.ndarray) -> Moments:
    """Compute moments of the standardised values (n, n_some) of one batch, without NaN."""
    n = np.count_nonzero(~np.isnan(standard), axis=0)
    mean = np.nansum(standard, axis=0) / np.maximum(n, 1)
    return Moments(n, mean, np.nansum(np.square(standard - mean), axis=0) / np.maximum(n - 1, 1))


def _map_batches(
    fitted: Standard, prior: Prior, reference_index: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Compute gain and offset (n_batches, n_genes); 1 and 0 for unchanged genes and for the
    reference batch.
    """
    varies = fitted.spread > 0
    if varies.sum() < MIN_GENES:
        raise PreprocessError(
            f"expected {MIN_GENES} or more genes that vary in every batch, found "
            f"{varies.sum()} of {len(varies)}; use correction=none, "
            "or exclude the batch in which they do not vary"
        )
    location, squared = np.zeros_like(fitted.mean), np.ones_like(fitted.mean)
    for i in range(len(fitted.mean)):
        if i != reference_index:
            location[i, varies], squared[i, varies] = shrink(
                Moments(fitted.n[i, varies], fitted.mean[i, varies], fitted.variance[i, varies]),
                prior,
            )
    return make_map(fitted.centre, fitted.spread, location, squared)
