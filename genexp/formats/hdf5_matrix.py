"""Plain HDF5: a two-dimensional dataset of numbers, and names along its sides in datasets of text,
as in ARCHS4 and rhdf5.
"""

from __future__ import annotations

import re

import h5py
import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.damage import GuardedValues, report_damage
from genexp.files.probe import FileProbe, Request
from genexp.files.stored import DenseArray
from genexp.files.table import Table
from genexp.formats.format import Format
from genexp.formats.hdf5 import is_hdf5, open_hdf5, read_column, read_hdf5_texts

NAME = "HDF5"
NAMES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(row|col(umn)?|var|obs|dim)_?names?|[12]|axis[01]|_?index|names?|ids?",
        r"geo_accession|.*sample_?ids?|.*cell_?ids?|barcodes?",
        r"ensembl(_?gene)?(_?ids?)?|gene_?ids?|probe(set)?(_?ids?)?",
        r"(gene_?)?symbols?|gene_?names?",
        r"genes?|features?|samples?|cells?|patients?",
    )
)
"""Usual titles of datasets of names, the preferred ones first."""
ROW_WORDS = re.compile(r"row|axis1|obs", re.IGNORECASE)
COLUMN_WORDS = re.compile(r"col|axis0|var", re.IGNORECASE)
"""Words that assign names to a side of a square matrix."""


def open_hdf5_matrix(probe: FileProbe, request: Request) -> Table:
    """Open the only matrix of numbers, or the one named by ``layer``, with names that fit its
    numbers of rows and columns.
    """
    with report_damage(probe.name, NAME):
        file = open_hdf5(probe)
        datasets = _list_datasets(file)
        matrix = _find_matrix(datasets, request.layer, probe.name)
        vectors = {
            path: item for path, item in datasets.items() if item.ndim == 1 and path != matrix
        }
        rows, columns = _split_sides(vectors, datasets[matrix].shape, probe.name)
        row_key, column_key = (
            _find_names(side, what, length, probe.name)
            for side, what, length in zip(
                (rows, columns), ("rows", "columns"), datasets[matrix].shape, strict=True
            )
        )
        return Table(
            read_hdf5_texts(rows[row_key]),
            read_hdf5_texts(columns[column_key]),
            GuardedValues(DenseArray(datasets[matrix]), probe.name, NAME),
            heading=row_key.rpartition("/")[2],
            row_annotations=_read_others(rows, row_key),
            column_annotations=_read_others(columns, column_key),
            format=NAME,
            notes=(f"Values are {matrix}; names of rows are {row_key}, of columns {column_key}.",),
        )


def _list_datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    """List all datasets of numbers or text, by path."""
    datasets: dict[str, h5py.Dataset] = {}

    def look(path: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and (
            item.dtype.kind in "biufS" or h5py.check_string_dtype(item.dtype)
        ):
            datasets[path] = item

    file.visititems(look)
    return datasets


def _find_matrix(datasets: dict[str, h5py.Dataset], wanted: str, name: str) -> str:
    matrices = [
        path
        for path, item in datasets.items()
        if item.ndim == 2 and item.dtype.kind in "biuf" and min(item.shape) > 1
    ]
    candidates = [path for path in matrices if path == wanted.strip("/")] if wanted else matrices
    if len(candidates) > 1:
        lengths = {
            len(item) for item in datasets.values() if item.ndim == 1 and item.dtype.kind in "OS"
        }
        candidates = [path for path in matrices if lengths >= set(datasets[path].shape)] or matrices
    if len(candidates) == 1:
        return candidates[0]
    if not matrices:
        datasets_found = name_some(f"{path} {item.shape}" for path, item in datasets.items())
        raise CohortError(
            f"{name}: expected an HDF5 file with a two-dimensional dataset of numbers, found "
            f"{datasets_found}; write the values as such "
            "a dataset"
        )
    raise CohortError(
        f"{name} holds the matrices {name_some(matrices, 10)}; expected one: name it by layer=PATH"
    )


def _split_sides(
    vectors: dict[str, h5py.Dataset], shape: tuple[int, int], name: str
) -> tuple[dict[str, h5py.Dataset], dict[str, h5py.Dataset]]:
    """Assign vectors to rows and columns by their length, or for a square matrix by their
    titles.
    """
    if shape[0] != shape[1]:
        rows, columns = (
            {path: item for path, item in vectors.items() if len(item) == length}
            for length in shape
        )
        return rows, columns
    matching = {path: item for path, item in vectors.items() if len(item) == shape[0]}
    rows, columns = (
        {
            path: item
            for path, item in matching.items()
            if words.search(path.rpartition("/")[2]) or words.match(path)
        }
        for words in (ROW_WORDS, COLUMN_WORDS)
    )
    if not rows or not columns or set(rows) & set(columns):
        raise CohortError(
            f"{name} has {shape[0]} rows and as many columns, so it is unclear which of "
            f"{name_some(matching)} names the rows and which the "
            "columns; call these datasets rownames and colnames"
        )
    return rows, columns


def _find_names(side: dict[str, h5py.Dataset], what: str, length: int, name: str) -> str:
    """Find the dataset of names: the only one of distinct texts, or the one with a usual title."""
    texts = {path: item for path, item in side.items() if item.dtype.kind in "OS"}
    distinct = [
        path for path, item in texts.items() if len(set(read_hdf5_texts(item))) == length
    ] or list(texts)
    if len(distinct) == 1:
        return distinct[0]
    for names in NAMES:
        called = [path for path in distinct if names.fullmatch(path.rpartition("/")[2])]
        if len(called) == 1:
            return called[0]
        if called:
            break
    if not texts:
        raise CohortError(
            f"{name} has no names for its {length} {what}; expected a dataset of {length} "
            f"texts, such as {what[:-1]}names"
        )
    raise CohortError(
        f"{name}: expected one dataset of names for its {length} {what}, found "
        f"{name_some(called or distinct)}; call the dataset of names "
        f"{'rownames' if what == 'rows' else 'colnames'}"
    )


def _read_others(side: dict[str, h5py.Dataset], key: str) -> pd.DataFrame:
    """Read vectors along a side other than its names, titled by the last part of their path where
    it is unique.
    """
    others = {path: item for path, item in side.items() if path != key}
    ends = [path.rpartition("/")[2] for path in others]
    titles = {
        path: end if ends.count(end) == 1 else path for path, end in zip(others, ends, strict=True)
    }
    return pd.DataFrame(
        {titles[path]: read_column(item) for path, item in others.items()},
        index=np.arange(len(side[key])),
    )


FORMAT = Format(
    NAME,
    "HDF5 of no other kind: one two-dimensional dataset of numbers, names in datasets of text",
    is_hdf5,
    open_hdf5_matrix,
    layer="a dataset",
)
