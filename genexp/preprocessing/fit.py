"""What is learned from the train samples: which genes stay, and the transform of their values."""

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
    find_floor,
    join_batches,
    judge_genes,
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
    """Which columns of a cohort make which gene.

    Parameters
    ----------
    first : ndarray of int, (n_genes,)
        Column of each gene.
    twins : dict of int to ndarray of int
        All columns of a gene (by its place) that is the mean of several.
    """

    first: np.ndarray
    twins: dict[int, np.ndarray]

    def take(self, X: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Raw values (len(rows), n_genes) of some rows of a cohort (n_samples, n_columns)."""
        values = X[np.ix_(rows, self.first)]
        for gene, columns in self.twins.items():
            values[:, gene] = X[np.ix_(rows, columns)].mean(axis=1)
        return values

    def keep(self, genes: np.ndarray) -> GeneColumns:
        """Keep the genes at some places, in that order."""
        return GeneColumns(self.first[genes], {i: self.twins[gene] for i, gene in enumerate(genes) if gene in self.twins})


@dataclass(frozen=True)
class FittedGenes:
    """The genes that stay, how their values are transformed, and the genes that do not stay.

    Parameters
    ----------
    columns : GeneColumns
        Where the kept genes are in the cohort.
    var : DataFrame, (n_genes, ...)
        Annotations of the kept genes in matrix order, with the statistics that judged them.
    lost : DataFrame, (n_lost, ...)
        The same for the others, with ``reason``.
    transform : Transform
        Fitted on the train samples.
    """

    columns: GeneColumns
    var: pd.DataFrame
    lost: pd.DataFrame
    transform: Transform


def choose_normalisation(asked: str, scale: str, X: np.ndarray) -> Normalise:
    """Normalisation that the configuration means on a scale.

    Raises
    ------
    PreprocessError
        The logarithm of a logarithm or of negative values, or counts per million of what is no count.
    """
    if asked == "auto":
        return "log2_cpm" if scale == "counts" else "log2" if scale in LINEAR else "none"
    advice = "take normalise=none, or state the scale of the cohort with scale="
    if asked in OF_COUNTS and scale != "counts":
        raise PreprocessError(f"normalise={asked} expects the scale counts, but this cohort is {scale}; {advice}")
    if asked == "log2" and scale.startswith("log2"):
        raise PreprocessError(f"normalise=log2 would take the logarithm twice, because this cohort is {scale}; {advice}")
    if asked == "log2" and (minimum := float(np.fmin.reduce(X, axis=None))) < 0:
        raise PreprocessError(f"normalise=log2 expects values from 0, but the smallest of this {scale} cohort is {minimum:g}; {advice}")
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
    """Choose genes and fit the transform; no row but those of ``train`` is read.

    Genes are judged on normalised, clipped, unscaled values; where batches are to be corrected, by their spread within batches. The
    library of counts is there the sum over all genes; the transform's own is the sum over the kept genes, so that an encoder needs no
    others. The correction is fitted on the kept genes, and the scaling on what it gives.

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
        As :func:`choose_normalisation` gave it.
    config : PreprocessSettings
        Policies and thresholds.
    batch : ndarray of str, (n_samples,), optional
        Batch of every sample, where batches are to be corrected.

    Raises
    ------
    PreprocessError
        Fewer than two genes stay, or the batches of the train samples cannot be corrected.
    """
    names, own_batch = var.index.to_numpy(), None if batch is None else batch[train]
    columns = group_duplicates(names, config.reading.duplicates)
    values, shares = _read_train(X, train, columns, scale, _start(X, train, columns, normalise, config.preprocessing.clip))
    if own_batch is not None:
        join_batches(values, own_batch)
    statistics = measure_genes(values).assign(**shares)
    reasons = judge_genes(statistics, config.preprocessing, drop_missing=config.reading.missing == "drop_gene")
    reasons = pick_most_variable(names[columns.first], statistics["variance"].to_numpy(), reasons)
    if config.preprocessing.n_top_genes is not None:
        candidates = np.flatnonzero(reasons == "")
        statistics["mad"] = np.nan
        statistics.loc[candidates, "mad"] = mad = measure_mad(values, candidates)
        reasons[np.delete(candidates, pick_top_genes(mad, config.preprocessing.n_top_genes))] = "not among the top genes"
    del values
    judged = _join_reasons(var, columns, statistics, reasons)
    _check_genes_left(judged)
    kept = np.flatnonzero(reasons == "")
    columns, statistics = columns.keep(kept), statistics.iloc[kept]
    plain = _start(X, train, columns, normalise, config.preprocessing.clip)
    if normalise in OF_COUNTS or own_batch is not None:
        values, _ = _read_train(X, train, columns, scale, plain)
        if own_batch is not None:
            correction = fit_correction(values, own_batch, config.preprocessing)
            for block, _ in _blocks(train):
                correction.apply(values[block], own_batch[block])
            plain = replace(plain, correction=correction)
        statistics = measure_genes(values)
    return FittedGenes(
        columns,
        var=judged.iloc[columns.first].drop(columns="reason"),
        lost=judged[judged["reason"] != ""],
        transform=fit_transform(statistics, plain, config.preprocessing.scaling),
    )


def group_duplicates(names: np.ndarray, policy: str) -> GeneColumns:
    """Resolve genes of one name (names: (n_columns,)) where that needs no values.

    ``mean`` makes one gene of all columns of a name and ``first`` of the first one; under the other policies every column
    stands alone, until :func:`~genexp.preprocessing.quality.pick_most_variable` has seen its variance.
    """
    if policy not in ("mean", "first"):
        return GeneColumns(np.arange(len(names)), {})
    _, place = np.unique(names, return_inverse=True)
    repeated = pd.Series(names).duplicated().to_numpy()
    first = np.flatnonzero(~repeated)
    if policy == "first":
        return GeneColumns(first, {})
    shared = set(place[repeated])
    alike = {gene: np.flatnonzero(place == place[column]) for gene, column in enumerate(first) if place[column] in shared}
    return GeneColumns(first, alike)


def fit_transform(statistics: pd.DataFrame, plain: Transform, scaling: str) -> Transform:
    """Add scaling to a transform by the train statistics of the kept, corrected genes.

    The statistics are those of :func:`~genexp.preprocessing.quality.measure_genes`. ``zscore`` subtracts the mean and divides by the
    population standard deviation; ``minmax`` maps the train samples to 0..1.
    """
    mean = statistics["mean"].to_numpy()
    if scaling == "zscore":
        shift, spread = mean, np.sqrt(statistics["variance"].to_numpy())
    elif scaling == "minmax":
        shift, spread = statistics["minimum"].to_numpy(), (statistics["maximum"] - statistics["minimum"]).to_numpy()
    else:
        shift, spread = np.zeros_like(mean), np.ones_like(mean)
    if not (spread > 0).all():
        raise PreprocessError(f"{np.sum(~(spread > 0))} genes do not vary once the library is that of the kept genes; keep more of them")
    fill, shift, spread = (array.astype(np.float32) for array in (mean, shift, spread))
    return replace(plain, fill=fill, shift=shift, spread=spread)


def _blocks(rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        block = rows[start : start + ROWS_AT_A_TIME]
        yield slice(start, start + len(block)), block


def _start(X: np.ndarray, train: np.ndarray, columns: GeneColumns, normalise: Normalise, clip: float | None) -> Transform:
    """A transform that normalises and clips, and does not scale yet; the common library is that of these genes in train samples."""
    plain = Transform(normalise, clip, *np.zeros((3, 0), dtype=np.float32))
    if normalise != "log2_median":
        return plain
    library = np.concatenate([measure_library(columns.take(X, rows)) for _, rows in _blocks(train)])
    return replace(plain, common_library=float(np.median(library)))


def _read_train(
    X: np.ndarray, train: np.ndarray, columns: GeneColumns, scale: str, plain: Transform
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Normalised train values (n_train, n_genes), and of every gene the shares ``detected`` and ``missing``."""
    n_genes = len(columns.first)
    values = np.empty((len(train), n_genes), dtype=np.float32)
    detected, missing = np.zeros(n_genes), np.zeros(n_genes)
    floor = find_floor(scale, min(float(np.fmin.reduce(X[rows], axis=None)) for _, rows in _blocks(train)))
    for block, rows in _blocks(train):
        raw = columns.take(X, rows)
        detected += (raw > floor).sum(axis=0)
        missing += np.isnan(raw).sum(axis=0)
        values[block] = plain.normalise_rows(raw)
    return values, {"detected": detected / len(train), "missing": missing / len(train)}


def _join_reasons(var: pd.DataFrame, columns: GeneColumns, statistics: pd.DataFrame, reasons: np.ndarray) -> pd.DataFrame:
    """Annotations, statistics and reason of every column of the cohort, in its order; columns that no gene takes are duplicates."""
    judged = statistics.drop(columns=["minimum", "maximum"]).assign(reason=reasons).set_index(columns.first).reindex(range(len(var)))
    judged["reason"] = judged["reason"].fillna("duplicate")
    return var.assign(**{name: judged[name].to_numpy() for name in judged})


def _check_genes_left(judged: pd.DataFrame) -> None:
    if (judged["reason"] == "").sum() < 2:
        lost = ", ".join(f"{count} {reason}" for reason, count in judged["reason"].value_counts().items() if reason)
        raise PreprocessError(
            f"expected at least two genes after the filter; of {len(judged)} genes are lost: {lost}. "
            "Lower min_detected or min_variance, or take missing=impute_mean"
        )
