"""Which genes belong together: gene sets (GMT) and edges between genes as files, sets matched to measured genes, and overlaps judged."""

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

GMT = "a GMT file was expected (a line for each set: name, description, genes; separated by tabs)"
EDGES = "a table of edges was expected (a line for each: two gene names, separated by a tab)"


def read_gene_sets(path: str | Path) -> dict[str, list[str]]:
    """Gene sets of a GMT file (``.gmt``, ``.gmt.gz``): a line for each set with name, description and genes, separated by tabs.

    Raises
    ------
    CohortError
        No such file, or one that is not a GMT.
    """
    lines = _read_lines(Path(path), 3, GMT, "a .gmt or .gmt.gz file")
    names = [fields[0] for fields in lines]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise CohortError(f"names that occur once were expected; found {name_some(twice)} more than once in {path}")
    return {name: list(dict.fromkeys(gene for gene in fields[2:] if gene)) for name, fields in zip(names, lines, strict=True)}


def read_edges(path: str | Path) -> list[tuple[str, str]]:
    """Pairs of gene names: the first two columns of a text (also ``.gz``) whose fields are separated by tabs.

    Raises
    ------
    CohortError
        No such file, or one that has no two columns.
    """
    return [(fields[0], fields[1]) for fields in _read_lines(Path(path), 2, EDGES, "a .tsv or .tsv.gz file")]


def _read_lines(path: Path, n_fields: int, expected: str, advice: str) -> list[list[str]]:
    """Fields of every line that is not blank."""
    if not path.is_file():
        raise CohortError(f"{expected}; found no file {path}. Give the path of one that is on this machine")
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            lines = [(number, line.rstrip("\r\n").split("\t")) for number, line in enumerate(file, start=1) if line.strip()]
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise CohortError(f"{expected}; {path} cannot be read as text ({error}). Give {advice}") from None
    wrong = [number for number, fields in lines if len(fields) < n_fields or not fields[0].strip()]
    if wrong or not lines:
        few = {2: "two", 3: "three"}[n_fields]
        found = f"lines {name_some(wrong)} of {path} have fewer than {few} fields" if wrong else f"{path} is empty"
        raise CohortError(f"{expected}; {found}. Is this another kind of table?")
    return [[field.strip() for field in fields] for _, fields in lines]


def match_gene_sets(
    gene_sets: Mapping[str, list[str]], genes: pd.Index, min_size: int, max_size: int
) -> tuple[list[str], sparse.csr_array]:
    """Sets with ``min_size`` to ``max_size`` measured genes: smaller ones say little, larger ones are too broad.

    Genes are matched by :func:`genexp.names.genes.match_names`, which warns where case had to be disregarded.

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
    place, note = match_names((gene for own in gene_sets.values() for gene in own), genes)
    if note:
        warnings.warn(f"gene sets: {note}", stacklevel=2)
    found = {name: sorted({place[gene] for gene in own if gene in place}) for name, own in gene_sets.items()}
    kept = {name: at for name, at in found.items() if min_size <= len(at) <= max_size}
    if not kept:
        largest = max((len(at) for at in found.values()), default=0)
        named = name_some(next(iter(gene_sets.values())), 3)
        raise CohortError(
            f"sets with {min_size} to {max_size} of the {len(genes)} measured genes were expected; the largest overlap of the "
            f"{len(gene_sets)} sets is {largest}. They name genes as {named}, the cohort as {name_some(genes, 3)}: "
            "give sets with the cohort's kind of names"
        )
    columns = np.concatenate(list(kept.values()))
    rows = np.repeat(np.arange(len(kept)), [len(at) for at in kept.values()])
    return list(kept), sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(kept), len(genes)))


def judge_overlaps(members: sparse.csr_array, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Overlap and one-sided hypergeometric p (n_sets, n_signatures) of signatures (n_genes, n_signatures; bool) with sets."""
    n = members.shape[1]
    overlap = (members @ chosen.astype(np.float64)).astype(np.int64)
    sizes, drawn = members.sum(axis=1).astype(np.int64)[:, None], chosen.sum(axis=0)[None]
    cases, inverse = np.unique((overlap * (n + 1) + sizes) * (n + 1) + drawn, return_inverse=True)
    p = _sum_tail(cases // (n + 1) ** 2, cases // (n + 1) % (n + 1), cases % (n + 1), n)
    return overlap, p[inverse].reshape(overlap.shape)


def _sum_tail(overlap: np.ndarray, size: np.ndarray, drawn: np.ndarray, n: int) -> np.ndarray:
    """Hypergeometric P(X >= overlap): the probability of the overlap itself, and of each larger one from that before.

    ``scipy.stats.hypergeom.sf`` gives the same, in a minute for a million tests.
    """
    from scipy.special import gammaln

    def choose(a: np.ndarray | float, b: np.ndarray) -> np.ndarray:
        return gammaln(a + 1.0) - gammaln(b + 1) - gammaln(a - b + 1)

    term = np.exp(choose(size, overlap) + choose(n - size, drawn - overlap) - choose(n, drawn))
    total, at = term, overlap
    while (term > 1e-17 * total).any():
        term = term * np.maximum(size - at, 0) * np.maximum(drawn - at, 0) / ((at + 1) * np.maximum(n - size - drawn + at + 1, 1))
        total, at = total + term, at + 1
    return np.where(overlap > 0, np.minimum(total, 1.0), 1.0)
