"""Gene sets (GMT) and edges between genes: read from files, matched to measured genes, and tested
for overlap.
"""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from genexp.errors import CohortError, name_some
from genexp.names.genes import match_names

GMT = "expected a GMT file (one line per set: name, description, genes; separated by tabs)"
EDGES = "expected a table of edges (one line per edge: two gene names, separated by a tab)"


def read_gene_sets(path: str | Path) -> dict[str, list[str]]:
    """Read the gene sets of a GMT file (``.gmt``, ``.gmt.gz``): one line per set with name,
    description and genes, separated by tabs.

    Raises
    ------
    CohortError
        The file does not exist or is no GMT.
    """
    lines = _read_lines(Path(path), 3, GMT, "a .gmt or .gmt.gz file")
    names = [fields[0] for fields in lines]
    twice = (
        sorted({name for name in names if names.count(name) > 1})
        if len(set(names)) < len(names)
        else []
    )
    if twice:
        raise CohortError(
            f"expected every gene set to have its own name; found {name_some(twice)} more "
            f"than once in {path}"
        )
    return {
        name: list(dict.fromkeys(gene for gene in fields[2:] if gene))
        for name, fields in zip(names, lines, strict=True)
    }


def read_edges(path: str | Path) -> list[tuple[str, str]]:
    """Read pairs of gene names: the first two columns of a text (also ``.gz``) whose fields are
    separated by tabs.

    Raises
    ------
    CohortError
        The file does not exist or has fewer than two columns.
    """
    return [
        (fields[0], fields[1])
        for fields in _read_lines(Path(path), 2, EDGES, "a .tsv or .tsv.gz file")
    ]


def _read_lines(path: Path, n_fields: int, expected: str, advice: str) -> list[list[str]]:
    """Split every line that is not blank into its fields."""
    if not path.is_file():
        raise CohortError(
            f"{expected}; found no file {path}. Give the path of a file on this machine"
        )
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8") as file
        ):
            lines = [
                (number, line.rstrip("\r\n").split("\t"))
                for number, line in enumerate(file, start=1)
                if line.strip()
            ]
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise CohortError(
            f"{expected}; {path} cannot be read as text ({error}). Give {advice}"
        ) from None
    wrong = [number for number, fields in lines if len(fields) < n_fields or not fields[0].strip()]
    if wrong or not lines:
        few = {2: "two", 3: "three"}[n_fields]
        problem = (
            f"lines {name_some(wrong)} of {path} have fewer than {few} fields"
            if wrong
            else f"{path} is empty"
        )
        raise CohortError(f"{expected}; {problem}. Is this another kind of table?")
    return [[field.strip() for field in fields] for _, fields in lines]


def match_gene_sets(
    gene_sets: Mapping[str, list[str]], genes: pd.Index, min_size: int, max_size: int
) -> tuple[list[str], sparse.csr_array]:
    """Keep sets with ``min_size`` to ``max_size`` measured genes: smaller sets say little, larger
    ones are too broad.

    Genes are matched by :func:`genexp.names.genes.match_names`, with a warning where case had to be
    ignored.

    Returns
    -------
    names : list of str, (n_sets,)
    members : sparse array of float64, (n_sets, n_genes)
        1 where a gene is in a set.

    Raises
    ------
    CohortError
        No set has enough measured genes.
    """
    positions, note = match_names(
        (gene for members in gene_sets.values() for gene in members), genes
    )
    if note:
        warnings.warn(f"gene sets: {note}", stacklevel=2)
    measured = {
        name: sorted({positions[gene] for gene in members if gene in positions})
        for name, members in gene_sets.items()
    }
    kept = {name: at for name, at in measured.items() if min_size <= len(at) <= max_size}
    if not kept:
        largest = max((len(at) for at in measured.values()), default=0)
        named = name_some(next(iter(gene_sets.values())), 3)
        raise CohortError(
            f"expected gene sets with {min_size} to {max_size} of the {len(genes)} measured "
            f"genes; the largest of {len(gene_sets)} "
            f"sets has {largest}. Genes of the first set: {named}; of the cohort: "
            f"{name_some(genes, 3)}. Give sets that name genes as the "
            "cohort does"
        )
    columns = np.concatenate(list(kept.values()))
    rows = np.repeat(np.arange(len(kept)), [len(at) for at in kept.values()])
    return list(kept), sparse.csr_array(
        (np.ones(len(rows)), (rows, columns)), shape=(len(kept), len(genes))
    )


def score_overlaps(
    members: sparse.csr_array, signatures: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Score overlaps: count and one-sided hypergeometric p (n_sets, n_signatures) of signatures
    (n_genes, n_signatures; bool) with sets.
    """
    n = members.shape[1]
    overlap = (members @ signatures.astype(np.float64)).astype(np.int64)
    sizes, drawn = members.sum(axis=1).astype(np.int64)[:, None], signatures.sum(axis=0)[None]
    cases, inverse = np.unique((overlap * (n + 1) + sizes) * (n + 1) + drawn, return_inverse=True)
    p = _sum_tail(cases // (n + 1) ** 2, cases // (n + 1) % (n + 1), cases % (n + 1), n)
    return overlap, p[inverse].reshape(overlap.shape)


def _sum_tail(overlap: np.ndarray, size: np.ndarray, drawn: np.ndarray, n: int) -> np.ndarray:
    """Hypergeometric P(X >= overlap): the probability of the overlap itself, and of each larger one
    by the recursion over k.

    With K = size, d = drawn: P(k) = C(K, k) C(n - K, d - k) / C(n, d), P(k + 1) / P(k) = (K - k) (d
    - k) / ((k + 1) (n - K - d + k + 1)). ``scipy.stats.hypergeom.sf`` gives the same values, but
    needs a minute for a million tests.
    """
    from scipy.special import gammaln

    def choose(a: np.ndarray | float, b: np.ndarray) -> np.ndarray:
        return gammaln(a + 1.0) - gammaln(b + 1) - gammaln(a - b + 1)

    term = np.exp(choose(size, overlap) + choose(n - size, drawn - overlap) - choose(n, drawn))
    total, at = term, overlap
    while (term > 1e-17 * total).any():  # smaller terms vanish in the rounding of float64
        term = (
            term
            * np.maximum(size - at, 0)
            * np.maximum(drawn - at, 0)
            / ((at + 1) * np.maximum(n - size - drawn + at + 1, 1))
        )
        total, at = total + term, at + 1
    return np.where(overlap > 0, np.minimum(total, 1.0), 1.0)
