"""Test that the fit uses train samples alone: it must not change when all other samples are
corrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from genexp.preprocessing.fit import FittedGenes
from genexp.preprocessing.transform import ROWS_AT_A_TIME

FACTOR = np.float32(4)
"""Factor of the corruption: a power of two, so that multiplying and dividing float32 is exact."""


def find_dependent(
    X: np.ndarray,
    held_out: np.ndarray,
    fitted: FittedGenes,
    fit: Callable[[np.ndarray], FittedGenes],
) -> list[str]:
    """Find the fitted values that change when the held-out rows change, by name.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_columns)
        Raw values; corrupted in place during the fit, then restored.
    held_out : ndarray of int, (n_held_out,)
        Rows that no fit may use.
    fitted : FittedGenes
        Result of ``fit``.
    fit : callable
        Fits on ``X``.
    """
    if not X.flags.writeable:
        X = X.copy()
    with _corrupted(X, held_out):
        refitted = fit(X)
    if not np.array_equal(fitted.columns.first, refitted.columns.first):
        return ["kept genes"]
    arrays, others = fitted.transform.to_parts()[1], refitted.transform.to_parts()[1]
    changed = [name for name, values in arrays.items() if not np.array_equal(values, others[name])]
    if fitted.transform.to_parts()[0] != refitted.transform.to_parts()[0]:
        changed.append("normalisation")
    return changed + [
        name
        for name in ("var", "filtered")
        if not getattr(fitted, name).equals(getattr(refitted, name))
    ]


@contextmanager
def _corrupted(X: np.ndarray, rows: np.ndarray) -> Iterator[None]:
    """Give every gene the multiplied values of another in some rows; restore them exactly at the
    end.
    """
    blocks = [rows[start : start + ROWS_AT_A_TIME] for start in range(0, len(rows), ROWS_AT_A_TIME)]
    for block in blocks:
        X[block] = X[block][:, ::-1] * FACTOR
    try:
        yield
    finally:
        for block in blocks:
            X[block] = X[block][:, ::-1] / FACTOR
