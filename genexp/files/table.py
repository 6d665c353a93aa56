"""Content of a file: names along both sides, annotations, and values that are read only when
needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd


class Values(Protocol):
    """Numbers of a file, in the orientation of the file: (n_rows, n_columns)."""

    def read(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Read a small part: float32 (len(rows), len(columns)), NaN where missing; positions in
        rising order.
        """

    def fill(self, rows: np.ndarray, columns: np.ndarray, transpose: bool) -> np.ndarray:
        """Read the kept part whole; callable once, because the memory of the text is released on
        the way.

        Parameters
        ----------
        rows, columns : ndarray of int
            Positions to keep, in rising order.
        transpose : bool
            Whether the file's columns become rows.

        Returns
        -------
        ndarray of float32, C-contiguous
            (len(rows), len(columns)), or (len(columns), len(rows)) if transposed; NaN where a value
            is missing.
        """


@dataclass(frozen=True)
class DenseValues:
    """Values in memory, (n_rows, n_columns)."""

    array: np.ndarray

    def read(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Read a small part, see :class:`Values`."""
        return np.asarray(self.array[np.ix_(rows, columns)], dtype=np.float32)

    def fill(self, rows: np.ndarray, columns: np.ndarray, transpose: bool) -> np.ndarray:
        """Read the kept part, see :class:`Values`."""
        # positions rise, so equal lengths mean all of them
        whole = (len(rows), len(columns)) == self.array.shape
        part = np.asarray(self.array, dtype=np.float32) if whole else self.read(rows, columns)
        return np.ascontiguousarray(part.T if transpose else part)


@dataclass(frozen=True)
class Table:
    """A file of expression values before any decision about its orientation and scale.

    Parameters
    ----------
    rows, columns : list of str
        Names along the rows and the columns of values, as the file writes them.
    values : Values
        The numbers, (n_rows, n_columns).
    heading : str
        Heading of the column of row names; empty if it has none.
    row_annotations : DataFrame, (n_rows, ...)
        Columns of the file that hold no expression values (text, or a name such as ``Length`` or
        ``age``), by heading, in the order of ``rows``. Text files give text.
    column_annotations : DataFrame, (n_columns, ...)
        Rows of the file that hold no expression values, by name, in the order of ``columns``.
    genes_in_rows : bool or None
        Orientation of the values, where the format fixes it.
    scale : str
        Value scale where the format or the file gives it: a scale of :mod:`genexp.cohort.scale` or
        ``ln_norm_count`` (natural logarithms).
    says_scale : str
        Source of the scale, for messages: ``uns["log1p"]``.
    format : str
        Name of the format, for messages: ``GCT 1.2``.
    named_rows : bool
        False if the file has no names along its rows, so that ``rows`` holds row numbers.
    notes : tuple of str
        Sentences for the user on how the file was read.
    """

    rows: list[str]
    columns: list[str]
    values: Values
    heading: str = ""
    row_annotations: pd.DataFrame = field(default_factory=pd.DataFrame)
    column_annotations: pd.DataFrame = field(default_factory=pd.DataFrame)
    genes_in_rows: bool | None = None
    scale: str = ""
    says_scale: str = ""
    format: str = ""
    named_rows: bool = True
    notes: tuple[str, ...] = ()


def list_text_rows(rows: Sequence[tuple[str, list[str]]], n_columns: int) -> pd.DataFrame:
    """Return rows of text, each with its name, as annotations of the columns (n_columns, ...)."""
    table = pd.DataFrame(
        {i: texts for i, (_, texts) in enumerate(rows)}, index=range(n_columns), dtype=object
    )
    return name_apart(table.set_axis([name for name, _ in rows], axis=1))


def name_apart(table: pd.DataFrame) -> pd.DataFrame:
    """Make titles of annotations unique: of equal columns one stays, others of one title are
    numbered, ``stage (2)``.

    Otherwise a parameter could mean any of several columns.
    """
    if table.columns.is_unique:
        return table
    columns: dict[str, list[pd.Series]] = {}
    for i, title in enumerate(map(str, table.columns)):
        alike = columns.setdefault(title, [])
        if not any(table.iloc[:, i].equals(other) for other in alike):
            alike.append(table.iloc[:, i])
    named = {
        f"{title} ({n})" if len(alike) > 1 else title: values
        for title, alike in columns.items()
        for n, values in enumerate(alike, start=1)
    }
    return pd.DataFrame(named, index=table.index)
