"""AnnData in HDF5 files and Zarr stores: X, layers, raw, annotations, and the scale according to
uns.

h5py and Zarr use the same names, so this module reads both formats. Values are read only when
needed, see
:mod:`genexp.files.stored`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from anndata.io import read_elem

from genexp.errors import CohortError, name_some
from genexp.files.damage import GuardedValues
from genexp.files.stored import DenseArray, SparseArray
from genexp.files.table import Table, Values

N_SAMPLED = 64
"""Rows, and ten times as many columns, by which a claim about the scale is checked."""


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings meant for the authors of files: old encodings, Zarr data types without a
    specification.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def is_anndata(group: Any) -> bool:
    """Check whether a group of h5py or Zarr holds AnnData; versions before 0.7 write no mark."""
    return group.attrs.get("encoding-type") == "anndata" or (
        "obs" in group
        and "var" in group
        and bool({"X", "layers", "raw", "raw.X"} & set(group.keys()))
    )


def open_anndata(
    group: Any, obs: pd.DataFrame, var: pd.DataFrame, name: str, layer: str, kind: str
) -> Table:
    """Open the X or a layer of AnnData.

    Parameters
    ----------
    group : group of h5py or Zarr
        Group that holds the AnnData.
    obs : DataFrame, (n_obs, ...)
    var : DataFrame, (n_vars, ...)
        Of X; for ``layer="raw"``, of raw.
    name : str
        Address of the file, for messages.
    layer : str
        A layer, or ``raw``; empty: X.
    kind : str
        Name of the format.

    Raises
    ------
    CohortError
        The layer does not exist, or is no matrix of numbers.
    """
    stored = find_matrix(group, layer, name)
    values = GuardedValues(open_values(stored, name, layer or "X"), name, kind)
    shape = read_stored_shape(stored)
    if shape != (len(obs), len(var)):
        raise CohortError(
            f"{name}: {layer or 'X'} is {shape[0]} x {shape[1]}, but obs has {len(obs)} rows "
            f"and var {len(var)}; write the file again"
        )
    scale, says_scale, notes = ("", "", ()) if layer else _read_scale(group, values, shape, name)
    return Table(
        [str(text) for text in obs.index],
        [str(text) for text in var.index],
        values,
        heading=str(obs.index.name or ""),
        row_annotations=obs.reset_index(drop=True),
        column_annotations=var.reset_index(drop=True),
        scale=scale,
        says_scale=says_scale,
        format=kind,
        notes=notes,
    )


def list_layers(group: Any) -> list[str]:
    """List the layers that can be read: those of ``layers``, and raw if it exists."""
    layers = sorted(group["layers"].keys()) if "layers" in group else []
    return [*layers, "raw"] if "raw" not in layers and _find_raw(group) is not None else layers


def _find_raw(group: Any) -> Any:
    """Return the X of raw, or None; versions before 0.7 write it next to X."""
    if "raw" in group and hasattr(group["raw"], "keys") and "X" in group["raw"]:
        return group["raw"]["X"]
    return group.get("raw.X")


def find_matrix(group: Any, layer: str, name: str) -> Any:
    """Find the stored X or layer."""
    layers = list_layers(group)
    if not layer:
        X = group.get("X")
        if X is None or X.attrs.get("encoding-type") == "null":
            choice = (
                (
                    "give one by its name, such as "
                    f"layer={'counts' if 'counts' in layers else layers[0]}"
                )
                if layers
                else "write its X"
            )
            raise CohortError(
                f"{name} has no X; expected one, or a layer named by layer=. Its layers: "
                f"{name_some(layers)}; {choice}"
            )
        return X
    if layer not in layers:
        raise CohortError(
            f"{name} has no layer {layer!r}; its layers: {name_some(layers, 10)}. Give one "
            "of these, or leave layer empty for X"
        )
    return (
        group["layers"][layer]
        if "layers" in group and layer in group["layers"]
        else _find_raw(group)
    )


def read_stored_shape(stored: Any) -> tuple[int, ...]:
    """Read the shape of a stored matrix; h5sparse, the encoding before 0.7, has another name for
    it.
    """
    shape = (
        stored.shape
        if hasattr(stored, "shape")
        else stored.attrs["shape" if "shape" in stored.attrs else "h5sparse_shape"]
    )
    return tuple(int(length) for length in shape)


def open_values(stored: Any, name: str, what: str) -> Values:
    """Open the values of a stored matrix, dense or sparse."""
    if hasattr(stored, "dtype"):
        if stored.dtype.kind not in "biuf" or len(stored.shape) != 2:
            raise CohortError(
                f"{name}: expected a matrix of numbers, found {what} of {stored.dtype} with "
                f"{len(stored.shape)} dimensions"
            )
        return DenseArray(stored)
    encoding = str(
        stored.attrs.get("encoding-type", stored.attrs.get("h5sparse_format", "of no kind"))
    )
    if encoding[:3] not in ("csr", "csc"):
        raise CohortError(
            f"{name}: expected {what} as an array, CSR or CSC, found {encoding}; write it as "
            "one of these"
        )
    if stored["data"].dtype.kind not in "biuf":
        raise CohortError(
            f"{name}: expected a matrix of numbers, found {what} of {stored['data'].dtype}"
        )
    n_rows, n_columns = read_stored_shape(stored)
    return SparseArray(
        stored["data"],
        stored["indices"],
        stored["indptr"][:].astype(np.int64),
        (n_rows, n_columns),
        encoding[:3] == "csr",
    )


def _read_scale(
    group: Any, values: Values, shape: tuple[int, ...], name: str
) -> tuple[str, str, tuple[str, ...]]:
    """Read the scale of X from uns; return the scale, its source, and notes."""
    uns = group.get("uns", {})
    entries = {
        key: read_elem(uns[key])
        for key in ("scale", "log1p")
        if key in uns and (key == "log1p" or hasattr(uns[key], "dtype"))
    }
    return find_scale(entries, list_layers(group), values, shape, name)


def find_scale(
    uns: Mapping[str, Any], layers: Sequence[str], values: Values, shape: tuple[int, ...], name: str
) -> tuple[str, str, tuple[str, ...]]:
    """Find the scale of X by ``uns["scale"]`` or scanpy's ``uns["log1p"]``; return the scale, the
    key that gives it, and notes.
    """
    if isinstance(scale := uns.get("scale"), str):
        return scale, 'uns["scale"]', ()
    if "log1p" not in uns:
        return "", "", ()
    contradiction = _contradict_logarithms(values, shape)
    if contradiction:
        return (
            "",
            "",
            (
                (
                    f'uns["log1p"] says that X holds logarithms, but X holds {contradiction}, so '
                    "genexp ignores this entry."
                ),
            ),
        )
    base = _read_base(uns["log1p"])
    if base == 2:
        return "log2_norm_count", 'uns["log1p"]', ()
    counts = [
        layer for layer in layers if layer.lower() in ("counts", "raw_counts", "count", "umi")
    ]
    other = f" The counts are in a layer: layer={counts[0]} reads them." if counts else ""
    if not math.isclose(base, math.e, rel_tol=1e-3):
        raise CohortError(
            f'{name}: uns["log1p"] says that X holds logarithms to base {base:g}; expected '
            f"natural logarithms or base 2.{other} "
            "Write X in one of these, or as counts"
        )
    return (
        "ln_norm_count",
        'uns["log1p"]',
        (f'X holds natural logarithms, as uns["log1p"] says.{other}',),
    )


def _read_base(stored: object) -> float:
    """Read the base of the logarithm that scanpy wrote; it names none for natural logarithms."""
    base = stored.get("base") if isinstance(stored, Mapping) else None
    return math.e if base is None else float(base)


def _contradict_logarithms(values: Values, shape: tuple[int, ...]) -> str:
    """Return evidence against log(x + 1) in X, or an empty text: scanpy's entry stays when X is
    scaled or set to counts.
    """
    rows, columns = (
        np.unique(np.linspace(0, n - 1, min(n, limit)).astype(int))
        for n, limit in zip(shape, (N_SAMPLED, 10 * N_SAMPLED), strict=True)
    )
    sampled = values.read(rows, columns)
    sampled = sampled[np.isfinite(sampled)]
    if (sampled < 0).any():
        return "values below 0"
    return "whole numbers only" if sampled.any() and (sampled == np.rint(sampled)).all() else ""


def index_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Return annotations with their index as the first column."""
    name = str(frame.index.name or "index")
    while name in frame.columns:
        name += "_"
    table = frame.reset_index(drop=True)
    table.insert(0, name, frame.index.astype(str))
    return table
