"""File formats of cohorts, one module and one line in ``FORMATS`` each. The first that recognises a
file's content reads it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.probe import FileProbe, Request
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
    refused,
    tenx,
    zarr_store,
)
from genexp.formats.format import Format
from genexp.formats.r import data as r_data

__all__ = [
    "FORMATS",
    "DenseValues",
    "FileProbe",
    "Format",
    "Request",
    "Table",
    "Values",
    "open_annotations",
    "open_table",
]

FORMATS: tuple[Format, ...] = (
    # before the formats of a zip archive with one file: a Zarr archive has several
    zarr_store.FORMAT,
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
"""Formats in the order in which they are tried; text separated by delimiters is last, because any
text could be it."""


def find_format(probe: FileProbe) -> Format:
    """Find the format of a file by its content."""
    for file_format in FORMATS:
        if file_format.recognise(probe):
            return file_format
    names = ", ".join(file_format.name for file_format in FORMATS)
    raise CohortError(
        f"{probe.name} is {'a folder' if probe.is_folder else 'a file'} of an unknown "
        f"format; genexp reads these: {names}"
    )


def open_table(path: Path, request: Request) -> Table:
    """Open a file of expression values."""
    probe = FileProbe(path, request.name)
    file_format = find_format(probe)
    if request.layer and not file_format.layer:
        raise CohortError(
            f"layer={request.layer}: {request.name} is {file_format.name}, which has no "
            "layers; leave layer empty"
        )
    table = file_format.open(probe, request)
    if not table.rows or not table.columns:
        shape = f"{len(table.rows)} rows and {len(table.columns)} columns of values"
        raise CohortError(
            f"{request.name} has {shape}; expected a matrix of samples and genes with names "
            "along both sides"
        )
    return table


def open_annotations(path: Path, request: Request) -> pd.DataFrame:
    """Read a file as a table of annotations."""
    probe = FileProbe(path, request.name)
    file_format = find_format(probe)
    if file_format.annotate is None:
        annotated = name_some(other.name for other in FORMATS if other.annotate)
        raise CohortError(
            f"{request.name} is {file_format.name}, which holds no annotations of samples; "
            "give obs a file of one of the formats "
            f"{annotated}"
        )
    return file_format.annotate(probe, request)
