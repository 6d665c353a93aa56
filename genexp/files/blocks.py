"""Values as blocks of rows in memory, each released as soon as it is copied into the matrix."""

from __future__ import annotations

import mmap
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from genexp.cores import count_cores

MAX_THREADS = 16
"""Largest number of threads that read or copy values; beyond it they wait for memory and for the
file."""


def allocate(n_rows: int, n_columns: int) -> np.ndarray:
    """Allocate a matrix of float32 whose memory is taken page by page as it is written.

    ``np.empty`` asks for huge pages. The first column would take all of them while the source of
    the values is still in memory.
    """
    if not n_rows * n_columns:
        return np.empty((n_rows, n_columns), dtype=np.float32)
    return np.frombuffer(
        mmap.mmap(-1, 4 * n_rows * n_columns, access=mmap.ACCESS_COPY), dtype=np.float32
    ).reshape(n_rows, n_columns)


@dataclass(frozen=True)
class BlockValues:
    """Blocks (some rows, n_columns) of float32, in the order of the file."""

    blocks: deque[np.ndarray]

    def read(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Read a small part, see :class:`genexp.files.table.Values`."""
        parts, start = [np.empty((0, len(columns)), dtype=np.float32)], 0
        for block in self.blocks:
            kept = _inside(rows, start, len(block))
            if len(kept):
                parts.append(block[np.ix_(kept, columns)])
            start += len(block)
        return np.concatenate(parts)

    def fill(self, rows: np.ndarray, columns: np.ndarray, transpose: bool) -> np.ndarray:
        """Read the kept part and release each block, see :class:`genexp.files.table.Values`."""
        X = allocate(len(columns), len(rows)) if transpose else allocate(len(rows), len(columns))
        start = position = 0
        # a transposition waits for memory: threads overlap the waits
        with ThreadPoolExecutor(min(count_cores(), MAX_THREADS)) as pool:
            copies = []
            while self.blocks:
                block = self.blocks.popleft()
                kept = _inside(rows, start, len(block))
                copies.append(pool.submit(_copy, X, block, kept, columns, position, transpose))
                position += len(kept)
                start += len(block)
            for copy in copies:
                copy.result()
        return X


def _inside(rows: np.ndarray, start: int, n_rows: int) -> np.ndarray:
    """Return positions within a block that holds the rows ``start``, ``start + 1`` ..."""
    low, high = np.searchsorted(rows, [start, start + n_rows])
    return rows[low:high] - start


def _copy(
    X: np.ndarray,
    block: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    position: int,
    transpose: bool,
) -> None:
    part = block if len(rows) == len(block) else block[rows]
    part = part if len(columns) == block.shape[1] else part[:, columns]
    if transpose:
        X[:, position : position + len(rows)] = part.T
    else:
        X[position : position + len(rows)] = part
