"""Whether what was fitted is fitted on train samples alone: it must stay as it is when all others are corrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from genexp.preprocessing.fit import FittedGenes
from genexp.preprocessing.transform import ROWS_AT_A_TIME

FACTOR = np.float32(4)
"""A power of two, which float32 multiplies and divides by without loss."""


def find_dependent(X: np.ndarray, held_out: np.ndarray, fitted: FittedGenes, fit: Callable[[np.ndarray], FittedGenes]) -> list[str]:
    """Names of the fitted values that change when the held-out rows do.

    Parameters
    ----------
    X : ndarray of float32, (n_samples, n_columns)
        Raw values; corrupted in place for the time of the fit, then as before.
    held_out : ndarray of int, (n_held_out,)
        Rows that nothing may be fitted on.
    fitted : FittedGenes
        What ``fit`` gave.
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
    return changed + [name for name in ("var", "lost") if not getattr(fitted, name).equals(getattr(refitted, name))]


@contextmanager
def _corrupted(X: np.ndarray, rows: np.ndarray) -> Iterator[None]:
    """Give every gene another one's values, multiplied, in some rows; undone exactly at the end."""
    blocks = [rows[start : start + ROWS_AT_A_TIME] for start in range(0, len(rows), ROWS_AT_A_TIME)]
    for block in blocks:
        X[block] = X[block][:, ::-1] * FACTOR
    try:
        yield
    finally:
        for block in blocks:
            X[block] = X[block][:, ::-1] / FACTOR
