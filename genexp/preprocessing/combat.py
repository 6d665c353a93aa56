"""ComBat: batches brought to one location and scale, gene by gene, with what all genes of a batch share (empirical Bayes).

W. E. Johnson, C. Li & A. Rabinovic, Biostatistics 2007; the reference batch after Y. Zhang, D. F. Jenkins, S. Manimaran &
W. E. Johnson, BMC Bioinformatics 2018. Fitted on the same rows it gives what ``ComBat`` of sva gives; other than there, fit and
transform are two steps.
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
"""Genes that are fitted together in float64."""


@dataclass(frozen=True)
class ComBat:
    """A fitted correction, with the differences between categories that it keeps.

    Parameters
    ----------
    correction : Correction
        What is done to the values without these differences.
    levels : dict of str to tuple of str
        Categories of each covariate; the first is the one that the others differ from.
    effects : ndarray of float64, (n_effects, n_genes)
        Differences from the first category, covariate by covariate.
    """

    correction: Correction
    levels: dict[str, tuple[str, ...]]
    effects: np.ndarray

    def transform(self, X: np.ndarray, batch: Sequence[str] | np.ndarray, covariates: pd.DataFrame | None = None) -> np.ndarray:
        """Correct rows (n_samples, n_genes), NaN where missing; X stays as it is.

        Raises
        ------
        BatchError
            A batch that was not fitted, where such are refused, or one of fewer than two samples.
        PreprocessError
            Covariates are not those of the fit, or have other categories.
        """
        names = read_batch(batch, len(X), self.correction.batches)
        kept = code_covariates(covariates, len(X), self.levels) @ self.effects
        values = X - kept
        return self.correction.meet(names, lambda rows: [values[rows]]).apply(values, names) + kept


class Standard(NamedTuple):
    """What the least-squares fit of some genes gives: the arrays end in the genes' axis; see :func:`fit_combat`."""

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

    Genes that do not vary within some batch are left as they are in all batches, as sva leaves them; so are those with fewer than
    two measured values in one.

    Parameters
    ----------
    X : ndarray, (n_samples, n_genes)
        Values on a scale on which batches differ by shift and factor (logarithms), NaN where missing.
    batch : sequence of str, (n_samples,)
        Batch, platform or laboratory of each sample.
    covariates : DataFrame, (n_samples, n_covariates), optional
        Categories whose differences are kept. They must be known of every sample that is transformed later.
    prior : {"parametric", "nonparametric", "none"}
        Of location and scale over genes; none: not shrunken, which is a z-score within each batch, brought back to the pooled scale.
    reference : str
        Batch to which the others are brought, and which stays as it is; empty: their mean.
    unseen : {"refuse", "estimate"}
        What becomes of other batches in ``transform``; see :meth:`genexp.preprocessing.correction.Correction.meet`.

    Raises
    ------
    PreprocessError
        A batch of one sample, an unknown reference, covariates that batch or each other determine, or too few genes that vary.
    """
    names, codes = np.unique(read_batch(batch, len(X), ()), return_inverse=True)
    _check_batches(names, codes, reference)
    levels = {} if covariates is None else {str(name): tuple(sorted(set(covariates[name].astype(str)))) for name in covariates}
    design = np.column_stack([np.eye(len(names))[codes], code_covariates(covariates, len(X), levels)])
    _check_design(design, len(names), list(levels))
    place = list(names).index(reference) if reference else None
    blocks = [
        _standardise(X[:, start : start + GENES_AT_A_TIME].astype(np.float64), design, codes, place)
        for start in range(0, X.shape[1], GENES_AT_A_TIME)
    ]
    fitted = Standard(*(np.concatenate(arrays, axis=-1) for arrays in zip(*blocks, strict=True)))
    gain, offset = _map_batches(fitted, prior, place)
    correction = Correction(tuple(map(str, names)), prior, unseen, fitted.centre, fitted.spread, gain, offset)
    return ComBat(correction, levels, fitted.effects)


def fit_correction(values: np.ndarray, batch: np.ndarray, config: PreprocessConfig) -> Correction:
    """Fit what the configuration asks for on normalised train rows (n_train, n_genes), NaN where missing; arrays are float32.

    Without covariates: to keep the differences between labels, the label of every held-out sample would have to be known, and
    would leak into its values. So what differs between batches because their samples are of other kinds is taken out with the rest.
    """
    prior: Prior = config.combat_prior if config.correction == "combat" else "none"
    fitted = fit_combat(values, batch, prior=prior, reference=config.reference_batch, unseen=config.unseen_batch).correction
    arrays: dict[str, Any] = {name: array.astype(np.float32) for name, array in fitted.to_parts()[1].items()}
    return replace(fitted, **arrays)


def code_covariates(covariates: pd.DataFrame | None, n_samples: int, levels: dict[str, tuple[str, ...]]) -> np.ndarray:
    """Columns (n_samples, n_effects) of 0 and 1, one for every category but the first of each covariate."""
    given = pd.DataFrame(index=range(n_samples)) if covariates is None else covariates
    if list(given) != list(levels) or len(given) != n_samples:
        raise PreprocessError(
            f"expected the covariates {name_some(levels)} of {n_samples} samples, found {name_some(given)} of {len(given)}; "
            "give those of the fit, one row per sample"
        )
    columns = [np.empty((n_samples, 0))]
    for name, known in levels.items():
        values = given[name].astype(object)
        strange = sorted({str(value) for value in values if pd.isna(value) or str(value) not in known})
        if strange:
            raise PreprocessError(f"covariate {name}: expected {name_some(known)} for every sample, found {name_some(strange)}")
        columns.append((values.astype(str).to_numpy()[:, None] == np.array(known[1:], dtype=object)).astype(float))
    return np.column_stack(columns)


def _check_batches(names: np.ndarray, codes: np.ndarray, reference: str) -> None:
    few = names[np.bincount(codes) < 2]
    if len(few):
        raise PreprocessError(
            f"expected two train samples or more of every batch, to measure its location and scale; found one of {name_some(few)}. Leave "
            "such batches out with where=, or join them with another in the column of batch="
        )
    if reference and reference not in names:
        raise PreprocessError(f"reference_batch={reference}: expected one of the batches of the train samples, {name_some(names)}")


def _check_design(design: np.ndarray, n_batches: int, covariates: list[str]) -> None:
    if np.linalg.matrix_rank(design) < design.shape[1]:
        alone = np.column_stack([np.ones(len(design)), design[:, n_batches:]])
        each_other = np.linalg.matrix_rank(alone) < alone.shape[1]
        raise PreprocessError(
            f"expected covariates whose categories are in several batches; found that {name_some(covariates)} are determined by "
            f"{'each other' if each_other else 'the batch'}, so that their differences cannot be told apart. Leave one out"
        )


def _standardise(x: np.ndarray, design: np.ndarray, codes: np.ndarray, place: int | None) -> Standard:
    """Fit some genes (n_samples, n_some): least squares, pooled variance, and the moments of each batch in these units.

    The variance is pooled over all samples (divided by their number), or is that of the reference batch.
    """
    n_batches = int(codes.max()) + 1
    good = _vary_in_all(x, codes, n_batches)
    coefficients = np.zeros((design.shape[1], x.shape[1]))
    coefficients[:, good] = _regress(x[:, good], design)
    centre = coefficients[place] if place is not None else np.bincount(codes) / len(codes) @ coefficients[:n_batches]
    own = slice(None) if place is None else codes == place
    residual = np.square(x[own] - design[own] @ coefficients)
    pooled = np.nansum(residual, axis=0) / np.maximum(np.count_nonzero(~np.isnan(residual), axis=0), 1)
    spread = np.where(good, np.sqrt(pooled), 0)
    effects = coefficients[n_batches:]
    x -= centre + design[:, n_batches:] @ effects
    x /= np.where(spread > 0, spread, 1)
    moments = [_measure(x[codes == i]) for i in range(n_batches)]
    return Standard(centre, spread, effects, *(np.stack(arrays) for arrays in zip(*moments, strict=True)))


def _vary_in_all(x: np.ndarray, codes: np.ndarray, n_batches: int) -> np.ndarray:
    """Whether each gene (n_some,) has two values or more and varies, beyond rounding, in every batch."""
    good = np.ones(x.shape[1], dtype=bool)
    for i in range(n_batches):
        own = x[codes == i]
        largest, smallest = np.fmax.reduce(own, axis=0), np.fmin.reduce(own, axis=0)
        good &= (np.count_nonzero(~np.isnan(own), axis=0) > 1) & (
            largest - smallest > RESOLUTION * np.maximum(np.abs(largest), np.abs(smallest))
        )
    return good


def _regress(x: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Least-squares coefficients (n_columns, n_some), for each gene on the samples in which it is measured."""
    coefficients = np.linalg.solve(design.T @ design, design.T @ x)
    for gene in np.flatnonzero(np.isnan(x).any(axis=0)):
        measured = ~np.isnan(x[:, gene])
        coefficients[:, gene] = np.linalg.lstsq(design[measured], x[measured, gene], rcond=None)[0]
    return coefficients


def _measure(standard: np.ndarray) -> Moments:
    """Moments of the standardised values (n, n_some) of one batch, NaN left out."""
    n = np.count_nonzero(~np.isnan(standard), axis=0)
    mean = np.nansum(standard, axis=0) / np.maximum(n, 1)
    return Moments(n, mean, np.nansum(np.square(standard - mean), axis=0) / np.maximum(n - 1, 1))


def _map_batches(fitted: Standard, prior: Prior, place: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset (n_batches, n_genes); 1 and 0 for genes that are left as they are, and for the reference batch."""
    good = fitted.spread > 0
    if good.sum() < MIN_GENES:
        raise PreprocessError(
            f"expected {MIN_GENES} genes or more that vary in every batch, found {good.sum()} of {len(good)}; take correction=none, "
            "or leave the batch out in which they do not vary"
        )
    location, squared = np.zeros_like(fitted.mean), np.ones_like(fitted.mean)
    for i in range(len(fitted.mean)):
        if i != place:
            location[i, good], squared[i, good] = shrink(Moments(fitted.n[i, good], fitted.mean[i, good], fitted.variance[i, good]), prior)
    return make_map(fitted.centre, fitted.spread, location, squared)
