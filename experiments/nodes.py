"""Meaning of the nodes (units, components) of a representation: the genes of high weight, and
the gene sets among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from genexp.evaluation.baselines import Representation
from genexp.explain.enrichment import MIN_SIZE, match_enrichment_sets, read_enrichment_sets
from genexp.explain.signatures import Signatures, find_signatures, weigh_genes
from genexp.names.gene_sets import score_overlaps

LEVEL = 0.05
"""False discovery rate, over all sets, nodes and directions of one representation, below which a
set counts as enriched."""


def check_gene_sets(paths: Iterable[str], genes: pd.Index) -> None:
    """Refuse gene sets of which the cohort measures too few genes, before hours of training.

    Raises
    ------
    EvaluationError
        No set of a file has enough measured genes, or a file is none.
    """
    for path in paths:
        match_enrichment_sets(read_enrichment_sets(path), genes)


def weigh_nodes(representation: Representation, X: np.ndarray, genes: pd.Index) -> pd.DataFrame:
    """Weights (n_genes, n_nodes): how a gene is rebuilt as a node rises by one standard deviation
    of train rows X (n_train, n_genes).
    """
    z = representation.latents(X)
    names = [f"node_{i:03d}" for i in range(z.shape[1])]
    return weigh_genes(representation.decode, z, names, genes)  # type: ignore[arg-type]


def sign_nodes(weights: pd.DataFrame, z_train: np.ndarray, z_test: np.ndarray) -> Signatures:
    """Genes beyond 2.5 standard deviations of a node's weights, on either side, and a table of the
    nodes, most active first.
    """
    return find_signatures(weights, pd.DataFrame(index=weights.index), z_train, z_test)


def enrich_nodes(signatures: Signatures, gene_sets: Mapping[str, list[str]]) -> pd.DataFrame:
    """Gene sets that are enriched among the genes of high weight of a node; the background is the
    genes that were measured.

    Returns
    -------
    DataFrame, (n_enriched, 7)
        ``node``, ``direction``, ``gene_set``, ``n_signature``, ``n_overlap``, ``p``
        (hypergeometric), ``q`` below ``LEVEL`` (Benjamini and Hochberg over all tests), smallest
        first.
    """
    from scipy.stats import false_discovery_control

    genes = signatures.weights.index
    names, members = match_enrichment_sets(gene_sets, genes)
    filled = {key[1:]: own for key, own in signatures.genes.items() if len(own) >= MIN_SIZE}
    chosen = np.zeros((len(genes), len(filled)), dtype=bool)
    for j, own in enumerate(filled.values()):
        chosen[genes.get_indexer(own), j] = True
    overlap, p = score_overlaps(members, chosen)
    q = false_discovery_control(p, axis=None).reshape(p.shape) if p.size else p
    at, column = np.nonzero(q < LEVEL)
    keys = list(filled)
    table = pd.DataFrame(
        {
            "node": [keys[j][0] for j in column],
            "direction": [keys[j][1] for j in column],
            "gene_set": [names[i] for i in at],
            "n_signature": chosen.sum(axis=0)[column],
            "n_overlap": overlap[at, column],
            "p": p[at, column],
            "q": q[at, column],
        }
    )
    return table.sort_values("p", kind="stable", ignore_index=True)
