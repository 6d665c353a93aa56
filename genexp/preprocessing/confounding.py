"""How far batch and label tell each other: what a correction of batches takes out of the label."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from genexp.errors import PreprocessError

STRONG = 0.5
"""Cramer's V from which a warning is given."""
COMPLETE = 1 - 1e-9


def measure_cramers_v(one: pd.Series, other: pd.Series) -> float:
    """Cramer's V of two classifications of the same samples: 0 where they are independent, 1 where one gives the other.

    sqrt(chi2 / (n (min(rows, columns) - 1))), Pearson's chi-squared of their table (Cramer, Mathematical Methods of Statistics 1946);
    NaN where fewer than two values of either are there.
    """
    known = (one.notna() & other.notna()).to_numpy()
    table = pd.crosstab(one[known].astype(str).to_numpy(), other[known].astype(str).to_numpy()).to_numpy()
    if min(table.shape) < 2:
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(np.sqrt((np.square(table - expected) / expected).sum() / (table.sum() * (min(table.shape) - 1))))


def measure_confounding(obs: pd.DataFrame) -> float | None:
    """Cramer's V of ``batch`` and ``label`` over labelled samples (n_samples, ...); None where either has fewer than two values."""
    cramers_v = measure_cramers_v(obs["batch"], obs["label"]) if {"batch", "label"} <= set(obs) else math.nan
    return None if math.isnan(cramers_v) else cramers_v


def refuse_confounding(cramers_v: float | None, correction: str) -> None:
    """Refuse a correction of batches that would be a correction of the label.

    Raises
    ------
    PreprocessError
        Batch and label are known from each other.
    """
    if correction != "none" and cramers_v is not None and cramers_v >= COMPLETE:
        raise PreprocessError(
            f"correction={correction} expects labels that are in several batches; found that batch and label are known from each other "
            "(Cramer's V 1 over train samples), so that to correct one is to remove the other. Take correction=none, add batches with "
            "several labels, or choose another label"
        )


def warn_of_confounding(cramers_v: float | None, correction: str) -> list[str]:
    """Sentence about batch and label that are strongly confounded."""
    if cramers_v is None or cramers_v < STRONG:
        return []
    effect = (
        f"correction={correction} takes part of the label out with the batch" if correction != "none" else "each can pass for the other"
    )
    return [f"batch and label are confounded (Cramer's V {cramers_v:.2f} over train samples): {effect}"]
