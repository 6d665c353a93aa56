"""Survival of groups of patients, by cluster and by risk: log-rank test, permutation test and
hazard ratio.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from genexp.survival.regression import compare_curves, fit_each
from genexp.survival.scores import FollowUp

GROUPS = ("low", "middle", "high")
"""Risk groups: tertiles of the risk of the train patients."""
N_PERMUTATIONS = 4999
"""Permutations of survival over the test patients."""


def cut_risk(patients: pd.DataFrame, name: str) -> pd.Series:
    """Risk group (n,) of train and test patients: ``low``, ``middle``, ``high``, cut at the
    tertiles of the train patients' risk.
    """
    risk = patients[f"risk_{name}"]
    cuts = np.quantile(risk[patients["part"] == "train"], [1 / 3, 2 / 3])
    return pd.Series(
        pd.Categorical.from_codes(np.searchsorted(cuts, risk), list(GROUPS), ordered=True),
        index=patients.index,
    )


def score_log_rank(follow_up: FollowUp) -> np.ndarray:
    """Log-rank score (n,) of each patient: 1 for a death, minus the Nelson-Aalen cumulative hazard
    at the end of follow-up.

    Their sum over a group is its observed minus expected deaths in the log-rank test.
    """
    times, index = np.unique(follow_up.time, return_inverse=True)
    at_risk = np.bincount(index, minlength=len(times))[::-1].cumsum()[::-1]
    hazard = np.cumsum(np.bincount(index, follow_up.event, len(times)) / at_risk)
    return follow_up.event - hazard[index]


def permute_survival(follow_up: FollowUp, groups: np.ndarray, seed: int) -> float:
    """P value of a permutation test of survival over patients; NaN for a single group.

    The statistic is the sum over groups of (observed - expected deaths)^2 / patients, from the
    log-rank test.
    """
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return float("nan")
    members = np.eye(len(names))[codes] / np.sqrt(np.bincount(codes))
    scores = score_log_rank(follow_up)
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.tile(scores, (N_PERMUTATIONS, 1)), axis=1)
    observed = np.square(scores @ members).sum()
    # The tolerance counts permutations that only rounding makes smaller than the observed value
    return float(
        (1 + (np.square(drawn @ members).sum(axis=1) >= observed * (1 - 1e-9)).sum())
        / (1 + N_PERMUTATIONS)
    )


def compare_groups(patients: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Compare the survival of clusters, and of risk groups, on test patients.

    Parameters
    ----------
    patients : DataFrame, (n_test patients, ...)
        ``time_days``, ``event``, ``cluster``, ``risk_group``.
    seed : int
        Of the permutations.

    Returns
    -------
    DataFrame, (2, 7)
        Index ``groups`` (``cluster``, ``risk_group``): ``n_groups``, ``log_rank_p``,
        ``permutation_p``, and for risk groups ``hazard_ratio`` of high against low with ``low``,
        ``high`` (95 %, Wald) and ``p``; NaN where undefined.
    """
    rows = {}
    for by in ("cluster", "risk_group"):
        groups = patients[by].astype(str).to_numpy()
        p = {
            "log_rank_p": compare_curves(patients, by),
            "permutation_p": permute_survival(FollowUp.of(patients), groups, seed),
        }
        rows[by] = {"n_groups": len(set(groups)), **p}
    table = (
        pd.DataFrame.from_dict(rows, orient="index").rename_axis("groups").astype({"n_groups": int})
    )
    outer = patients[patients["risk_group"].isin([GROUPS[0], GROUPS[-1]])]
    high = (outer["risk_group"] == GROUPS[-1]).to_numpy(dtype=np.float64)
    columns = ["hazard_ratio", "low", "high", "p"]
    ratio = compare_two(FollowUp.of(outer), high)
    return table.assign(**{column: [np.nan, ratio[column]] for column in columns})


def compare_two(follow_up: FollowUp, high: np.ndarray) -> pd.Series:
    """Hazard ratio of patients with ``high`` (n,) 1 against those with 0, with ``low``, ``high``
    and ``p``; NaN where undefined.
    """
    if not follow_up.event.any():
        return pd.Series(np.nan, index=["hazard_ratio", "low", "high", "p"])
    return fit_each(high[:, None], follow_up.time, follow_up.event, ["high"]).loc[
        "high", ["hazard_ratio", "low", "high", "p"]
    ]
