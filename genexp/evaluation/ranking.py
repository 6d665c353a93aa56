"""Areas under the ROC and the precision-recall curve, for many bootstrap weights at once.

They are scikit-learn's ``roc_auc_score`` and ``average_precision_score`` with ``sample_weight``,
which would be called once per draw.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Draw = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def draw_auroc(member: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve (n_draws,) when samples count ``weights`` (n_draws, n) times; NaN
    without members or others.

    It is the weighted share of pairs of a member and another sample in which the member scores
    higher, ties counting half (Hanley & McNeil, Radiology 1982).
    """
    levels, level = np.unique(score, return_inverse=True)
    order = np.argsort(level, kind="stable")
    starts = np.searchsorted(level[order], np.arange(len(levels)))
    positive = np.add.reduceat((weights * member)[:, order], starts, axis=1)
    negative = np.add.reduceat((weights * ~member)[:, order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    wins = (positive * (below + negative / 2)).sum(axis=1)
    return np.divide(wins, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def draw_average_precision(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision (n_draws,) when samples count ``weights`` (n_draws, n) times: sum over
    thresholds of precision times gain in recall; equal scores share a threshold. NaN without
    members.
    """
    order = np.argsort(-score, kind="stable")
    counted = np.cumsum(weights[:, order], axis=1)
    hits = np.flatnonzero(truth[order])
    last = np.searchsorted(-score[order], -score[order][hits], side="right") - 1
    hit_weights = weights[:, order[hits]]
    above = np.cumsum(hit_weights, axis=1)[:, np.searchsorted(hits, last, side="right") - 1]
    total = hit_weights.sum(axis=1)
    # a draw may leave out all samples down to a threshold
    precision = above / np.maximum(counted[:, last], 1e-12)
    return np.divide(
        (hit_weights * precision).sum(axis=1),
        total,
        out=np.full(len(weights), np.nan),
        where=total > 0,
    )


def score_columns(draw: Draw, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Value (n_columns,) of every column of ``scores`` (n, n_columns) for that of ``truth``; NaN
    where it is not defined.
    """
    whole = np.ones((1, len(truth)))
    return np.array([draw(truth[:, k], scores[:, k], whole)[0] for k in range(truth.shape[1])])


def draw_column_mean(
    draw: Draw, truth: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Mean (n_draws,) over the columns in which a draw has a value, when samples count ``weights``
    (n_draws, n) times.

    Parameters
    ----------
    draw : callable
        :func:`draw_auroc` or :func:`draw_average_precision`.
    truth : ndarray of bool, (n, n_columns)
    scores : ndarray, (n, n_columns)
    weights : ndarray, (n_draws, n)
    """
    total, n_defined = np.zeros(len(weights)), np.zeros(len(weights))
    for k in range(truth.shape[1]):
        values = draw(truth[:, k], scores[:, k], weights)
        total += np.nan_to_num(values)
        n_defined += np.isfinite(values)
    return np.divide(total, n_defined, out=np.full(len(weights), np.nan), where=n_defined > 0)
