"""Confounding of batch and label: a correction of batches removes what both share."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from genexp.errors import PreprocessError

STRONG = 0.5
"""Cramer's V at which a warning starts."""
COMPLETE = 1 - 1e-9
"""Cramer's V that counts as 1, below it by the rounding of float64."""


def measure_cramers_v(first: pd.Series, second: pd.Series) -> float:
    """Compute Cramer's V of two classifications of the same samples: 0 if they are independent, 1
    if one determines the other.

    sqrt(chi2 / (n (min(rows, columns) - 1))), Pearson's chi-squared of their table (Cramer,
    Mathematical Methods of Statistics 1946); NaN if either has fewer than two values.
    """
    present = (first.notna() & second.notna()).to_numpy()
    table = pd.crosstab(
        first[present].astype(str).to_numpy(), second[present].astype(str).to_numpy()
    ).to_numpy()
    if min(table.shape) < 2:
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(
        np.sqrt(
            (np.square(table - expected) / expected).sum() / (table.sum() * (min(table.shape) - 1))
        )
    )


def measure_confounding(obs: pd.DataFrame) -> float | None:
    """Compute Cramer's V of ``batch`` and ``label`` over labelled samples (n_samples, ...); None if
    either has fewer than two values.
    """
    cramers_v = (
        measure_cramers_v(obs["batch"], obs["label"])
        if {"batch", "label"} <= set(obs)
        else math.nan
    )
    return None if math.isnan(cramers_v) else cramers_v


def refuse_confounding(cramers_v: float | None, correction: str) -> None:
    """Refuse a correction of batches that would remove the label.

    Raises
    ------
    PreprocessError
        Batch and label determine each other.
    """
    if correction != "none" and cramers_v is not None and cramers_v >= COMPLETE:
        raise PreprocessError(
            f"correction={correction} expects labels that occur in several batches; found "
            "that batch and label determine each other "
            "(Cramer's V 1 over train samples), so correcting one removes the other. Use "
            "correction=none, add batches with "
            "several labels, or choose another label"
        )


def warn_of_confounding(cramers_v: float | None, correction: str) -> list[str]:
    """Warn of strong confounding of batch and label, in one sentence."""
    if cramers_v is None or cramers_v < STRONG:
        return []
    effect = (
        f"correction={correction} removes part of the label with the batch"
        if correction != "none"
        else "one can be mistaken for the other"
    )
    return [
        f"batch and label are confounded (Cramer's V {cramers_v:.2f} over train samples): {effect}"
    ]
