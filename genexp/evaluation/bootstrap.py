"""Grouped bootstrap over test samples."""

from __future__ import annotations

import numpy as np

N_DRAWS = 1000
"""Bootstrap samples of the test groups."""


def draw_weights(groups: np.ndarray, seed: int) -> np.ndarray:
    """Bootstrap weights (N_DRAWS, n): the number of times that each sample counts. Whole groups are
    drawn, with replacement.

    One group alone cannot show how much groups differ: there are no draws then.

    Parameters
    ----------
    groups : ndarray, (n,)
        Group of each sample, such as its patient.
    seed : int
    """
    names, codes = np.unique(groups, return_inverse=True)
    n_draws = N_DRAWS if len(names) > 1 else 0
    counts = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=n_draws
    )
    return counts[:, codes].astype(np.float64)


def draw_replicates(groups: np.ndarray, seed: int) -> np.ndarray:
    """Weights (1 + N_DRAWS, n) of the samples as they are, once each in the first row, and of the
    draws of :func:`draw_weights`.
    """
    # Row by row in memory: the order of sums over samples, and so their last bit, does not depend
    # on how groups were expanded
    return np.ascontiguousarray(
        np.concatenate([np.ones((1, len(groups))), draw_weights(groups, seed)])
    )


def find_interval(draws: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval over the draws in which the quantity is defined; NaN where it never
    is.
    """
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def summarise_replicates(values: np.ndarray) -> tuple[float, float, float]:
    """Value of the samples as they are, and its interval, from the values over
    :func:`draw_replicates`.
    """
    return float(values[0]), *find_interval(values[1:])
