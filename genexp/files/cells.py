"""Cells of a text table as numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from genexp.errors import CohortError, name_some
from genexp.files.layout import Layout
from genexp.names.vocabulary import MISSING_WORDS

MISSING = sorted(
    {
        variant
        for word in MISSING_WORDS
        for variant in (word, word.upper(), word.capitalize(), word.title())
    }
    | {"NaN", "None"}
)
"""Spellings of a missing value among numbers."""
MAX_TYPOS = 0.5
"""Share of text cells above which a line counts as annotations of the columns."""


def parse_cells(cells: pa.Array, names: list[str], layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Parse the cells of some lines as numbers.

    Parameters
    ----------
    cells : pyarrow array of text, (n_lines * n_values,)
        Without surrounding blanks.
    names : list of str, (n_lines,)
        Names of the lines, for messages.
    layout : Layout

    Returns
    -------
    values : ndarray of float32, (n_lines, n_values)
        NaN where missing, and in lines of text.
    is_text : ndarray of bool, (n_lines,)
        Lines that hold text: annotations of the columns.

    Raises
    ------
    CohortError
        A line of numbers contains text.
    """
    shape = (len(names), len(layout.values))
    missing = pc.is_in(cells, pa.array(MISSING, pa.string()))
    present = pc.if_else(missing, None, cells)
    try:
        numbers = present.cast(pa.float32())
        return numbers.to_numpy(zero_copy_only=False).reshape(shape), np.zeros(shape[0], dtype=bool)
    except pa.ArrowInvalid:
        texts = present.to_pandas()
        values = pd.to_numeric(texts, errors="coerce")
    is_wrong = (values.isna() & texts.notna()).to_numpy().reshape(shape)
    n_present = texts.notna().to_numpy().reshape(shape).sum(axis=1)
    is_text = is_wrong.sum(axis=1) > MAX_TYPOS * n_present
    is_text &= n_present > 0
    typos = np.argwhere(is_wrong & ~is_text[:, None])
    if len(typos):
        columns = [layout.headings[i] for i in layout.values]
        cell = texts.to_numpy().reshape(shape)
        texts_at = [f"{cell[i, j]!r} at {names[i]}, {columns[j]}" for i, j in typos]
        raise CohortError(
            f"{layout.file}: expected numbers, found text in {name_some(texts_at)} (and "
            "perhaps further below); correct these cells, or "
            "leave them empty if the values are missing"
        )
    # values beyond float32 become infinite, which is refused later
    with np.errstate(over="ignore"):
        return values.to_numpy(dtype=np.float32).reshape(shape), is_text
