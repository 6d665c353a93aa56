"""What the rows of a matrix are: samples or genes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from genexp.cohort.annotations import find_id_column
from genexp.cohort.matrix import Matrix
from genexp.errors import CohortError

GENE_TITLES = re.compile(r"gene|symbol|hugo|ensembl|entrez|probe|transcript", re.IGNORECASE)
SAMPLE_TITLES = re.compile(r"sample|patient|barcode|cell|contrast|case|subject|donor|accession|run", re.IGNORECASE)

GENE_NAMES = re.compile(
    r"""  [?A-Za-z][\w.@-]*\|\d+            # Firehose: TP53|7157, ?|100130426
        | ENS[A-Z]{0,4}[GT]\d{6,}(\.\d+)?  # Ensembl
        | \d{1,9}_at | [A-Z]{2}_\d{6,}     # arrays, RefSeq
        | [A-Z][A-Z0-9]{0,4}[A-Z]\d{0,3}[A-Z]?\d{0,2} | C\d{1,2}orf\d+ | [A-Z]{2,4}\d{1,4}(-\d+)?  # human symbols
        | [A-Z][a-z][a-z0-9]{1,6}          # mouse symbols
        | SIM\d+ """,
    re.VERBOSE,
)


def find_orientation(matrix: Matrix, annotations: pd.DataFrame | None, rows: str = "auto", sample_id: str = "") -> tuple[bool, str]:
    """Whether genes are in rows, and by what that was recognised.

    In this order: as stated; what the file holds (h5ad); the side whose names the annotations know; the heading of the row names;
    the side whose names look more like genes; the longer side, for a cohort usually has more genes than samples.
    """
    if rows != "auto":
        return rows == "genes", "stated"
    if matrix.obs is not None:
        return False, "the annotations that the cohort holds"
    if annotations is not None:
        in_rows, in_columns = (find_id_column(annotations, ids, sample_id)[1] for ids in (matrix.row_ids, matrix.column_ids))
        if in_rows != in_columns:
            return in_columns > in_rows, "sample ids of the annotations"
    if matrix.title and bool(GENE_TITLES.search(matrix.title)) != bool(SAMPLE_TITLES.search(matrix.title)):
        return bool(GENE_TITLES.search(matrix.title)), f"heading {matrix.title!r}"
    likeness = _measure_likeness(matrix.row_ids) - _measure_likeness(matrix.column_ids)
    if abs(likeness) > 0.2:
        return likeness > 0, "names that look like genes"
    n_rows, n_columns = len(matrix.row_ids), len(matrix.column_ids)
    if n_rows == n_columns:
        raise CohortError(f"cannot tell genes from samples in {n_rows} rows and as many columns; say rows=genes or rows=samples")
    return n_rows > n_columns, "the longer side"


def _measure_likeness(names: Sequence[str], most: int = 500) -> float:
    """Share of (evenly spaced) names that look like genes."""
    sampled = [names[i] for i in np.linspace(0, len(names) - 1, min(len(names), most)).astype(int)]
    return sum(GENE_NAMES.fullmatch(name) is not None for name in sampled) / len(sampled)
