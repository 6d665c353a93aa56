"""Counts of 10x Genomics: Cell Ranger's HDF5 files, of version 3 and later (group matrix) and of
version 2 (one group per genome).
"""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.damage import GuardedValues, report_damage
from genexp.files.probe import FileProbe, Request
from genexp.files.stored import SelectedRows, SparseArray
from genexp.files.table import Table
from genexp.formats.format import Format
from genexp.formats.hdf5 import is_hdf5, open_hdf5, peek, read_hdf5_texts

NAME = "10x Genomics HDF5"
PARTS = {"barcodes", "data", "indices", "indptr", "shape"}
GENES = "Gene Expression"
N_CHECKED = 1_000_000
"""Number of stored values that are inspected to recognise counts."""
MAX_DROPLETS = 50_000
MIN_GENES = 100
"""An unfiltered matrix has more barcodes than MAX_DROPLETS, most of them empty droplets with fewer
genes than MIN_GENES."""


def recognise(probe: FileProbe) -> bool:
    """Check whether a file is HDF5 with the datasets of a 10x matrix."""
    return is_hdf5(probe) and peek(probe, lambda file: bool(_list_matrices(file)))


def _list_matrices(file: h5py.File) -> list[str]:
    return [
        key for key, group in file.items() if isinstance(group, h5py.Group) and set(group) >= PARTS
    ]


def open_tenx(probe: FileProbe, request: Request) -> Table:
    """Open the genes x cells matrix of Cell Ranger's HDF5 file; names are gene ids, symbols the
    column ``gene_name``.
    """
    with report_damage(probe.name, NAME):
        file = open_hdf5(probe)
        genomes = _list_matrices(file)
        if len(genomes) > 1:
            raise CohortError(
                f"{probe.name} holds the matrices of several genomes: {name_some(genomes)}; "
                "expected one: keep one of them, as with "
                f'scanpy.read_10x_h5(FILE, genome="{genomes[0]}").write_h5ad("FILE.h5ad")'
            )
        group = file[genomes[0]]
        features = _read_features(group)
        n_genes, n_cells = (int(length) for length in group["shape"][()])
        values = SparseArray(
            group["data"],
            group["indices"],
            group["indptr"][()].astype(np.int64),
            (n_genes, n_cells),
            by_rows=False,
        )
        return build_table(values, features, read_hdf5_texts(group["barcodes"]), probe.name, NAME)


def _read_features(group: h5py.Group) -> pd.DataFrame:
    """Read the ids, symbols and types of the features."""
    if "features" not in group:
        return pd.DataFrame(
            {
                "gene_id": read_hdf5_texts(group["genes"]),
                "gene_name": read_hdf5_texts(group["gene_names"]),
            }
        )
    stored = group["features"]
    columns = {
        "gene_id": "id",
        "gene_name": "name",
        "feature_type": "feature_type",
        "genome": "genome",
    }
    return pd.DataFrame(
        {title: read_hdf5_texts(stored[key]) for title, key in columns.items() if key in stored}
    )


def build_table(
    values: SparseArray, features: pd.DataFrame, barcodes: list[str], name: str, kind: str
) -> Table:
    """Build the table of a genes x cells matrix, without features that are not genes (antibodies,
    guides).

    Parameters
    ----------
    values : SparseArray, (n_features, n_cells)
    features : DataFrame, (n_features, ...)
        ``gene_id``, and ``gene_name``, ``feature_type`` and others where the file has them.
    barcodes : list of str, (n_cells,)
    name : str
        Address of the file, for messages.
    kind : str
        Name of the format.
    """
    if values.shape != (len(features), len(barcodes)):
        raise CohortError(
            f"{name}: the matrix has {values.shape[0]} rows and {values.shape[1]} columns, "
            f"but there are {len(features)} features and "
            f"{len(barcodes)} barcodes; do these files belong together?"
        )
    _refuse_droplets(values, name)
    is_gene, notes = _select_genes(features, name)
    stored = np.asarray(values.data[: min(N_CHECKED, values.data.shape[0])])
    return Table(
        list(features["gene_id"][is_gene]),
        barcodes,
        GuardedValues(SelectedRows(values, np.flatnonzero(is_gene)), name, kind),
        heading="gene_id",
        row_annotations=features[is_gene].drop(columns="gene_id").reset_index(drop=True),
        genes_in_rows=True,
        scale="counts" if (stored == np.rint(stored)).all() else "",
        says_scale=kind,
        format=kind,
        notes=notes,
    )


def _refuse_droplets(values: SparseArray, name: str) -> None:
    n_stored = np.diff(values.indptr)
    if not values.by_rows and len(n_stored) > MAX_DROPLETS and np.median(n_stored) < MIN_GENES:
        raise CohortError(
            f"{name} has {len(n_stored):,} barcodes, half of them with fewer than "
            f"{int(np.median(n_stored)) + 1} genes; expected cells, "
            "but most of these are empty droplets: give the filtered matrix "
            "(filtered_feature_bc_matrix)"
        )


def _select_genes(features: pd.DataFrame, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Select the features that are genes, with a note about the others."""
    if "feature_type" not in features:
        return np.ones(len(features), dtype=bool), ()
    is_gene = (features["feature_type"] == GENES).to_numpy()
    others = ", ".join(
        f"{count} of {kind}"
        for kind, count in features["feature_type"][~is_gene].value_counts().items()
    )
    if not is_gene.any():
        raise CohortError(
            f"{name} has no feature of the type {GENES}, only {others}; expected genes: give "
            "the matrix of gene expression"
        )
    return is_gene, (f"Features other than genes were dropped: {others}.",) if others else ()


FORMAT = Format(
    NAME, "HDF5 with barcodes, data, indices, indptr and shape in one group", recognise, open_tenx
)
