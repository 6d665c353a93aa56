"""AnnData in Zarr stores of format 2 and 3: a folder, or a zip archive of a folder."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import zarr
from anndata.io import read_elem

from genexp.errors import CohortError
from genexp.files.damage import report_damage
from genexp.files.packing import list_members
from genexp.files.probe import FileProbe, Request
from genexp.files.table import Table
from genexp.formats.anndata_layout import find_matrix, index_first, is_anndata, open_anndata, quiet
from genexp.formats.format import Format

NAME = "Zarr"
METADATA = re.compile(r"(.*/)?(\.zarray|\.zgroup|\.zmetadata|zarr\.json)")
ROOT = re.compile(r"([^/]+/)?(\.zgroup|zarr\.json)")
"""Metadata of the outermost group; an archive may hold the folder or only its content."""


def recognise(probe: FileProbe) -> bool:
    """Check whether a folder or a zip archive is a Zarr store."""
    if probe.is_folder:
        return any((probe.path / name).is_file() for name in (".zgroup", "zarr.json"))
    return any(ROOT.fullmatch(member) for member in list_members(probe))


def open_zarr(probe: FileProbe, request: Request) -> Table:
    """Open the X or a layer of AnnData in a Zarr store."""
    with report_damage(probe.name, "a Zarr store"), quiet():
        group = _open_group(probe)
        from_raw = request.layer == "raw" and "raw" not in group.get("layers", {})
        var = read_elem(group["raw/var"] if from_raw and "raw/var" in group else group["var"])
        table = open_anndata(group, read_elem(group["obs"]), var, probe.name, request.layer, NAME)
        return replace(table, notes=table.notes + _describe_gaps(group, request.layer))


def annotate(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read obs, with its index as the first column."""
    with report_damage(probe.name, "a Zarr store"), quiet():
        return index_first(read_elem(_open_group(probe)["obs"]))


def _open_group(probe: FileProbe) -> Any:
    for path, text in _read_metadata(probe):
        if _names_pickle(json.loads(text)):  # NumCodecs would run the code in the pickle
            raise CohortError(
                f"{probe.name}: {path} is stored as pickled objects, which can run any code, "
                "so genexp never reads them; write it again "
                "as text or numbers"
            )
    if probe.is_folder:
        group = zarr.open_group(probe.path, mode="r")
    else:
        root = min((m for m in list_members(probe) if ROOT.fullmatch(m)), key=len).rpartition("/")[
            0
        ]
        group = zarr.open_group(zarr.storage.ZipStore(probe.path, mode="r"), path=root, mode="r")
    if not is_anndata(group):
        raise CohortError(
            f"{probe.name} is a Zarr store without AnnData; expected obs, var and X in it: "
            "write it with AnnData's write_zarr"
        )
    return group


def _names_pickle(metadata: Any) -> bool:
    """Check whether any codec in the metadata is that of pickles."""
    if isinstance(metadata, dict):
        is_pickle = any("pickle" in str(metadata.get(key, "")) for key in ("id", "name"))
        return is_pickle or any(_names_pickle(value) for value in metadata.values())
    return isinstance(metadata, list) and any(_names_pickle(value) for value in metadata)


def _describe_gaps(group: Any, layer: str) -> tuple[str, ...]:
    """Note absent chunks of the values: Zarr writes no chunk of zeros only, and reads a lost chunk
    as zeros.
    """
    stored = find_matrix(group, layer, "")
    array = stored if hasattr(stored, "dtype") else stored["data"]
    n_absent = array.nchunks - array.nchunks_initialized
    if not n_absent:
        return ()
    return (
        f"{n_absent} of {array.nchunks} chunks of the values are not in the store and are "
        "read as zeros, which is correct if the store "
        "is complete.",
    )


def _read_metadata(probe: FileProbe) -> Iterator[tuple[str, bytes]]:
    """Yield the metadata of all groups and arrays."""
    if probe.is_folder:
        for path in sorted(Path(probe.path).rglob("*")):
            if METADATA.fullmatch(path.name):
                yield path.name, path.read_bytes()
        return
    with zipfile.ZipFile(probe.path) as archive:
        for member in archive.namelist():
            if METADATA.fullmatch(member):
                yield member, archive.read(member)


FORMAT = Format(
    NAME,
    "folder or zip archive with .zgroup or zarr.json",
    recognise,
    open_zarr,
    annotate,
    layer="a layer, or raw",
)
