"""AnnData files (.h5ad): HDF5 with X, layers, obs and var."""

from __future__ import annotations

import anndata
import h5py
import pandas as pd
from anndata.io import read_elem

from genexp.errors import CohortError, name_some
from genexp.files.damage import report_damage
from genexp.files.probe import FileProbe, Request
from genexp.files.table import Table
from genexp.formats.anndata_layout import index_first, is_anndata, open_anndata, quiet
from genexp.formats.format import Format
from genexp.formats.hdf5 import is_hdf5, open_hdf5, peek

NAME = "AnnData"


def recognise(probe: FileProbe) -> bool:
    """Check whether a file is HDF5 with AnnData, or with MuData, which contains several."""
    return is_hdf5(probe) and peek(probe, lambda file: is_anndata(file) or _is_mudata(file))


def _is_mudata(file: h5py.File) -> bool:
    return file.attrs.get("encoding-type") == "MuData" and "mod" in file


def open_h5ad(probe: FileProbe, request: Request) -> Table:
    """Open the X or a layer of an AnnData file."""
    with report_damage(probe.name, "AnnData (.h5ad)"), quiet():
        file = open_hdf5(probe)
        _refuse_mudata(file, probe.name)
        from_raw = request.layer == "raw" and "raw" not in file.get("layers", {})
        obs, var = _read_annotations(file, from_raw)
        return open_anndata(file, obs, var, probe.name, request.layer, NAME)


def annotate(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read obs, with its index as the first column."""
    with report_damage(probe.name, "AnnData (.h5ad)"), quiet():
        file = open_hdf5(probe)
        _refuse_mudata(file, probe.name)
        return index_first(_read_annotations(file, from_raw=False)[0])


def _refuse_mudata(file: h5py.File, name: str) -> None:
    if _is_mudata(file):
        modalities = list(file["mod"])
        raise CohortError(
            f"{name} is a MuData file with the modalities {name_some(modalities)}; expected "
            "AnnData: write one modality to a file, as with "
            f'mdata["{modalities[0] if modalities else "rna"}"].write_h5ad("FILE.h5ad")'
        )


def _read_annotations(file: h5py.File, from_raw: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read obs, and var of X or raw; for versions before 0.7, anndata takes the categories from
    uns.
    """
    if isinstance(file["obs"], h5py.Dataset):
        old = anndata.read_h5ad(file.filename, backed="r")
        var = old.raw.var if from_raw and old.raw is not None else old.var
        obs = old.obs
        old.file.close()
        return obs, var
    is_raw = from_raw and "raw" in file
    return read_elem(file["obs"]), read_elem(file["raw/var"] if is_raw else file["var"])


FORMAT = Format(
    NAME,
    "HDF5 with encoding-type anndata, or with obs, var and X",
    recognise,
    open_h5ad,
    annotate,
    layer="a layer, or raw",
)
