"""Objectives of trials: one score on validation samples, or several at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from genexp.errors import ConfigError
from genexp.settings.search import OBJECTIVES
from genexp.tuning.workers import TrialResult
from genexp.verdict.downstream import list_validation_scores

if TYPE_CHECKING:
    from genexp.preprocessing import Preprocessed

LOSS = "loss/val"


def check_objectives(objectives: Sequence[str], data: Preprocessed) -> None:
    """Refuse an objective that the annotations of the cohort do not allow."""
    available = {LOSS, "r2/val_gain", *list_validation_scores(data.obs("train"))}
    if lacking := [name for name in objectives if name not in available]:
        raise ConfigError(
            f"objective={','.join(objectives)}: {', '.join(lacking)} cannot be measured on "
            "this cohort; expected a label with "
            "two classes (label=), or survival with enough events (time=, event=), among the "
            "train samples"
        )


def read_objective(result: TrialResult, name: str) -> float:
    """Read the value of an objective from a finished trial."""
    return result.loss_val if name == LOSS else (result.scores or {}).get(name, float("nan"))


def direction(name: str) -> Literal["minimize", "maximize"]:
    """Return the direction of improvement."""
    return "minimize" if name == LOSS else "maximize"


def orient(values: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Give values (n_trials, n_objectives) a sign that makes lower better; undefined values are
    worst.
    """
    signs = np.array([1.0 if direction(name) == "minimize" else -1.0 for name in names])
    return np.where(np.isfinite(values), values * signs, np.inf)


def find_front(losses: np.ndarray) -> np.ndarray:
    """Mark the Pareto front (n,) among losses (n, n_objectives), lower better: rows that no other
    row beats in all objectives.
    """
    no_worse = (losses[:, None] <= losses[None]).all(axis=2)
    better = (losses[:, None] < losses[None]).any(axis=2)
    return np.asarray(~(no_worse & better).any(axis=0))


def correlate_objectives(results: Sequence[TrialResult]) -> pd.DataFrame:
    """Correlate all possible objectives over complete trials (Spearman), with signs that make
    better positive.

    Parameters
    ----------
    results : sequence of TrialResult
        Complete trials.

    Returns
    -------
    DataFrame, (n_objectives, n_objectives)
        Index ``objective``; NaN where a score is constant, undefined in a trial, or trials are
        fewer than 4.
    """
    names = [
        name
        for name in OBJECTIVES
        if all(name == LOSS or name in (result.scores or {}) for result in results)
    ]
    values = np.array(
        [[read_objective(result, name) for name in names] for result in results]
    ).reshape(len(results), len(names))
    table = pd.DataFrame(-orient(values, names), columns=names).replace(-np.inf, np.nan)
    return table.corr("spearman", min_periods=4).rename_axis("objective")
