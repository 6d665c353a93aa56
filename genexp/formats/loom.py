"""Loom files: HDF5 with a genes x cells matrix, layers, and attributes of rows and columns."""

from __future__ import annotations

import h5py
import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.damage import GuardedValues, report_damage
from genexp.files.probe import FileProbe, Request
from genexp.files.stored import DenseArray
from genexp.files.table import Table
from genexp.formats.format import Format
from genexp.formats.hdf5 import is_hdf5, open_hdf5, peek, read_column

NAME = "loom"
GENE_KEYS = ("Gene", "gene", "gene_name", "var_names", "Accession", "GeneID", "gene_id", "id")
CELL_KEYS = ("CellID", "cell_id", "obs_names", "cell", "Cell", "barcode", "sample", "id")
PARTS = {"matrix", "row_attrs", "col_attrs"}


def recognise(probe: FileProbe) -> bool:
    """Check whether a file is HDF5 with the groups of a loom file."""
    return is_hdf5(probe) and peek(probe, lambda file: set(file) >= PARTS)


def open_loom(probe: FileProbe, request: Request) -> Table:
    """Open the matrix or a layer of a loom file."""
    with report_damage(probe.name, NAME):
        file = open_hdf5(probe)
        layers = list(file.get("layers", {}))
        if request.layer and request.layer not in layers:
            raise CohortError(
                f"{probe.name} has no layer {request.layer!r}; its layers: "
                f"{name_some(layers, 10)}. Leave layer empty for matrix"
            )
        matrix = file["layers"][request.layer] if request.layer else file["matrix"]
        genes, cells = (
            read_loom_frame(file[key], length)
            for key, length in zip(("row_attrs", "col_attrs"), matrix.shape, strict=True)
        )
        gene_key, cell_key = (
            _find_key(genes, GENE_KEYS, probe.name),
            _find_key(cells, CELL_KEYS, probe.name),
        )
        return Table(
            [str(name) for name in genes[gene_key]],
            [str(name) for name in cells[cell_key]],
            GuardedValues(DenseArray(matrix), probe.name, NAME),
            heading=gene_key,
            row_annotations=genes.drop(columns=gene_key),
            column_annotations=cells.drop(columns=cell_key),
            genes_in_rows=True,
            format=NAME,
        )


def annotate(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read the attributes of cells."""
    with report_damage(probe.name, NAME):
        file = open_hdf5(probe)
        return read_loom_frame(file["col_attrs"], file["matrix"].shape[1])


def read_loom_frame(attributes: h5py.Group, length: int) -> pd.DataFrame:
    """Read the attributes with one value per row or column."""
    columns = {
        key: item
        for key, item in attributes.items()
        if isinstance(item, h5py.Dataset) and item.shape == (length,)
    }
    return pd.DataFrame(
        {key: read_column(item) for key, item in columns.items()}, index=range(length)
    )


def _find_key(frame: pd.DataFrame, keys: tuple[str, ...], name: str) -> str:
    """Find the attribute that holds the names."""
    for key in keys:
        if key in frame:
            return key
    raise CohortError(
        f"{name}: expected names in the attribute {keys[0]}, found "
        f"{name_some(frame.columns)}; rename the one that holds them"
    )


FORMAT = Format(
    NAME,
    "HDF5 with matrix, row_attrs and col_attrs",
    recognise,
    open_loom,
    annotate,
    layer="a layer",
)
