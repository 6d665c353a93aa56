"""File formats of cohorts: a module and a line in ``FORMATS`` each. The first that recognises a file's content reads it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.probe import Probe, Request
from genexp.files.table import DenseValues, Table, Values
from genexp.formats import (
    arrow,
    delimited,
    excel,
    featurecounts,
    gct,
    geo,
    h5ad,
    hdf5_matrix,
    hdf_store,
    loom,
    magetab,
    market,
    mistaken,
    parquet,
    per_sample,
    r_data,
    refused,
    tenx,
    zarr_store,
)
from genexp.formats.format import Format

__all__ = ["FORMATS", "DenseValues", "Format", "Probe", "Request", "Table", "Values", "open_annotations", "open_table"]

FORMATS: tuple[Format, ...] = (
    zarr_store.FORMAT,  # before those that look into the file of a zip archive, of which this one has several
    per_sample.FOLDER,
    refused.FORMAT,
    h5ad.FORMAT,
    tenx.FORMAT,
    loom.FORMAT,
    hdf_store.FORMAT,
    hdf5_matrix.FORMAT,
    parquet.FORMAT,
    arrow.FORMAT,
    excel.FORMAT,
    r_data.FORMAT,
    market.FORMAT,
    mistaken.KIND,
    geo.FORMAT,
    geo.SOFT,
    gct.FORMAT,
    magetab.FORMAT,
    magetab.SDRF,
    featurecounts.FORMAT,
    per_sample.FORMAT,
    mistaken.TABLE,
    delimited.FORMAT,
)
"""In the order in which they are asked; text separated by delimiters is the last, for it is recognised by nothing else."""


def find_format(probe: Probe) -> Format:
    """Format of a file, by its content."""
    for file_format in FORMATS:
        if file_format.recognise(probe):
            return file_format
    names = ", ".join(file_format.name for file_format in FORMATS)
    raise CohortError(f"{probe.name} is {'a folder' if probe.is_folder else 'a file'} of an unknown kind; formats that are read: {names}")


def open_table(path: Path, request: Request) -> Table:
    """Open a file of expression values."""
    probe = Probe(path, request.name)
    file_format = find_format(probe)
    if request.layer and not file_format.layer:
        raise CohortError(f"layer={request.layer}: {request.name} is {file_format.name}, which has no layers: leave layer empty")
    table = file_format.open(probe, request)
    if not table.rows or not table.columns:
        shape = f"{len(table.rows)} rows and {len(table.columns)} columns of values"
        raise CohortError(f"{request.name} has {shape}; expected a matrix of samples and genes with names along both sides")
    return table


def open_annotations(path: Path, request: Request) -> pd.DataFrame:
    """Read a file as a table of annotations."""
    probe = Probe(path, request.name)
    file_format = find_format(probe)
    if file_format.annotate is None:
        able = name_some(one.name for one in FORMATS if one.annotate)
        raise CohortError(f"{request.name} is {file_format.name}, which holds no annotations of samples; give obs one of {able}")
    return file_format.annotate(probe, request)
