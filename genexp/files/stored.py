"""Arrays of HDF5 files and Zarr stores, dense and sparse, read by blocks straight into one dense
matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import scipy.sparse

from genexp.errors import CohortError

BLOCK_BYTES = 32 << 20
"""Bytes of values that are read at a time."""
MAX_STORED_SHARE = 0.25
"""Largest memory, as a share of X, of a sparse matrix (values and indices) that is read at once."""


@dataclass(frozen=True)
class DenseArray:
    """A two-dimensional array of numbers, (n_rows, n_columns): a dataset of h5py or an array of
    Zarr.
    """

    array: Any

    def read(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Read a small part, see :class:`genexp.files.table.Values`."""
        height, width = self.array.chunks or (1, self.array.shape[1])
        return self._fill(
            rows, columns, transpose=False, tile=(height, max(width, self.array.shape[1]))
        )

    def fill(self, rows: np.ndarray, columns: np.ndarray, transpose: bool) -> np.ndarray:
        """Read the kept part, see :class:`genexp.files.table.Values`."""
        is_whole = (len(rows), len(columns)) == self.array.shape
        if (
            is_whole
            and not transpose
            and isinstance(self.array, h5py.Dataset)
            and self.array.dtype == np.float32
        ):
            X = np.empty(self.array.shape, dtype=np.float32)
            self.array.read_direct(X)
            return X
        return self._fill(rows, columns, transpose, self._shape_tile())

    def _fill(
        self, rows: np.ndarray, columns: np.ndarray, transpose: bool, tile: tuple[int, int]
    ) -> np.ndarray:
        """Read by tiles of (rows, columns), each from its first to its last kept row and column."""
        X = np.empty(
            (len(columns), len(rows)) if transpose else (len(rows), len(columns)), dtype=np.float32
        )
        target = X.T if transpose else X
        for i, kept_rows in _cut(rows, tile[0]):
            for j, kept_columns in _cut(columns, tile[1]):
                top, left = kept_rows[0], kept_columns[0]
                block = self.array[top : kept_rows[-1] + 1, left : kept_columns[-1] + 1]
                target[i, j] = _pick(block, kept_rows - top, kept_columns - left)
        return X

    def _shape_tile(self) -> tuple[int, int]:
        """Choose the rows and columns to read at a time: whole chunks, each once, about BLOCK_BYTES
        in all.
        """
        n_rows, n_columns = self.array.shape
        item = 4 * max(1, self.array.dtype.itemsize // 4)
        height, width = self.array.chunks or (1, n_columns)
        width *= max(1, min(-(-n_columns // width), BLOCK_BYTES // (item * height * width)))
        height *= max(1, min(-(-n_rows // height), BLOCK_BYTES // (item * height * width)))
        return height, width


def _cut(positions: np.ndarray, length: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Split rising positions by stretches of ``length``; yield their slice among all, and the
    positions.
    """
    if not len(positions):
        return
    ends = [*np.flatnonzero(np.diff(positions // length)) + 1, len(positions)]
    start = 0
    for end in ends:
        yield slice(start, end), positions[start:end]
        start = end


def _pick(block: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Select rows and columns of a block, without a copy where all are kept."""
    block = block if len(rows) == len(block) else block[rows]
    return block if len(columns) == block.shape[1] else block[:, columns]


@dataclass(frozen=True)
class SparseArray:
    """A sparse matrix, (n_rows, n_columns), whose lines (rows of CSR, columns of CSC) are stored
    one after the other.

    Parameters
    ----------
    data, indices : array of h5py, Zarr or NumPy, (n_stored,)
    indptr : ndarray of int, (n_lines + 1,)
        Where each line starts.
    shape : tuple of int
        (n_rows, n_columns).
    by_rows : bool
        True for CSR, false for CSC.

    Raises
    ------
    CohortError
        The parts contradict each other.
    """

    data: Any
    indices: Any
    indptr: np.ndarray
    shape: tuple[int, int]
    by_rows: bool

    def __post_init__(self) -> None:
        n_lines = self.shape[0] if self.by_rows else self.shape[1]
        starts = self.indptr
        n_data, n_indices = self.data.shape[0], self.indices.shape[0]
        if (
            len(starts) != n_lines + 1
            or starts[0] != 0
            or (np.diff(starts) < 0).any()
            or not starts[-1] == n_data == n_indices
        ):
            raise CohortError(
                f"a sparse matrix of {n_lines} lines, {len(starts)} starts and {n_data} "
                "values is inconsistent; is the file complete?"
            )

    def read(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Read a small part, see :class:`genexp.files.table.Values`."""
        return self.fill(rows, columns, transpose=False)

    def fill(self, rows: np.ndarray, columns: np.ndarray, transpose: bool) -> np.ndarray:
        """Read the kept part, see :class:`genexp.files.table.Values`."""
        lines, across = (rows, columns) if self.by_rows else (columns, rows)
        n_across = self.shape[1] if self.by_rows else self.shape[0]
        is_whole = (len(lines), len(across)) == (len(self.indptr) - 1, n_across)
        if (
            is_whole
            and transpose != self.by_rows
            and MAX_STORED_SHARE * len(lines) * n_across > 2 * self.indptr[-1]
        ):
            # takes half the time, because SciPy need not clear fresh memory
            return self._read_lines(lines, n_across).toarray()
        X = np.empty(
            (len(columns), len(rows)) if transpose else (len(rows), len(columns)), dtype=np.float32
        )
        target = X if transpose != self.by_rows else X.T  # (lines, across)
        for kept in self._cut_lines(lines):
            block = self._read_lines(lines[kept], n_across)
            if len(across) < n_across:
                block = block[:, across]
            part = target[kept]
            if part.flags.c_contiguous:
                block.toarray(out=part)
            else:
                part[:] = block.toarray()
        return X

    def _cut_lines(self, lines: np.ndarray) -> Iterator[slice]:
        """Split kept lines into stretches of about BLOCK_BYTES of stored and of dense values."""
        at_a_time = max(
            1, BLOCK_BYTES // (4 * max(self.shape[1] if self.by_rows else self.shape[0], 1))
        )
        sizes = np.cumsum(np.diff(self.indptr)[lines])
        start = 0
        while start < len(lines):
            before = sizes[start - 1] if start else 0
            end = max(
                start + 1,
                min(
                    start + at_a_time,
                    int(np.searchsorted(sizes, before + BLOCK_BYTES // 8, side="right")),
                ),
            )
            yield slice(start, end)
            start = end

    def _read_lines(self, lines: np.ndarray, n_across: int) -> scipy.sparse.csr_matrix:
        """Read some lines as CSR of float32, (n_lines, n_across); neighbours are read together,
        with small gaps between them.
        """
        span = np.arange(lines[0], lines[-1] + 1)
        stretch = span if 4 * len(lines) >= len(span) else lines
        runs = np.split(stretch, np.flatnonzero(np.diff(stretch) != 1) + 1)
        bounds = [(int(self.indptr[run[0]]), int(self.indptr[run[-1] + 1])) for run in runs]
        data = _join([self.data[start:end] for start, end in bounds]).astype(np.float32, copy=False)
        indices = _join([self.indices[start:end] for start, end in bounds])
        # SciPy would write outside the matrix
        if len(indices) and (indices.min() < 0 or indices.max() >= n_across):
            raise CohortError(
                f"a sparse matrix has the index {indices.max()}, expected 0 to "
                f"{n_across - 1}; is the file complete?"
            )
        starts = np.concatenate([[0], np.cumsum(np.diff(self.indptr)[stretch])])
        block = scipy.sparse.csr_matrix((data, indices, starts), shape=(len(stretch), n_across))
        return block if len(stretch) == len(lines) else block[lines - lines[0]]


def _join(parts: Sequence[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


@dataclass(frozen=True)
class SelectedRows:
    """Selection of rows of a sparse matrix."""

    values: SparseArray
    selected: np.ndarray

    def read(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Read a small part, see :class:`genexp.files.table.Values`."""
        return self.values.read(self.selected[rows], columns)

    def fill(self, rows: np.ndarray, columns: np.ndarray, transpose: bool) -> np.ndarray:
        """Read the kept part, see :class:`genexp.files.table.Values`."""
        return self.values.fill(self.selected[rows], columns, transpose)
