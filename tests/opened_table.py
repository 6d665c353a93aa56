"""What a file gives through the registry of formats, as frames that a test compares with the
truth.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from genexp.formats import Request, Table, open_annotations, open_table

DATA = Path(__file__).parent / "data"


def open_file(path: Path, **request: object) -> Table:
    return open_table(path, Request(str(path), **request))


def read_values(table: Table, transpose: bool = False) -> pd.DataFrame:
    """All values as the file lays them out, or the other way round."""
    X = table.values.fill(np.arange(len(table.rows)), np.arange(len(table.columns)), transpose)
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    return pd.DataFrame(X.T if transpose else X, index=table.rows, columns=table.columns)


def read_part(
    path: Path, rows: slice, columns: slice, transpose: bool, **request: object
) -> np.ndarray:
    """Values of some rows and columns, after a small part of them was read and found the same."""
    table = open_file(path, **request)
    kept = np.arange(len(table.rows))[rows], np.arange(len(table.columns))[columns]
    first = table.values.read(*kept)
    filled = table.values.fill(*kept, transpose)
    np.testing.assert_array_equal(first, filled.T if transpose else filled)
    return first


def annotate(path: Path) -> pd.DataFrame:
    return open_annotations(path, Request(str(path)))


def assert_values(path: Path, truth: pd.DataFrame, **request: object) -> Table:
    """Check names and values of a file, read whole either way round and in part."""
    table = open_file(path, **request)
    assert table.rows == [str(name) for name in truth.index]
    assert table.columns == [str(name) for name in truth.columns]
    expected = truth.to_numpy(dtype=np.float32)
    np.testing.assert_array_equal(read_values(table).to_numpy(), expected)
    np.testing.assert_array_equal(
        read_values(open_file(path, **request), transpose=True).to_numpy(), expected
    )
    for rows, columns in (
        (slice(None, None, 2), slice(1, None)),
        (slice(1, 3), slice(None, None, 2)),
        (slice(0, 0), slice(None)),
    ):
        for transpose in (False, True):
            np.testing.assert_array_equal(
                read_part(path, rows, columns, transpose, **request), expected[rows, columns]
            )
    return table
