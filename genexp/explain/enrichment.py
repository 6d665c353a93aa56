"""Enrichment of gene sets in a latent, a class or the risk: over-representation in signatures, and
rank tests of attributions.

The background is the measured genes, never the genome. All tests of an evaluation are corrected
together by Benjamini and Hochberg.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from genexp.errors import CohortError, EvaluationError
from genexp.names import gene_sets as sets
from genexp.names.gene_sets import score_overlaps

MIN_SIZE, MAX_SIZE = 5, 500
"""Smallest and largest number of measured genes in a tested set: smaller sets are noise, larger
ones too broad. Signatures need as many."""
CORRELATION = 0.01
"""Correlation between genes of a set that the rank test assumes (the default of CAMERA): genes are
not independent."""
MAX_ROWS = 20_000
"""Maximum number of rows of the table: the tests with the smallest p."""
COLUMNS = [
    "test",
    "source",
    "target",
    "direction",
    "gene_set",
    "n_set",
    "n_signature",
    "n_overlap",
    "effect",
    "p",
    "q",
    "genes",
]


def read_enrichment_sets(path: str | Path) -> dict[str, list[str]]:
    """Read the file of the parameter ``gene_sets``, see
    :func:`genexp.names.gene_sets.read_gene_sets`.

    Raises
    ------
    EvaluationError
        The file does not exist or is not a GMT file.
    """
    try:
        return sets.read_gene_sets(path)
    except CohortError as error:
        raise EvaluationError(f"gene_sets: {error}") from None


def match_enrichment_sets(
    gene_sets: Mapping[str, list[str]], genes: pd.Index
) -> tuple[list[str], sparse.csr_array]:
    """Match sets with ``MIN_SIZE`` to ``MAX_SIZE`` measured genes, see
    :func:`genexp.names.gene_sets.match_gene_sets`.

    Raises
    ------
    EvaluationError
        No set has enough measured genes.
    """
    try:
        return sets.match_gene_sets(gene_sets, genes, MIN_SIZE, MAX_SIZE)
    except CohortError as error:
        raise EvaluationError(f"gene_sets: {error}") from None


def score_ranks(
    members: sparse.csr_array, values: np.ndarray, correlation: float = CORRELATION
) -> tuple[np.ndarray, np.ndarray]:
    """Two-sided rank-sum test of the genes of each set against all others, for columns (n_genes,
    n_targets) of values.

    The variance of U accounts for correlated genes within a set (Wu and Smyth, "CAMERA", NAR 2012)
    and for ties. With correlation 0 this is the Mann-Whitney test with continuity correction.

    Returns
    -------
    effect : ndarray, (n_sets, n_targets)
        Probability that a gene of the set ranks above another one, minus the probability that it
        ranks below: -1 to 1.
    p : ndarray, (n_sets, n_targets)
    """
    from scipy.stats import norm, rankdata

    n = len(values)
    m = members.sum(axis=1)[:, None]
    other = n - m
    ranks = rankdata(values, axis=0)
    excess = members @ ranks - m * (n + 1) / 2  # U minus its mean
    angle = np.arcsin([1.0, 0.5, correlation / 2, (correlation + 1) / 2])
    variance = (
        m
        * other
        / (2 * np.pi)
        * (
            angle[0]
            + angle[1] * (other - 1)
            + angle[2] * (m - 1) * (other - 1)
            + angle[3] * (m - 1)
        )
    )
    variance = variance * (1 - np.array([_count_ties(column) for column in values.T]) / (n**3 - n))
    # all values tied: p is 1 below
    z = (np.abs(excess) - 0.5).clip(0) / np.sqrt(np.maximum(variance, 1e-300))
    return 2 * excess / (m * other), np.where(variance > 0, 2 * norm.sf(z), 1.0).clip(max=1)


def _count_ties(column: np.ndarray) -> float:
    counts = np.unique(column, return_counts=True)[1].astype(np.float64)
    return float((counts**3 - counts).sum())


def find_enrichment(
    gene_sets: Mapping[str, list[str]],
    genes: pd.Index,
    signatures: Mapping[tuple[str, str, str], pd.Index],
    strength: pd.DataFrame,
) -> pd.DataFrame:
    """Test every signature and every ranking against every set.

    Parameters
    ----------
    gene_sets : mapping of str to list of str
        Genes by set.
    genes : Index, (n_genes,)
        Measured genes: the background.
    signatures : mapping of (source, target, direction) to Index
        Signatures of :class:`genexp.explain.signatures.Signatures`.
    strength : DataFrame, (n_genes, n_targets)
        Signed strengths; the test is of their ranks.

    Returns
    -------
    DataFrame, (n_tests, 12), at most ``MAX_ROWS`` with the smallest p
        ``test`` (``overlap``, ``ranks``), ``source``, ``target``, ``direction`` (of the genes),
        ``gene_set``, ``n_set`` (measured genes), ``n_signature`` and ``n_overlap`` (overlap test),
        ``effect`` (log2 of observed over expected overlap, half a gene added to both; of ranks, -1
        to 1), ``p``, ``q`` over all tests, ``genes`` (up to ten of the overlap, strongest first).
        ``attrs`` holds ``n_tests`` and ``n_sets``.
    """
    names, members = match_enrichment_sets(gene_sets, genes)
    tests = pd.concat(
        [
            _tabulate_overlaps(names, members, genes, signatures),
            _tabulate_ranks(names, members, strength),
        ],
        ignore_index=True,
    )
    from scipy.stats import false_discovery_control

    tests["q"] = false_discovery_control(tests["p"].to_numpy()) if len(tests) else []
    table = tests.sort_values("p", kind="stable", ignore_index=True).head(MAX_ROWS)
    row_of = {name: i for i, name in enumerate(names)}
    members_of = {
        name: set(genes[members[[row_of[name]]].indices]) for name in table["gene_set"].unique()
    }
    table["genes"] = [
        _name_overlap(row, members_of[row.gene_set], signatures) for row in table.itertuples()
    ]
    table.attrs = {"n_tests": len(tests), "n_sets": len(names)}
    return table[COLUMNS]


def _tabulate_overlaps(
    names: list[str],
    members: sparse.csr_array,
    genes: pd.Index,
    signatures: Mapping[tuple[str, str, str], pd.Index],
) -> pd.DataFrame:
    tested = {key: signature for key, signature in signatures.items() if len(signature) >= MIN_SIZE}
    in_signature = np.zeros((len(genes), len(tested)), dtype=bool)
    for column, signature in enumerate(tested.values()):
        in_signature[genes.get_indexer(signature), column] = True
    overlap, p = score_overlaps(members, in_signature)
    sizes, n_signature = members.sum(axis=1)[:, None], in_signature.sum(axis=0)[None]
    effect = np.log2((overlap + 0.5) / (sizes * n_signature / len(genes) + 0.5))
    columns = {
        "n_signature": np.broadcast_to(n_signature, p.shape),
        "n_overlap": overlap,
        "effect": effect,
        "p": p,
    }
    return _unfold(names, members, list(tested), columns).assign(test="overlap")


def _tabulate_ranks(
    names: list[str], members: sparse.csr_array, strength: pd.DataFrame
) -> pd.DataFrame:
    effect, p = score_ranks(members, strength.to_numpy())
    table = _unfold(
        names,
        members,
        [("attribution", str(target), "") for target in strength],
        {"effect": effect, "p": p},
    )
    return table.assign(
        test="ranks", direction=np.where(table["effect"] < 0, "negative", "positive")
    )


def _unfold(
    names: list[str],
    members: sparse.csr_array,
    keys: list[tuple[str, str, str]],
    columns: dict[str, np.ndarray],
) -> pd.DataFrame:
    """One row for each set and key, from arrays (n_sets, n_keys)."""
    sets, key = (
        np.repeat(np.arange(len(names)), len(keys)),
        np.tile(np.arange(len(keys)), len(names)),
    )
    table = pd.DataFrame(
        {name: np.ascontiguousarray(array).ravel() for name, array in columns.items()}
    )
    for i, name in enumerate(("source", "target", "direction")):
        table[name] = np.array([parts[i] for parts in keys], dtype=object)[key]
    return table.assign(
        gene_set=np.array(names, dtype=object)[sets], n_set=members.sum(axis=1).astype(int)[sets]
    )


def _name_overlap(
    row: Any, members: set[str], signatures: Mapping[tuple[str, str, str], pd.Index]
) -> str:
    shared = [
        gene
        for gene in signatures.get((row.source, row.target, row.direction), ())
        if gene in members
    ]
    return " ".join(shared[:10])
