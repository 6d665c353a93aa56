"""Heavy tails: a few values dominate the loss, so that an encoder learns little else; and the
effect of ``clip=`` on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.errors import PreprocessError
from genexp.preprocessing.fit import FittedGenes
from genexp.preprocessing.transform import ROWS_AT_A_TIME

LARGEST = 0.01
"""Share of the largest values whose part of the loss is measured. A smaller share fails for small
cohorts: one of n train samples can make up all of a gene's variance, but has 1/n of the values."""
HEAVY = 0.3
"""Part of the loss from which tails count as heavy: 0.08 in normal values, 0.05 to 0.21 in real
cohorts of logarithms, 0.33 to 0.85 in z-scores of unlogged values and in values without a
logarithm."""
HELPS = 0.9
"""Share of the tails' part above which a clip leaves too much to be advised."""
CLIP_ZSCORE = (10.0, 3.0)
"""Clips that are tried on z-scores."""
CLIP_QUANTILES = (0.999, 0.99)
"""Quantiles of the size of train values that are tried on other scales."""


@dataclass(frozen=True)
class Tail:
    """Part of the largest values in the loss of an encoder that predicts every gene's mean: in the
    squared, scaled deviations.

    Parameters
    ----------
    share : float
        Part of the ``LARGEST`` share of the train values in the sum of squares.
    sample, gene : str
        Sample and gene of the largest deviation.
    value : float
        This value, normalised and clipped, but neither corrected nor scaled: the value to which
        ``clip=`` applies.
    deviations : float
        Its distance from the gene's train mean, in train standard deviations.
    """

    share: float
    sample: str
    gene: str
    value: float
    deviations: float


def measure_tail(
    X: np.ndarray,
    samples: pd.Index,
    train: np.ndarray,
    fitted: FittedGenes,
    batch: np.ndarray | None = None,
) -> Tail:
    """Find the largest values of the train samples, and their part in the loss.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_columns)
        Raw values, NaN where missing.
    samples : Index of str, (n_samples,)
    train : ndarray of int, (n_train,)
        Rows of the train samples, the only ones read.
    fitted : FittedGenes
        Genes and transform.
    batch : ndarray of str, (n_samples,), optional
        Batch of every sample, where batches are corrected.
    """
    transform, genes = fitted.transform, fitted.var.index
    centre = (transform.fill - transform.shift) / transform.spread
    largest = Largest(len(train) * len(genes))
    per_gene, record, index = np.zeros(len(genes)), -1.0, (0, 0)
    for start in range(0, len(train), ROWS_AT_A_TIME):
        rows = train[start : start + ROWS_AT_A_TIME]
        squares = transform.apply(
            fitted.columns.take(X, rows), None if batch is None else batch[rows]
        )
        squares -= centre
        np.square(squares, out=squares)
        per_gene += squares.sum(axis=0, dtype=np.float64)
        row, gene = divmod(int(squares.argmax()), len(genes))
        if squares[row, gene] > record:
            record, index = float(squares[row, gene]), (int(rows[row]), gene)
        largest.add(squares)
    row, gene = index
    value = transform.normalise_rows(fitted.columns.take(X, np.array([row])))[0, gene]
    return Tail(
        share=float(largest.values.sum(dtype=np.float64) / per_gene.sum()),
        sample=str(samples[row]),
        gene=str(genes[gene]),
        value=float(value),
        deviations=math.sqrt(record * len(train) / per_gene[gene]),
    )


class Largest:
    """Collector of the ``LARGEST`` share of ``n`` values given block by block: ``values``, in no
    order.
    """

    def __init__(self, n: int) -> None:
        self.values = np.empty(0, dtype=np.float32)
        self._limit, self._floor = math.ceil(LARGEST * n), -np.inf

    def add(self, block: np.ndarray) -> None:
        """Add the values of a block that exceed the smallest kept one; the others, which are most,
        are not sorted.
        """
        joined = np.concatenate([self.values, block[block > self._floor]])
        if len(joined) > self._limit:
            joined = np.partition(joined, len(joined) - self._limit)[-self._limit :]
            self._floor = joined.min()
        self.values = joined


def choose_clips(X: np.ndarray, train: np.ndarray, fitted: FittedGenes, scale: str) -> list[float]:
    """Choose clips to try, the widest first: round numbers for z-scores, else quantiles of the size
    of the normalised train values.

    Parameters
    ----------
    X, train, fitted
        As for :func:`measure_tail`.
    scale : str
        Value scale of the cohort.
    """
    clip = fitted.transform.clip or math.inf
    if scale == "zscore":
        return [candidate for candidate in CLIP_ZSCORE if candidate < clip]
    sizes = Largest(len(train) * len(fitted.var))
    for start in range(0, len(train), ROWS_AT_A_TIME):
        values = fitted.transform.normalise_rows(
            fitted.columns.take(X, train[start : start + ROWS_AT_A_TIME])
        )
        sizes.add(np.nan_to_num(np.abs(values)))
    # of the values kept, which are the upper end of all
    shares = np.clip(1 - (1 - np.array(CLIP_QUANTILES)) / LARGEST, 0, 1)
    return [size for size in map(_round_up, np.quantile(sizes.values, shares)) if 0 < size < clip]


def warn_of_tails(
    X: np.ndarray,
    samples: pd.Index,
    train: np.ndarray,
    fitted: FittedGenes,
    refit: Callable[[float], FittedGenes],
    scale: str,
    batch: np.ndarray | None = None,
) -> list[str]:
    """Warn of tails that dominate the loss, with the effect of ``clip=``; no sentence where they do
    not.

    Parameters
    ----------
    X, samples, train, fitted, batch
        As for :func:`measure_tail`.
    refit : callable
        Function that chooses and scales the genes again with another clip.
    scale : str
        Value scale of the cohort.
    """
    tail = measure_tail(X, samples, train, fitted, batch)
    if tail.share < HEAVY:
        return []
    shares: dict[float, float] = {}
    for clip in dict.fromkeys(choose_clips(X, train, fitted, scale)):
        try:
            shares[clip] = measure_tail(X, samples, train, refit(clip), batch).share
        except PreprocessError:  # too tight a clip leaves fewer than two genes that vary
            continue
    sentence = (
        f"heavy tails: {LARGEST:.0%} of the values of train samples carry {tail.share:.0%} "
        "of the squared loss (8% if they were normal; "
        f"largest: {tail.value:.6g} of gene {tail.gene} in sample {tail.sample}, "
        f"{tail.deviations:.0f} standard deviations from the mean)"
    )
    return [f"{sentence}; {_describe_clips(tail.share, shares)}"]


def _describe_clips(share: float, shares: dict[float, float]) -> str:
    """Describe the share that clips would leave to the tails."""
    helpful = {clip: left for clip, left in shares.items() if left < HELPS * share}
    if not helpful:
        return (
            "clip= would not help: check scale= and normalise=, because a logarithm brings such "
            "values together"
        )
    first, *others = (
        f"clip={clip:g} would bring that to {left:.0%}" for clip, left in helpful.items()
    )
    return ", ".join([first, *(other.replace("would bring that ", "") for other in others)])


def _round_up(size: float) -> float:
    """Round up to two significant digits."""
    if not 0 < size < math.inf:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(size)) - 1)
    return float(f"{math.ceil(size / unit) * unit:.2g}")
