"""Folds of the train samples that keep groups together."""

from __future__ import annotations

import numpy as np


def draw_group_folds(groups: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Fold (n,) of every train sample, 0 to ``n_folds`` - 1; all samples of a group are in one."""
    _, codes = np.unique(groups, return_inverse=True)
    return (np.random.default_rng(seed).permutation(codes.max() + 1) % n_folds)[codes]
