"""Gene sets as connections of a layer, and edges between genes as a propagation."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from genexp.errors import CohortError, TrainingError, name_some
from genexp.names.gene_sets import read_edges, read_gene_sets
from genexp.names.genes import match_names

MIN_SHARE = 0.1
"""Share of the genes, of the file or of the cohort, whichever are fewer, that both must have: less
means other kinds of names."""
MIN_SIZE = 3
"""Genes of a set that the cohort has, below which the set is excluded: a unit of one or two genes
is no set."""


class GeneSets(NamedTuple):
    """Gene sets of a file, matched to the genes of a cohort.

    Parameters
    ----------
    names : tuple of str, (n_sets,)
    members : ndarray of bool, (n_sets, n_genes)
    """

    names: tuple[str, ...]
    members: np.ndarray


def read_graph(path: str, genes: Sequence[str]) -> GeneSets | sparse.coo_array:
    """Read the gene sets of a GMT file, or the normalised edges of any other one, between the genes
    of a cohort.

    Raises
    ------
    TrainingError
        The file cannot be read, or it and the cohort share too few genes.
    """
    try:
        if path.removesuffix(".gz").endswith(".gmt"):
            return connect_sets(read_gene_sets(path), genes)
        return normalise_edges(read_edges(path), genes)
    except CohortError as error:
        raise TrainingError(f"graph: {error}") from None


def connect_sets(gene_sets: Mapping[str, Sequence[str]], genes: Sequence[str]) -> GeneSets:
    """Sets that have ``MIN_SIZE`` genes of the cohort.

    Raises
    ------
    TrainingError
        The sets and the cohort share too few genes.
    """
    index = _index_genes((gene for members in gene_sets.values() for gene in members), genes)
    matched = {
        name: list(dict.fromkeys(index[gene] for gene in members if gene in index))
        for name, members in gene_sets.items()
    }
    kept = {name: columns for name, columns in matched.items() if len(columns) >= MIN_SIZE}
    if len(kept) < 2:
        largest = max(len(columns) for columns in matched.values())
        raise TrainingError(
            f"graph: at least two sets with {MIN_SIZE} of the cohort's {len(genes)} genes "
            f"were expected; of {len(matched)} sets "
            f"{len(kept)} have so many, the largest {largest}. Give more sets, or keep more genes"
        )
    mask = np.zeros((len(kept), len(genes)), dtype=bool)
    for row, columns in enumerate(kept.values()):
        mask[row, columns] = True
    return GeneSets(tuple(kept), mask)


def normalise_edges(edges: Sequence[tuple[str, str]], genes: Sequence[str]) -> sparse.coo_array:
    """Adjacency A of the genes as ``D^-1/2 (A + I) D^-1/2``, D the degrees of A + I (Kipf &
    Welling, ICLR 2017), (n_genes, n_genes).

    Directions, repeats and loops are ignored; a gene without edges stays as it is.

    Raises
    ------
    TrainingError
        The edges and the cohort share too few genes.
    """
    index = _index_genes((gene for edge in edges for gene in edge), genes)
    pairs = np.array(
        [(index[a], index[b]) for a, b in edges if a in index and b in index], dtype=np.int64
    ).reshape(-1, 2)
    rows, columns = np.concatenate(
        [pairs, pairs[:, ::-1], np.repeat(np.arange(len(genes)), 2).reshape(-1, 2)]
    ).T
    rows, columns = np.divmod(np.unique(rows * len(genes) + columns), len(genes))
    degree = np.bincount(rows, minlength=len(genes))
    weights = 1 / np.sqrt(degree[rows] * degree[columns])
    return sparse.coo_array(
        (weights.astype(np.float32), (rows, columns)), shape=(len(genes), len(genes))
    )


def _index_genes(named: Iterable[str], genes: Sequence[str]) -> dict[str, int]:
    """Indices of the file's genes among those of the cohort; refused where too few are shared."""
    named = set(named)
    index, note = match_names(sorted(named), genes)
    needed = MIN_SHARE * min(len(named), len(genes))
    if len(index) < needed:
        raise TrainingError(
            f"graph: {needed:.0f} genes or more that the file and the cohort share were "
            f"expected, found {len(index)} of the file's "
            f"{len(named)} and the cohort's {len(genes)}. The file names genes as "
            f"{name_some(sorted(named), 3)}, the cohort as "
            f"{name_some(genes, 3)}: give one with the cohort's kind of names"
        )
    if note:
        warnings.warn(f"graph: {note}", stacklevel=3)
    return index
