"""Grouped bootstrap over test samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    pass

N_DRAWS = 1000
"""Bootstrap samples of the test groups."""


def draw_weights(groups: np.ndarray, seed: int) -> np.ndarray:
    """How often each sample (n,) counts in each draw (N_DRAWS, n): whole groups are drawn, with replacement.

    A single group cannot say how much groups differ: there is no draw then.
    """
    names, codes = np.unique(groups, return_inverse=True)
    n_draws = N_DRAWS if len(names) > 1 else 0
    counts = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_draws)
    return counts[:, codes].astype(np.float64)


def find_interval(draws: np.ndarray) -> tuple[float, float]:
    """Percentile interval of 95 % over the draws in which the quantity exists; NaN where it never does."""
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
