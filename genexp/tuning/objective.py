"""What a trial is scored by: one quantity on validation samples, or several at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from genexp.errors import ConfigError
from genexp.settings.search import OBJECTIVES
from genexp.tuning.workers import Result
from genexp.verdict.downstream import list_validation_scores

if TYPE_CHECKING:
    from genexp.preprocessing import Preprocessed

LOSS = "loss/val"


def check_objectives(objectives: Sequence[str], data: Preprocessed) -> None:
    """Refuse an objective that the annotations do not allow."""
    there = {LOSS, "r2/val_gain", *list_validation_scores(data.obs("train"))}
    if lacking := [name for name in objectives if name not in there]:
        raise ConfigError(
            f"objective={','.join(objectives)}: {', '.join(lacking)} cannot be measured on this cohort; a label with two classes "
            "(label=) or survival with enough events (time=, event=) among train samples was expected"
        )


def read_objective(result: Result, name: str) -> float:
    """Value of an objective in a finished trial."""
    return result.loss_val if name == LOSS else (result.scores or {}).get(name, float("nan"))


def direction(name: str) -> Literal["minimize", "maximize"]:
    """Which way is better."""
    return "minimize" if name == LOSS else "maximize"


def orient(values: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Values (n_trials, n_objectives) with a sign that makes lower better; what is undefined is worst."""
    signs = np.array([1.0 if direction(name) == "minimize" else -1.0 for name in names])
    return np.where(np.isfinite(values), values * signs, np.inf)


def find_front(losses: np.ndarray) -> np.ndarray:
    """Which rows (n,) of losses (n, n_objectives), lower better, are beaten by no other in everything (the Pareto front)."""
    no_worse = (losses[:, None] <= losses[None]).all(axis=2)
    better = (losses[:, None] < losses[None]).any(axis=2)
    return np.asarray(~(no_worse & better).any(axis=0))


def correlate_objectives(results: Sequence[Result]) -> pd.DataFrame:
    """Spearman correlation over complete trials between what can be an objective and each of the scores, better with better.

    Parameters
    ----------
    results : sequence of Result
        Complete trials.

    Returns
    -------
    DataFrame, (n_objectives, n_objectives)
        Index ``objective``; NaN where a score is constant, undefined in a trial, or trials are fewer than 4.
    """
    names = [name for name in OBJECTIVES if all(name == LOSS or name in (result.scores or {}) for result in results)]
    values = np.array([[read_objective(result, name) for name in names] for result in results]).reshape(len(results), len(names))
    table = pd.DataFrame(-orient(values, names), columns=names).replace(-np.inf, np.nan)
    found = table.corr("spearman", min_periods=4)
    return found.rename_axis("objective")
