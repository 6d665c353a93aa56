"""Content of both sides of a table: genes, samples, annotations of either, and other rows or
columns.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.table import name_apart
from genexp.formats import Table
from genexp.names.genes import is_nameless
from genexp.names.likeness import (
    counts_rows,
    find_metadata,
    find_unusual_names,
    is_gene_column,
    is_missing,
    is_summary,
    measure_likeness,
    normal_title,
)
from genexp.names.vocabulary import GENE_TITLES, SAMPLE_NAMES

NAMED_SHARE = 0.8
"""Share of distinct texts that look like genes, or samples, from which on they are names."""


@dataclass(frozen=True)
class Sides:
    """Names and positions of samples and genes, and annotations in the file.

    Parameters
    ----------
    genes_in_rows : bool
    samples, genes : list of str
        Kept names, as the file writes them.
    sample_positions, gene_positions : ndarray of int
        Positions along their side of the file.
    obs : DataFrame, (n_samples, ...)
        Annotations of samples.
    var : DataFrame, (n_genes, ...)
        Annotations of genes.
    """

    genes_in_rows: bool
    samples: list[str]
    genes: list[str]
    sample_positions: np.ndarray
    gene_positions: np.ndarray
    obs: pd.DataFrame
    var: pd.DataFrame


def find_sides(
    table: Table,
    genes_in_rows: bool,
    named: Collection[str],
    metadata: Collection[str],
    said: list[str],
) -> Sides:
    """Separate genes and samples from other rows and columns, which are named in ``said``.

    Parameters
    ----------
    table : Table
    genes_in_rows : bool
    named : collection of str
        Columns that parameters name.
    metadata : collection of str
        Names that the user declares not to be genes; ``none``: every name is a gene.
    said : list of str
        Sentences for the user, which this adds to.
    """
    gene_names, sample_names = (
        (table.rows, table.columns) if genes_in_rows else (table.columns, table.rows)
    )
    own_obs, own_var = table.column_annotations, table.row_annotations
    if not genes_in_rows:
        own_obs, own_var = own_var, own_obs
    gene_names = _find_better_names(gene_names, own_var, "genes", said)
    sample_names = _find_better_names(sample_names, own_obs, "samples", said)
    _refuse_titles(sample_names)
    annotations = _find_annotations(gene_names, named, metadata)
    if annotations:
        own_obs = name_apart(
            pd.concat(
                [own_obs, _read_annotations(table, annotations, gene_names, genes_in_rows)], axis=1
            )
        )
    _say_annotations(own_obs, own_var, genes_in_rows, said)
    gene_positions, sample_positions = (
        _keep_genes(gene_names, own_var, annotations, said),
        _keep_samples(sample_names, said),
    )
    nameless = {i for i in find_unusual_names(gene_names) if is_nameless(gene_names[i])}
    genes = [
        _find_other_id(own_var, i) if i in nameless else gene_names[i].strip()
        for i in gene_positions.tolist()
    ]
    samples = [sample_names[i].strip() for i in sample_positions]
    obs = (
        own_obs.iloc[sample_positions]
        if len(own_obs.columns)
        else pd.DataFrame(index=range(len(samples)))
    )
    var = (
        own_var.iloc[gene_positions]
        if len(own_var.columns)
        else pd.DataFrame(index=range(len(genes)))
    )
    return Sides(genes_in_rows, samples, genes, sample_positions, gene_positions, obs, var)


def _refuse_titles(sample_names: list[str]) -> None:
    """Refuse a sample that is named as columns of gene names are: its column was to hold names, and
    holds numbers.
    """
    titles = [name for name in sample_names if GENE_TITLES.fullmatch(name.strip())]
    if titles and len(titles) < len(sample_names):
        raise CohortError(
            f"expected names of samples; found {name_some(titles)}, the title of a column of "
            "gene names, which holds numbers. "
            "Write the names of genes there, or take the column out of the file"
        )


def _are_names(values: pd.Series, what: str) -> bool:
    """Check whether values are distinct names of genes, or of samples."""
    if not values.is_unique or values.isna().any():
        return False
    likeness = measure_likeness(list(values.astype(str)))
    share = likeness.gene_ids + likeness.symbols if what == "genes" else likeness.sample_ids
    return share > NAMED_SHARE


def _find_better_names(
    names: list[str], annotations: pd.DataFrame, what: str, said: list[str]
) -> list[str]:
    """Take names of genes or samples from an annotation where the names only count them."""
    columns = annotations.columns if counts_rows(names) else []
    if what == "genes":
        titles = [column for column in columns if GENE_TITLES.fullmatch(str(column).strip())]
    else:
        titles = [
            column
            for column in columns
            if SAMPLE_NAMES.fullmatch(normal_title(str(column))) and annotations[column].is_unique
        ]
    # A line of names below one that counts is titled by the other side: "sample" above samples
    titles = titles or [column for column in columns if _are_names(annotations[column], what)]
    if not titles:
        return names
    said.append(
        f"The names of {what} count them; the {what} are named by their annotation {titles[0]!r}."
    )
    return ["" if is_missing(name) else name for name in annotations[titles[0]].astype(str)]


def _find_annotations(
    gene_names: list[str], named: Collection[str], metadata: Collection[str]
) -> list[int]:
    """Find positions along the side of genes that hold annotations of samples."""
    declared = {*named, *metadata} - {"none"}
    positions = {i for i, name in enumerate(gene_names) if name in declared}
    if "none" not in metadata:
        positions |= {i for i in find_metadata(gene_names) if not is_gene_column(gene_names[i])}
    return sorted(positions)


def _read_annotations(
    table: Table, positions: list[int], names: list[str], genes_in_rows: bool
) -> pd.DataFrame:
    """Read numeric annotations of samples, rounded to six decimals so that float32 noise
    disappears.
    """
    rows, columns = np.arange(len(table.rows)), np.arange(len(table.columns))
    at = np.array(positions)
    values = table.values.read(at, columns).T if genes_in_rows else table.values.read(rows, at)
    return pd.DataFrame(values.astype(np.float64).round(6), columns=[names[i] for i in positions])


def _say_annotations(
    own_obs: pd.DataFrame, own_var: pd.DataFrame, genes_in_rows: bool, said: list[str]
) -> None:
    side, other = ("rows", "columns") if genes_in_rows else ("columns", "rows")
    if len(own_obs.columns):
        said.append(
            f"Annotations of samples in the file itself, in {side} that are no genes: "
            f"{name_some(own_obs.columns, 12)}."
        )
    if len(own_var.columns):
        said.append(
            f"Annotations of genes, in {other} that are no samples: "
            f"{name_some(own_var.columns, 12)}."
        )


def _keep_genes(
    names: list[str], var: pd.DataFrame, annotations: list[int], said: list[str]
) -> np.ndarray:
    """Find the positions of genes, without annotations, summaries, and empty names without another
    id.
    """
    drop, unusual = set(annotations), find_unusual_names(names)
    summaries = [i for i in unusual if is_summary(names[i])]
    if len(summaries) == len(names):
        summaries = []
    if summaries:
        said.append(
            "Left out as summary rows or columns, not genes: "
            f"{name_some((names[i] for i in summaries), 5)}."
        )
    nameless = [
        i for i in unusual if i not in drop and is_nameless(names[i]) and not _find_other_id(var, i)
    ]
    if nameless:
        said.append(
            f"Left out: {len(nameless)} genes without a name (empty, NA), at "
            f"{name_some((i + 1 for i in nameless), 3)} of the file."
        )
    drop |= {*summaries, *nameless}
    kept = np.delete(np.arange(len(names)), sorted(drop))
    if not len(kept):
        raise CohortError(
            f"no gene is left: all {len(names)} names look like annotations or summaries "
            f"({name_some(names, 3)}); say metadata=none"
        )
    return kept


def _keep_samples(names: list[str], said: list[str]) -> np.ndarray:
    """Find the positions of samples, without summaries."""
    drop = {i for i, name in enumerate(names) if is_summary(name)}
    if drop and len(drop) < len(names):
        said.append(
            f"Left out as summaries, not samples: {name_some((names[i] for i in sorted(drop)), 5)}."
        )
    else:
        drop = set()
    nameless = [i for i, name in enumerate(names) if not name.strip()]
    if nameless:
        raise CohortError(
            f"samples without a name at positions {name_some(i + 1 for i in nameless)}; name "
            "them or take them out"
        )
    return np.delete(np.arange(len(names)), sorted(drop))


def _find_other_id(var: pd.DataFrame, position: int) -> str:
    """Find another id of a gene (Entrez, Ensembl) in its annotations."""
    for column in var.columns:
        title = str(column).lower()
        if (
            "entrez" in title
            or "ensembl" in title
            or title in ("gene_id", "geneid", "id", "probe_id", "symbol", "gene_name")
        ):
            value = str(var[column].iloc[position]).strip()
            if value and not is_missing(value):
                return value.removesuffix(".0")
    return ""
