"""What gene sets and edges are to the genes of a cohort: connections of a layer, and a propagation."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy import sparse

from genexp.errors import TrainingError, name_some
from genexp.names.genes import match_names

MIN_SHARE = 0.1
"""Share of the genes, of the file or of the cohort, whichever are fewer, that both must have."""
MIN_SIZE = 3
"""Genes of a set that the cohort has, below which the set is left out."""


def connect_sets(gene_sets: Mapping[str, Sequence[str]], genes: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the sets that have ``MIN_SIZE`` genes of the cohort, and their members (n_sets, n_genes; bool).

    Raises
    ------
    TrainingError
        The sets and the cohort share too few genes.
    """
    place = _place_genes((gene for own in gene_sets.values() for gene in own), genes)
    found = {name: list(dict.fromkeys(place[gene] for gene in own if gene in place)) for name, own in gene_sets.items()}
    kept = {name: at for name, at in found.items() if len(at) >= MIN_SIZE}
    if len(kept) < 2:
        largest = max(len(at) for at in found.values())
        raise TrainingError(
            f"graph: at least two sets with {MIN_SIZE} of the cohort's {len(genes)} genes were expected; of {len(found)} sets {len(kept)} "
            f"have so many, the largest {largest}. Give more sets, or keep more genes"
        )
    members = np.zeros((len(kept), len(genes)), dtype=bool)
    for row, at in enumerate(kept.values()):
        members[row, at] = True
    return tuple(kept), members


def normalise_edges(edges: Sequence[tuple[str, str]], genes: Sequence[str]) -> sparse.coo_array:
    """Adjacency A of the genes as ``D^-1/2 (A + I) D^-1/2``, D the degrees of A + I (Kipf & Welling, ICLR 2017), (n_genes, n_genes).

    Directions, repeats and loops count nothing; a gene without edges stays as it is.

    Raises
    ------
    TrainingError
        The edges and the cohort share too few genes.
    """
    place = _place_genes((gene for edge in edges for gene in edge), genes)
    pairs = np.array([(place[a], place[b]) for a, b in edges if a in place and b in place], dtype=np.int64).reshape(-1, 2)
    rows, columns = np.concatenate([pairs, pairs[:, ::-1], np.repeat(np.arange(len(genes)), 2).reshape(-1, 2)]).T
    rows, columns = np.divmod(np.unique(rows * len(genes) + columns), len(genes))
    degree = np.bincount(rows, minlength=len(genes))
    weights = 1 / np.sqrt(degree[rows] * degree[columns])
    return sparse.coo_array((weights.astype(np.float32), (rows, columns)), shape=(len(genes), len(genes)))


def _place_genes(named: Iterable[str], genes: Sequence[str]) -> dict[str, int]:
    """Places of the file's genes among those of the cohort; refused where too few are shared."""
    named = set(named)
    place, note = match_names(sorted(named), genes)
    needed = MIN_SHARE * min(len(named), len(genes))
    if len(place) < needed:
        raise TrainingError(
            f"graph: {needed:.0f} genes or more that the file and the cohort share were expected, found {len(place)} of the file's "
            f"{len(named)} and the cohort's {len(genes)}. The file names genes as {name_some(sorted(named), 3)}, the cohort as "
            f"{name_some(genes, 3)}: give one with the cohort's kind of names"
        )
    if note:
        warnings.warn(f"graph: {note}", stacklevel=3)
    return place
