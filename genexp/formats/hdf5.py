"""HDF5 files, whatever they hold."""

from __future__ import annotations

from collections.abc import Callable

import h5py
import numpy as np

from genexp.files.packing import unpack
from genexp.files.probe import FileProbe

MAGIC = b"\x89HDF\r\n\x1a\n"


def is_hdf5(probe: FileProbe) -> bool:
    """Check whether a file is HDF5, packed or not; a user block may precede it (512 bytes times a
    power of two).
    """
    if probe.is_folder:
        return False
    starts = (0, *(512 << i for i in range(9)))
    return any(probe.head.startswith(MAGIC, start) for start in starts)


def open_hdf5(probe: FileProbe) -> h5py.File:
    """Open a file for reading; it is closed when nothing refers to it any more."""
    return h5py.File(unpack(probe), "r")


def peek(probe: FileProbe, holds: Callable[[h5py.File], bool]) -> bool:
    """Test a condition on a file; false for a damaged file."""
    try:
        with open_hdf5(probe) as file:
            return holds(file)
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError):
        return False


def read_hdf5_texts(dataset: h5py.Dataset) -> list[str]:
    """Read the texts of a dataset of strings, of fixed or variable length."""
    values = np.asarray(dataset[()]).ravel()
    return [
        value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)
        for value in values
    ]


def read_column(dataset: h5py.Dataset) -> np.ndarray:
    """Read a dataset: texts as objects, numbers unchanged."""
    if dataset.dtype.kind in "OS":
        return np.array(read_hdf5_texts(dataset), dtype=object)
    return np.asarray(dataset[()])
