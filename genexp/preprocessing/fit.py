"""Fitting on the train samples: the choice of genes, and the transform of their values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from genexp.cohort.scale import LINEAR
from genexp.errors import PreprocessError
from genexp.preprocessing.combat import fit_correction
from genexp.preprocessing.quality import (
    filter_genes,
    find_floor,
    join_batches,
    measure_genes,
    measure_mad,
    pick_most_variable,
    pick_top_genes,
)
from genexp.preprocessing.transform import OF_COUNTS, ROWS_AT_A_TIME, Transform, measure_library
from genexp.settings.verbs import PreprocessSettings

Normalise = Literal["none", "log2", "log2_cpm", "log2_median"]


@dataclass(frozen=True)
class GeneColumns:
    """Assignment of columns of a cohort to genes.

    Parameters
    ----------
    first : ndarray of int, (n_genes,)
        Column of each gene.
    twins : dict of int to ndarray of int
        All columns of a gene (by its index) that is the mean of several.
    """

    first: np.ndarray
    twins: dict[int, np.ndarray]

    def take(self, X: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Read raw values (len(rows), n_genes) of some rows of a cohort (n_samples, n_columns)."""
        values = X[np.ix_(rows, self.first)]
        for gene, columns in self.twins.items():
            values[:, gene] = X[np.ix_(rows, columns)].mean(axis=1)
        return values

    def keep(self, genes: np.ndarray) -> GeneColumns:
        """Keep the genes at some indices, in that order."""
        return GeneColumns(
            self.first[genes],
            {i: self.twins[gene] for i, gene in enumerate(genes) if gene in self.twins},
        )


@dataclass(frozen=True)
class FittedGenes:
    """Kept genes, the transform of their values, and the filtered genes.

    Parameters
    ----------
    columns : GeneColumns
        Columns of the kept genes in the cohort.
    var : DataFrame, (n_genes, ...)
        Annotations of the kept genes in matrix order, with the statistics by which they were
        filtered.
    filtered : DataFrame, (n_filtered, ...)
        The same for the filtered genes, with ``reason``.
    transform : Transform
        Fitted on the train samples.
    """

    columns: GeneColumns
    var: pd.DataFrame
    filtered: pd.DataFrame
    transform: Transform


def choose_normalisation(asked: str, scale: str, X: np.ndarray) -> Normalise:
    """Choose the normalisation of a scale by the configuration.

    Raises
    ------
    PreprocessError
        Configuration of the logarithm of a logarithm or of negative values, or of counts per
        million of values other than counts.
    """
    if asked == "auto":
        return "log2_cpm" if scale == "counts" else "log2" if scale in LINEAR else "none"
    advice = "use normalise=none, or name the scale of the cohort with scale="
    if asked in OF_COUNTS and scale != "counts":
        raise PreprocessError(
            f"normalise={asked} expects the scale counts, but this cohort is {scale}; {advice}"
        )
    if asked == "log2" and scale.startswith("log2"):
        raise PreprocessError(
            f"normalise=log2 would take the logarithm twice, because this cohort is {scale}; "
            f"{advice}"
        )
    if asked == "log2" and (minimum := float(np.fmin.reduce(X, axis=None))) < 0:
        raise PreprocessError(
            f"normalise=log2 expects values of at least 0, but the smallest of this {scale} "
            f"cohort is {minimum:g}; {advice}"
        )
    return asked  # type: ignore[return-value]


def fit_genes(
    X: np.ndarray,
    var: pd.DataFrame,
    train: np.ndarray,
    scale: str,
    normalise: Normalise,
    config: PreprocessSettings,
    batch: np.ndarray | None = None,
) -> FittedGenes:
    """Choose genes and fit the transform, from rows of ``train`` alone.

    Genes are filtered by normalised, clipped, unscaled values; where batches are corrected, by the
    variation within batches. For the filter, the library of counts is the sum over all genes. For
    the transform, it is the sum over the kept genes, so that an encoder needs no others. The
    correction is fitted on the kept genes, and the scaling on the corrected values.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_columns)
        Raw values, NaN where missing.
    var : DataFrame, (n_columns, ...)
        Annotations of the columns; index gene name, not necessarily unique.
    train : ndarray of int, (n_train,)
        Rows of the train samples.
    scale : str
        Value scale.
    normalise : {"none", "log2", "log2_cpm", "log2_median"}
        Result of :func:`choose_normalisation`.
    config : PreprocessSettings
        Policies and thresholds.
    batch : ndarray of str, (n_samples,), optional
        Batch of every sample, where batches are to be corrected.

    Raises
    ------
    PreprocessError
        Fewer than two genes are kept, or the batches of the train samples cannot be corrected.
    """
    names, train_batch = var.index.to_numpy(), None if batch is None else batch[train]
    columns = group_duplicates(names, config.reading.duplicates)
    values, shares = _read_train(
        X, train, columns, scale, _start(X, train, columns, normalise, config.preprocessing.clip)
    )
    if train_batch is not None:
        join_batches(values, train_batch)
    statistics = measure_genes(values).assign(**shares)
    reasons = filter_genes(
        statistics, config.preprocessing, drop_missing=config.reading.missing == "drop_gene"
    )
    reasons = pick_most_variable(names[columns.first], statistics["variance"].to_numpy(), reasons)
    if config.preprocessing.n_top_genes is not None:
        candidates = np.flatnonzero(reasons == "")
        statistics["mad"] = np.nan
        statistics.loc[candidates, "mad"] = mad = measure_mad(values, candidates)
        reasons[np.delete(candidates, pick_top_genes(mad, config.preprocessing.n_top_genes))] = (
            "not among the top genes"
        )
    del values
    with_reasons = _join_reasons(var, columns, statistics, reasons)
    _check_genes_left(with_reasons)
    kept = np.flatnonzero(reasons == "")
    columns, statistics = columns.keep(kept), statistics.iloc[kept]
    plain = _start(X, train, columns, normalise, config.preprocessing.clip)
    if normalise in OF_COUNTS or train_batch is not None:
        values, _ = _read_train(X, train, columns, scale, plain)
        if train_batch is not None:
            correction = fit_correction(values, train_batch, config.preprocessing)
            for block, _ in _blocks(train):
                correction.apply(values[block], train_batch[block])
            plain = replace(plain, correction=correction)
        statistics = measure_genes(values)
    return FittedGenes(
        columns,
        var=with_reasons.iloc[columns.first].drop(columns="reason"),
        filtered=with_reasons[with_reasons["reason"] != ""],
        transform=fit_transform(statistics, plain, config.preprocessing.scaling),
    )


def group_duplicates(names: np.ndarray, policy: str) -> GeneColumns:
    """Resolve genes with the same name (names: (n_columns,)) where this needs no values.

    ``mean`` makes one gene of all columns of a name, ``first`` takes the first column. Under the
    other policies every column stays a gene until
    :func:`~genexp.preprocessing.quality.pick_most_variable` compares variances.
    """
    if policy not in ("mean", "first"):
        return GeneColumns(np.arange(len(names)), {})
    _, codes = np.unique(names, return_inverse=True)
    repeated = pd.Series(names).duplicated().to_numpy()
    first = np.flatnonzero(~repeated)
    if policy == "first":
        return GeneColumns(first, {})
    shared = set(codes[repeated])
    alike = {
        gene: np.flatnonzero(codes == codes[column])
        for gene, column in enumerate(first)
        if codes[column] in shared
    }
    return GeneColumns(first, alike)


def fit_transform(statistics: pd.DataFrame, plain: Transform, scaling: str) -> Transform:
    """Add scaling to a transform, by the train statistics of the kept, corrected genes.

    The statistics are those of :func:`~genexp.preprocessing.quality.measure_genes`. ``zscore``
    subtracts the mean and divides by the population standard deviation; ``minmax`` maps the train
    samples to 0..1.
    """
    mean = statistics["mean"].to_numpy()
    if scaling == "zscore":
        shift, spread = mean, np.sqrt(statistics["variance"].to_numpy())
    elif scaling == "minmax":
        shift, spread = (
            statistics["minimum"].to_numpy(),
            (statistics["maximum"] - statistics["minimum"]).to_numpy(),
        )
    else:
        shift, spread = np.zeros_like(mean), np.ones_like(mean)
    if not (spread > 0).all():
        raise PreprocessError(
            f"{np.sum(~(spread > 0))} genes do not vary when the library is the sum over the "
            "kept genes; keep more genes"
        )
    fill, shift, spread = (array.astype(np.float32) for array in (mean, shift, spread))
    return replace(plain, fill=fill, shift=shift, spread=spread)


def _blocks(rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        block = rows[start : start + ROWS_AT_A_TIME]
        yield slice(start, start + len(block)), block


def _start(
    X: np.ndarray, train: np.ndarray, columns: GeneColumns, normalise: Normalise, clip: float | None
) -> Transform:
    """Make a transform that normalises and clips, without scaling; the common library is that of
    these genes in train samples.
    """
    plain = Transform(normalise, clip, *np.zeros((3, 0), dtype=np.float32))
    if normalise != "log2_median":
        return plain
    library = np.concatenate([measure_library(columns.take(X, rows)) for _, rows in _blocks(train)])
    return replace(plain, common_library=float(np.median(library)))


def _read_train(
    X: np.ndarray, train: np.ndarray, columns: GeneColumns, scale: str, plain: Transform
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Read normalised train values (n_train, n_genes), and the shares ``detected`` and ``missing``
    of every gene.
    """
    n_genes = len(columns.first)
    values = np.empty((len(train), n_genes), dtype=np.float32)
    detected, missing = np.zeros(n_genes), np.zeros(n_genes)
    floor = find_floor(
        scale, min(float(np.fmin.reduce(X[rows], axis=None)) for _, rows in _blocks(train))
    )
    for block, rows in _blocks(train):
        raw = columns.take(X, rows)
        detected += (raw > floor).sum(axis=0)
        missing += np.isnan(raw).sum(axis=0)
        values[block] = plain.normalise_rows(raw)
    return values, {"detected": detected / len(train), "missing": missing / len(train)}


def _join_reasons(
    var: pd.DataFrame, columns: GeneColumns, statistics: pd.DataFrame, reasons: np.ndarray
) -> pd.DataFrame:
    """Join annotations, statistics and reason of every column of the cohort, in its order; unused
    columns are duplicates.
    """
    with_reasons = (
        statistics.drop(columns=["minimum", "maximum"])
        .assign(reason=reasons)
        .set_index(columns.first)
        .reindex(range(len(var)))
    )
    with_reasons["reason"] = with_reasons["reason"].fillna("duplicate")
    return var.assign(**{name: with_reasons[name].to_numpy() for name in with_reasons})


def _check_genes_left(with_reasons: pd.DataFrame) -> None:
    if (with_reasons["reason"] == "").sum() < 2:
        reasons = ", ".join(
            f"{count} {reason}"
            for reason, count in with_reasons["reason"].value_counts().items()
            if reason
        )
        raise PreprocessError(
            f"expected at least two genes after the filter; of {len(with_reasons)} genes, "
            f"these were filtered: {reasons}. "
            "Lower min_detected or min_variance, or use missing=impute_mean"
        )
