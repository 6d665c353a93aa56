"""AnnData in memory, as in a notebook: opened like a file, so that the same checks apply."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from anndata import AnnData

from genexp.errors import CohortError, name_some
from genexp.files.stored import SparseArray
from genexp.files.table import DenseValues, Table, Values
from genexp.formats.anndata_layout import find_scale

NAME = "AnnData in memory"


class BorrowedValues(DenseValues):
    """Values of the caller, which are copied before any change."""

    def fill(self, rows: np.ndarray, columns: np.ndarray, transpose: bool) -> np.ndarray:
        """Read the kept part, see :class:`genexp.files.table.Values`."""
        X = super().fill(rows, columns, transpose)
        return X.copy() if np.shares_memory(X, self.array) else X


def open_in_memory(adata: AnnData, layer: str = "", name: str = "the AnnData") -> Table:
    """Open the X, a layer or raw of an AnnData.

    Parameters
    ----------
    adata : AnnData
    layer : str
        A layer, or ``raw``; empty: X.
    name : str
        For messages.

    Raises
    ------
    CohortError
        The layer does not exist, or is no matrix of numbers.
    """
    matrix, var = find_adata_matrix(adata, layer, name)
    values = _open_values(matrix, layer or "X", name)
    layers = list_adata_layers(adata)
    scale, says_scale, notes = (
        ("", "", ()) if layer else find_scale(adata.uns, layers, values, adata.shape, name)
    )
    table = Table(
        [str(sample) for sample in adata.obs_names],
        [str(gene) for gene in var.index],
        values,
        heading=str(adata.obs.index.name or ""),
        row_annotations=adata.obs.reset_index(drop=True),
        column_annotations=var.reset_index(drop=True),
        scale=scale,
        says_scale=says_scale,
        format=NAME,
        notes=notes,
    )
    if not table.rows or not table.columns:
        raise CohortError(
            f"{name} has {len(table.rows)} samples and {len(table.columns)} genes; expected "
            "a matrix of both"
        )
    return table


def list_adata_layers(adata: AnnData) -> list[str]:
    """List the layers that can be read: those of ``layers``, and raw if it exists."""
    layers = sorted(map(str, adata.layers))
    return [*layers, "raw"] if "raw" not in layers and adata.raw is not None else layers


def find_adata_matrix(adata: AnnData, layer: str, name: str) -> tuple[Any, pd.DataFrame]:
    """Find X or a layer, and the annotations of its genes."""
    layers = list_adata_layers(adata)
    if not layer:
        if adata.X is None:
            choice = (
                (
                    "give one by its name, such as "
                    f"layer={'counts' if 'counts' in layers else layers[0]}"
                )
                if layers
                else "set its X"
            )
            raise CohortError(
                f"{name} has no X; expected one, or a layer named by layer=. Its layers: "
                f"{name_some(layers)}; {choice}"
            )
        return adata.X, adata.var
    if layer not in layers:
        raise CohortError(
            f"{name} has no layer {layer!r}; its layers: {name_some(layers, 10)}. Give one "
            "of these, or leave layer empty for X"
        )
    return (
        (adata.layers[layer], adata.var) if layer in adata.layers else (adata.raw.X, adata.raw.var)
    )


def hash_anndata(adata: AnnData, layer: str = "") -> str:
    """Hash the values of X or a layer, the annotations of both sides, and the scale (16 hexadecimal
    digits of SHA-256).
    """
    matrix, var = find_adata_matrix(adata, layer, "the AnnData")
    digest = hashlib.sha256(f"{matrix.dtype} {matrix.shape} {adata.uns.get('scale')}".encode())
    arrays = (
        [matrix.data, matrix.indices, matrix.indptr]
        if scipy.sparse.issparse(matrix)
        else [np.asarray(matrix)]
    )
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    for table in (adata.obs, var):
        digest.update(table.to_csv().encode())
    return digest.hexdigest()[:16]


def _open_values(matrix: Any, what: str, name: str) -> Values:
    """Open the values of a matrix, dense or sparse."""
    if not hasattr(matrix, "dtype") or matrix.dtype.kind not in "biuf":
        dtype = matrix.dtype if hasattr(matrix, "dtype") else type(matrix).__name__
        raise CohortError(f"{name}: expected a matrix of numbers, found {what} of {dtype}")
    if not scipy.sparse.issparse(matrix):
        return BorrowedValues(np.asarray(matrix))
    sparse = matrix if matrix.format in ("csr", "csc") else matrix.tocsr()
    return SparseArray(
        sparse.data,
        sparse.indices,
        np.asarray(sparse.indptr, np.int64),
        sparse.shape,
        sparse.format == "csr",
    )
