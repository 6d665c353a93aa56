"""Data frames that pandas wrote to HDF5 (``to_hdf``, format ``fixed``): one block of values per
data type.
"""

from __future__ import annotations

import h5py
import numpy as np

from genexp.errors import CohortError, name_some
from genexp.files.damage import GuardedValues, report_damage
from genexp.files.probe import FileProbe, Request
from genexp.files.stored import DenseArray
from genexp.files.table import DenseValues, Table, Values
from genexp.formats.format import Format
from genexp.formats.hdf5 import is_hdf5, open_hdf5, peek, read_hdf5_texts

NAME = "pandas HDF5"


def recognise(probe: FileProbe) -> bool:
    """Check whether a file is HDF5 written by pandas."""
    return is_hdf5(probe) and peek(probe, lambda file: bool(_list_frames(file)))


def _list_frames(file: h5py.File) -> dict[str, str]:
    """List the keys of the stored objects and their types."""
    frames: dict[str, str] = {}

    def look(key: str, item: h5py.Group | h5py.Dataset) -> None:
        if "pandas_type" in item.attrs:
            frames[key] = _read_attribute(item, "pandas_type")

    file.visititems(look)
    return frames


def _read_attribute(item: h5py.Group | h5py.Dataset, name: str) -> str:
    value = item.attrs.get(name, b"")
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def open_hdf_store(probe: FileProbe, request: Request) -> Table:
    """Open the only data frame of a store, or the one named by ``layer``."""
    with report_damage(probe.name, NAME):
        file = open_hdf5(probe)
        frames = _list_frames(file)
        keys = [key for key in frames if not request.layer or key == request.layer.strip("/")]
        if len(keys) != 1:
            raise CohortError(
                f"{probe.name} holds the data frames {name_some(frames, 10)}; expected one: "
                "name it by layer=KEY"
            )
        (key,) = keys
        if frames[key] != "frame":
            raise CohortError(
                f"{probe.name}: {key} is stored as {frames[key]}, whose names are pickled, "
                "which genexp never reads; expected a data "
                "frame of format "
                f'fixed: write it with to_hdf(FILE, key="{key}", format="fixed"), or as Parquet'
            )
        return _open_frame(file[key], probe.name)


def _open_frame(group: h5py.Group, name: str) -> Table:
    blocks = [
        (_read_names(group[f"block{i}_items"], name), group[f"block{i}_values"])
        for i in range(int(group.attrs["nblocks"]))
    ]
    numbers = [
        (items, values)
        for items, values in blocks
        if values.dtype.kind in "biuf" and values.ndim == 2
    ]
    pickled = [
        item
        for items, values in blocks
        if values.dtype.kind not in "biuf" or values.ndim != 2
        for item in items
    ]
    notes = (f"Columns without numbers were dropped: {name_some(pickled)}.",) if pickled else ()
    columns, values = _order_columns(numbers, _read_names(group["axis0"], name))
    return Table(
        _read_names(group["axis1"], name),
        columns,
        GuardedValues(values, name, NAME),
        heading=_read_heading(group["axis1"]),
        format=NAME,
        notes=notes,
    )


def _read_names(dataset: h5py.Dataset, name: str) -> list[str]:
    """Read the names along an axis; pandas stores dates and others as numbers with another
    meaning.
    """
    kind = _read_attribute(dataset, "kind")
    if kind not in ("string", "integer", "float"):
        raise CohortError(
            f"{name}: expected names as text or numbers along {dataset.name}, found "
            f"{kind or 'several levels'}; write them as text"
        )
    return read_hdf5_texts(dataset)


def _read_heading(axis: h5py.Dataset) -> str:
    """Read the name of the index; pandas pickles None as ``N.``."""
    name = _read_attribute(axis, "name")
    return "" if name == "N." else name


def _order_columns(
    blocks: list[tuple[list[str], h5py.Dataset]], order: list[str]
) -> tuple[list[str], Values]:
    """Order columns: those of one block as in the file, those of several in memory, in the order of
    the frame.
    """
    if len(blocks) == 1:
        return blocks[0][0], DenseArray(blocks[0][1])
    items = [item for block, _ in blocks for item in block]
    if not items:
        return [], DenseValues(np.empty((0, 0), dtype=np.float32))
    values = np.concatenate([stored[()] for _, stored in blocks], axis=1)
    index = {name: i for i, name in enumerate(order)}
    sorting = sorted(range(len(items)), key=lambda i: index.get(items[i], len(index)))
    return [items[i] for i in sorting], DenseValues(values[:, sorting])


FORMAT = Format(NAME, "HDF5 with a pandas_type", recognise, open_hdf_store, layer="a key")
