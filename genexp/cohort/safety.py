"""Safety checks after reading: values among the genes that are no expression."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.names.likeness import is_metadata_name
from genexp.names.vocabulary import FAMILIES, GENE_IDS, KNOWN, SYMBOLS

MIN_SAMPLES, MIN_CLASS = 20, 5
"""Smallest numbers of samples, and of samples of the smallest class: with fewer, one gene may
separate classes by chance."""
MIN_CODED = 8
"""Smallest number of samples outside the largest class that codes of classes must identify."""
WORD = re.compile(r"[a-z]{4,}([_ ][a-z0-9]+)*")
NEAR = 0.9
"""Area under the ROC curve at which another gene is close to perfect; several such genes mean that
the classes differ widely."""
GENES_AT_A_TIME = 2048


@dataclass(frozen=True)
class Leak:
    """A gene whose values reveal an annotation.

    Parameters
    ----------
    gene : str
    annotation : str
    is_certain : bool
        Whether it is certainly no gene: a copy of the annotation, or codes of its classes.
        Otherwise it may be one, as XIST for sex.
    text : str
        Finding, for messages.
    """

    gene: str
    annotation: str
    is_certain: bool
    text: str


def find_leaks(
    X: np.ndarray, genes: Sequence[str], obs: pd.DataFrame, classes: Mapping[str, pd.Series]
) -> list[Leak]:
    """Find genes that equal an annotation, or that alone separate its classes perfectly while no
    other gene comes close.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_genes)
    genes : sequence of str, (n_genes,)
    obs : DataFrame, (n_samples, ...)
        Annotations; numeric columns are compared with genes.
    classes : mapping of str to Series, (n_samples,)
        Label, event, batch: classes by name, NaN where unknown.
    """
    leaks = [
        leak for column in obs.columns for leak in _find_copies(X, genes, obs[column], str(column))
    ]
    copies = {leak.gene for leak in leaks}
    for name, values in classes.items():
        leaks += [
            leak for leak in _find_separators(X, genes, values, name) if leak.gene not in copies
        ]
    return leaks


def _find_copies(X: np.ndarray, genes: Sequence[str], values: pd.Series, name: str) -> list[Leak]:
    """Find genes whose values equal those of a numeric column."""
    if not pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return []
    with np.errstate(over="ignore"):  # values beyond float32 become infinite, and are dropped
        column = values.to_numpy(dtype=np.float32, na_value=np.nan)
    rows = np.flatnonzero(np.isfinite(column))
    if len(rows) < MIN_SAMPLES or len(np.unique(column[rows])) < 3:
        return []
    first = rows[:8]
    candidates = np.flatnonzero(
        (np.abs(X[first] - column[first, None]) <= 1e-5 * (1 + np.abs(column[first, None]))).all(
            axis=0
        )
    )
    copies = [
        j
        for j in candidates.tolist()
        if np.allclose(X[rows, j], column[rows], rtol=1e-5, atol=1e-5)
    ]
    text = f"has the values of the annotation {name!r} in all {len(rows)} samples"
    # a clinical table may hold a gene
    return [Leak(genes[j], name, genes[j].upper() != name.upper(), text) for j in copies]


def _find_separators(
    X: np.ndarray, genes: Sequence[str], values: pd.Series, name: str
) -> list[Leak]:
    """Find genes that alone separate all classes, where no other gene comes close."""
    codes, labels = pd.factorize(values, sort=True)
    rows = np.flatnonzero(codes >= 0)
    sizes = np.bincount(codes[rows]) if len(rows) else np.empty(0)
    if len(rows) < MIN_SAMPLES or len(sizes) < 2 or sizes.min() < MIN_CLASS:
        return []
    low, high = _measure_ranges(X, rows, codes[rows], len(sizes))
    coded = np.flatnonzero(_find_codes(low, high, sizes))
    if len(coded):
        text = f"has one value for each class of {name!r}, like codes of the classes"
        return [Leak(genes[j], name, True, text) for j in coded.tolist()]
    separates = np.flatnonzero(_separate(low, high))
    if (
        not len(separates)
        or len(separates) > 3
        or _best_other(X, rows, codes[rows], separates) >= NEAR
    ):
        return []
    return [_describe(X[rows, j], genes[j], name, len(labels)) for j in separates.tolist()]


def _measure_ranges(
    X: np.ndarray, rows: np.ndarray, codes: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Measure the smallest and largest value of each gene in each class, (n_classes, n_genes)."""
    low = np.empty((n_classes, X.shape[1]), dtype=np.float32)
    high = np.empty_like(low)
    for code in range(n_classes):
        members = X[rows[codes == code]]
        low[code], high[code] = np.fmin.reduce(members, axis=0), np.fmax.reduce(members, axis=0)
    return low, high


def _find_codes(low: np.ndarray, high: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Check whether a gene is constant within each class and differs between classes of enough
    samples, (n_genes,).

    A marker of a rare type of cells may have the count 1 in all of them, so a few samples are not
    enough.
    """
    usual = low[np.argmax(sizes)]
    n_unusual = np.sum((low != usual) * sizes[:, None], axis=0)
    return np.asarray((low == high).all(axis=0) & (n_unusual >= MIN_CODED))


def _separate(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Check whether the classes lie in intervals that do not overlap, for each gene (n_genes,)."""
    order = np.argsort(low, axis=0)
    low, high = np.take_along_axis(low, order, axis=0), np.take_along_axis(high, order, axis=0)
    return np.asarray((high[:-1] < low[1:]).all(axis=0))


def _best_other(X: np.ndarray, rows: np.ndarray, codes: np.ndarray, separates: np.ndarray) -> float:
    """Largest area under the ROC curve of the largest class against the rest, over 50 other genes
    that differ most.
    """
    largest = codes == np.bincount(codes).argmax()
    with np.errstate(invalid="ignore", divide="ignore"):
        inside, outside = X[rows[largest]], X[rows[~largest]]
        t = np.abs(np.nanmean(inside, axis=0) - np.nanmean(outside, axis=0)) / np.sqrt(
            np.nanvar(inside, axis=0) + np.nanvar(outside, axis=0)
        )
    t = np.nan_to_num(t, nan=0.0, posinf=0.0)
    t[separates] = -1.0
    best = 0.0
    for j in np.argsort(-t)[:50]:
        if t[j] < 0:
            continue
        ranks = pd.Series(X[rows, j]).rank().to_numpy()
        n = int(largest.sum())
        area = (ranks[largest].sum() - n * (n + 1) / 2) / (n * (len(rows) - n))
        best = max(best, area, 1 - area)
    return best


def _describe(values: np.ndarray, gene: str, name: str, n_classes: int) -> Leak:
    """Describe a separator: certain with few values or a name unlike genes; otherwise only noted,
    because a gene may separate classes.
    """
    n_values = len(np.unique(values[np.isfinite(values)]))
    is_gene = (
        any(pattern.fullmatch(gene) for pattern in (GENE_IDS, SYMBOLS, FAMILIES))
        or gene.upper() in KNOWN
    )
    certain = n_values <= n_classes + 1 or not is_gene or is_metadata_name(gene)
    return Leak(
        gene,
        name,
        certain,
        (
            f"separates the classes of {name!r} perfectly, with {n_values} distinct values, and "
            "no other gene comes close"
        ),
    )


def find_whole_samples(X: np.ndarray, samples: Sequence[str], scale: str) -> list[str]:
    """Find samples of only whole numbers, not all 0, among logarithms that are not whole: lengths
    or counts.
    """
    if not scale.startswith("log2"):
        return []
    whole = np.arange(len(X))
    for n_genes in (100, 2000):  # the first pass on 100 genes removes most samples
        part = X[
            np.ix_(whole, np.linspace(0, X.shape[1] - 1, min(X.shape[1], n_genes)).astype(int))
        ]
        is_whole = ((part == np.rint(part)) | ~np.isfinite(part)).all(axis=1)
        whole = whole[is_whole & ((part > 0).any(axis=1) if n_genes == 2000 else True)]
    return [] if len(whole) > 0.1 * len(X) else [samples[i] for i in whole.tolist()]


def find_strangers(X: np.ndarray, genes: Sequence[str], scale: str) -> list[str]:
    """Find names unlike genes: lower-case words, and others whose values are whole among
    logarithms, or far larger.

    The check needs names of which nearly all have a usual form.
    """
    usual = np.array(
        [
            bool(SYMBOLS.fullmatch(name) or GENE_IDS.fullmatch(name) or name.upper() in KNOWN)
            for name in genes
        ]
    )
    if usual.mean() < 0.9 or usual.all():
        return []
    rows = np.linspace(0, len(X) - 1, min(len(X), 400)).astype(int)
    typical = X[np.ix_(rows, np.flatnonzero(usual)[:2000])]
    limit = 2 * float(np.nanquantile(typical, 0.999))
    strangers = []
    for j in np.flatnonzero(~usual).tolist():
        values = X[rows, j]
        values = values[np.isfinite(values)]
        if len(np.unique(values)) < 2:
            continue
        is_large = float(np.median(values)) > limit
        is_whole = bool((values == np.rint(values)).all()) and (values != 0).mean() > 0.5
        if WORD.fullmatch(genes[j]) or (scale.startswith("log2") and (is_large or is_whole)):
            strangers.append(genes[j])
    return strangers
