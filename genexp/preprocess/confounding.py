"""How far study and label tell each other: what a correction of studies takes out of the label."""

from __future__ import annotations

import numpy as np
import pandas as pd

from genexp.errors import PreprocessError

STRONG = 0.5
"""Cramér's V from which a warning is given."""
COMPLETE = 1 - 1e-9


def measure_confounding(obs: pd.DataFrame) -> float | None:
    """Cramér's V of study and label over labelled samples; None where either has fewer than two values.

    V = sqrt(chi^2 / (n (min(r, c) - 1))) of the table of r studies and c labels (H. Cramér, Mathematical Methods of Statistics, 1946):
    0 where they are independent, 1 where one is known from the other.

    Parameters
    ----------
    obs : DataFrame, (n_samples, ...)
        Annotations with ``study`` and ``label``.
    """
    if not {"study", "label"} <= set(obs):
        return None
    labelled = obs.dropna(subset=["label"])
    counts = pd.crosstab(labelled["study"].astype(str), labelled["label"].astype(str)).to_numpy(dtype=float)
    if min(counts.shape) < 2:
        return None
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    chi2 = ((counts - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / (counts.sum() * (min(counts.shape) - 1))))


def refuse_confounding(cramers_v: float | None, correction: str) -> None:
    """Refuse a correction of studies that would be a correction of the label.

    Raises
    ------
    PreprocessError
        Study and label are known from each other.
    """
    if correction != "none" and cramers_v is not None and cramers_v >= COMPLETE:
        raise PreprocessError(
            f"correction={correction} expects labels that are in several studies; found that study and label are known from each other "
            "(Cramér's V 1 over train samples), so that to correct one is to remove the other. Take correction=none, add studies with "
            "several labels, or choose another label"
        )


def warn_of_confounding(cramers_v: float | None, correction: str) -> list[str]:
    """Sentence about study and label that are strongly confounded."""
    if cramers_v is None or cramers_v < STRONG:
        return []
    effect = (
        f"correction={correction} takes part of the label out with the study" if correction != "none" else "each can pass for the other"
    )
    return [f"study and label are confounded (Cramér's V {cramers_v:.2f} over train samples): {effect}"]
