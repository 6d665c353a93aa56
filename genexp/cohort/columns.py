"""Columns of annotations: selected by name, and converted to text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some

MAX_WHOLE = 2.0**53
"""Number from which float64 no longer represents every whole number."""


def pick_column(obs: pd.DataFrame, parameter: str, column: str) -> pd.Series:
    """Return the column of the annotations that a parameter names."""
    if column not in obs.columns:
        has = (
            f"they have {name_some(obs.columns, 20)}"
            if len(obs.columns)
            else "there are none: give obs"
        )
        raise CohortError(
            f"{parameter}={column!r} is not a column of the annotations or of the matrix; {has}"
        )
    return obs[column]


def as_text(values: pd.Series) -> pd.Series:
    """Convert values to text, whole numbers without a decimal point; blank and missing ones become
    NaN.
    """
    if (
        pd.api.types.is_float_dtype(values.dtype)
        and (values.dropna() % 1 == 0).all()
        and (values.dropna().abs() < MAX_WHOLE).all()
    ):
        values = values.astype("Int64")
    text = (
        values.astype(object)
        .where(values.notna(), None)
        .map(lambda value: None if value is None else str(value).strip())
    )
    return text.where(text.notna() & (text != ""), np.nan)
