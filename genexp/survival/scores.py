"""Scores of a predicted risk: concordance, Brier score and AUC, weighted for censoring, and
calibration.

Inverse probability of censoring weights: a patient who died at T counts 1 / G(T), for those who
were censored before. G is the share of patients not yet censored, estimated on train patients.
After the time ``tau`` G is too small to divide by, and nothing is scored. scikit-survival gives the
same numbers, as the tests check.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.evaluation.bootstrap import draw_replicates, summarise_replicates
from genexp.survival.cox import c_index, compare_pairs

MIN_UNCENSORED = 0.1
"""Smallest share of uncensored train patients at which test patients are scored: a weight is at
most 10, for a pair 100."""
N_TIMES = 100
"""Times at which the Brier score is computed, evenly spaced up to ``tau``."""
YEARS = (1.0, 3.0, 5.0)
"""Years of follow-up at which the AUC is computed, where test patients reach them."""
DAYS_PER_YEAR = 365.25
MIN_SIDE = 5
"""Fewest deaths before a time, and fewest patients followed beyond it, for an AUC to be
reported."""
NOBODY = "none"
"""Name of the prediction without any representation: the Kaplan-Meier curve of the train patients
for everyone."""


@dataclass(frozen=True)
class Steps:
    """A function of time that falls in steps from 1: ``times`` (k,), ascending, and its ``values``
    (k,) from each of them on.
    """

    times: np.ndarray
    values: np.ndarray

    def at(self, time: np.ndarray | float) -> np.ndarray:
        """Value at each time; a step counts from its own time on."""
        return np.concatenate([[1.0], self.values])[np.searchsorted(self.times, time, side="right")]


@dataclass(frozen=True)
class FollowUp:
    """Follow-up of some patients.

    Parameters
    ----------
    time : ndarray of float64, (n,)
        Days.
    event : ndarray of bool, (n,)
        True where the event was observed.
    """

    time: np.ndarray
    event: np.ndarray

    @classmethod
    def of(cls, patients: pd.DataFrame) -> FollowUp:
        """Follow-up of a table with ``time_days`` and ``event``."""
        return cls(
            patients["time_days"].to_numpy(dtype=np.float64), patients["event"].to_numpy(dtype=bool)
        )


def estimate_censoring(train: FollowUp) -> Steps:
    """Kaplan-Meier curve of the time to censoring; deaths come before censorings at equal times, so
    they are not at risk then.
    """
    times, index = np.unique(train.time, return_inverse=True)
    left = np.bincount(index, minlength=len(times))
    died = np.bincount(index, train.event, len(times))
    at_risk = left[::-1].cumsum()[::-1] - died
    hazard = np.divide(left - died, at_risk, out=np.zeros(len(times)), where=at_risk > 0)
    return Steps(times, np.cumprod(1 - hazard))


def choose_tau(censoring: Steps, test: FollowUp) -> float:
    """Day up to which test patients are scored.

    The last day on which ``MIN_UNCENSORED`` of the train patients are not yet censored, or the last
    follow-up of the test patients if that is earlier; 0 where there is none.
    """
    usable = censoring.times[censoring.values >= MIN_UNCENSORED]
    return float(min(usable.max(initial=0.0), test.time.max(initial=0.0)))


def estimate_baseline(train: FollowUp, risk: np.ndarray) -> Steps:
    """Survival of a patient of risk 0 by the Breslow estimate (Biometrics 1974) under log relative
    hazards ``risk`` (n,).
    """
    times, index = np.unique(train.time, return_inverse=True)
    died = np.bincount(index, train.event, len(times))
    at_risk = np.bincount(index, np.exp(risk), len(times))[::-1].cumsum()[::-1]
    return Steps(times, np.exp(-np.cumsum(died / at_risk)))


def predict_survival(baseline: Steps, risk: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Survival probability (n, n_times) of patients with log relative hazards ``risk`` (n,)."""
    # a huge risk or a curve at 0 rightly gives a survival of 0
    with np.errstate(over="ignore", divide="ignore"):
        return np.exp(np.exp(risk)[:, None] * np.log(baseline.at(times)))


def ipcw_c_index(
    test: FollowUp,
    risk: np.ndarray,
    censoring: Steps,
    tau: float,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Concordance (n_draws,) with inverse probability of censoring weights (Uno et al., Statistics
    in Medicine 2011).

    C = sum I(T_i < T_j) I(r_i > r_j) / G(T_i)^2 / sum I(T_i < T_j) / G(T_i)^2 over pairs whose
    earlier member i died at T_i < ``tau``; equal risks count 1/2. NaN where there is no such pair.

    Parameters
    ----------
    test : FollowUp
    risk : ndarray of float64, (n,)
        Higher = worse.
    censoring : Steps
        G, of train patients.
    tau : float
        Days.
    weights : ndarray of float64, (n_draws, n), optional
        Number of times that each patient counts in each draw; each counts once if not given.
    """
    weights = np.ones((1, len(risk))) if weights is None else weights
    counted = test.event & (test.time < tau)
    share = np.where(counted, censoring.at(test.time), 1.0) ** -2.0 * counted
    comparable, concordant = compare_pairs(test.time, counted, risk)
    total = ((weights * share @ comparable) * weights).sum(axis=1)
    agreed = ((weights * share @ concordant) * weights).sum(axis=1)
    return np.divide(agreed, total, out=np.full(len(weights), np.nan), where=total > 0)


def brier_errors(
    test: FollowUp, survival: np.ndarray, times: np.ndarray, censoring: Steps
) -> np.ndarray:
    """Squared errors (n, n_times) of predicted survival (n, n_times), weighted for censoring (Graf
    et al., Statistics in Medicine 1999).

    Error at t: S(t)^2 / G(T) for a patient who died at T <= t, (1 - S(t))^2 / G(t) for one followed
    beyond t, 0 for one censored before. Their mean over patients is the Brier score at each time:
    1/4 for a coin, 0 for a prophet.
    """
    dead = (test.time[:, None] <= times) & test.event[:, None]
    alive = test.time[:, None] > times
    # Patients who died after the last uncensored train patient have G = 0; tau excludes them, the
    # clamp only avoids 0 / 0
    weight = np.where(test.event, np.maximum(censoring.at(test.time), 1e-300), 1.0)[:, None]
    return np.where(dead, np.square(survival) / weight, 0.0) + np.where(
        alive, np.square(1 - survival) / censoring.at(times), 0.0
    )


def integrate_errors(errors: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean over time (n,) of errors (n, n_times), by the trapezoidal rule."""
    return np.trapezoid(errors, times, axis=1) / (times[-1] - times[0])


def auc_at(
    time: float,
    test: FollowUp,
    risk: np.ndarray,
    censoring: Steps,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Area under the cumulative/dynamic ROC curve (n_draws,) at a time (Uno et al., JASA 2007).

    Probability that a patient who died by ``time`` has a higher risk than one followed beyond it; a
    death at T weighs 1 / G(T). NaN where either kind of patient is missing.
    """
    weights = np.ones((1, len(risk))) if weights is None else weights
    dead, alive = test.event & (test.time <= time), test.time > time
    # As in brier_errors, the clamp only avoids a division by 0 beyond tau
    cases, controls = (
        weights[:, dead] / np.maximum(censoring.at(test.time[dead]), 1e-300),
        weights[:, alive],
    )
    higher = (1 + np.sign(risk[dead][:, None] - risk[alive])) / 2
    total = cases.sum(axis=1) * controls.sum(axis=1)
    return np.divide(
        ((cases @ higher) * controls).sum(axis=1),
        total,
        out=np.full(len(weights), np.nan),
        where=total > 0,
    )


def choose_times(train: FollowUp, test: FollowUp, tau: float) -> list[float]:
    """Days at which the AUC is computed.

    The ``YEARS`` up to ``tau`` with at least ``MIN_SIDE`` test deaths before and ``MIN_SIDE`` test
    patients after them. Where there are none, the quartiles of the times of the train deaths that
    meet the same conditions.
    """

    def usable(time: float) -> bool:
        n_dead, n_alive = (
            int((test.event & (test.time <= time)).sum()),
            int((test.time > time).sum()),
        )
        return time <= tau and n_dead >= MIN_SIDE and n_alive >= MIN_SIDE

    years = [DAYS_PER_YEAR * year for year in YEARS if usable(DAYS_PER_YEAR * year)]
    return years or [
        float(time)
        for time in np.quantile(train.time[train.event], [0.25, 0.5, 0.75])
        if usable(time)
    ]


def score_risks(patients: pd.DataFrame, names: list[str], seed: int) -> pd.DataFrame:
    """Compute every score of every representation on test patients, with intervals.

    Parameters
    ----------
    patients : DataFrame
        ``part``, ``time_days``, ``event`` and ``risk_<name>`` of train and test patients.
    names : list of str
        Representations.
    seed : int
        Of the bootstrap over test patients.

    Returns
    -------
    DataFrame
        Columns ``representation`` (with one row ``none``: the train patients' Kaplan-Meier curve
        for everyone), ``quantity`` (``c_index``, ``ipcw_c_index``, ``integrated_brier``, ``auc``),
        ``time_days`` (the time of an ``auc``; for the others ``tau``, up to which they are
        computed; NaN for Harrell's, which has no such limit), ``value``, ``low``, ``high`` (95 %,
        percentiles over bootstrap samples of the patients).
    """
    in_train = (patients["part"] == "train").to_numpy()
    train, test = FollowUp.of(patients[in_train]), FollowUp.of(patients[~in_train])
    censoring = estimate_censoring(train)
    tau = choose_tau(censoring, test)
    # one sample per patient: each is a group of its own
    draws = draw_replicates(np.arange(len(test.time)), seed)
    risks = {name: patients[f"risk_{name}"].to_numpy(dtype=np.float64) for name in names}
    rows: list[dict[str, object]] = []
    for name, risk in risks.items():
        on_test = risk[~in_train]
        scored = [("c_index", np.nan, c_index(test.time, test.event, on_test, draws))]
        scored += [("ipcw_c_index", tau, ipcw_c_index(test, on_test, censoring, tau, draws))]
        scored += [
            ("auc", time, auc_at(time, test, on_test, censoring, draws))
            for time in choose_times(train, test, tau)
        ]
        rows += [_describe_score(name, quantity, time, values) for quantity, time, values in scored]
    for name, risk in (risks | {NOBODY: np.zeros(len(patients))}).items():
        values = _score_brier(train, test, (risk[in_train], risk[~in_train]), censoring, tau, draws)
        rows.append(_describe_score(name, "integrated_brier", tau, values))
    return pd.DataFrame(rows)


def _score_brier(
    train: FollowUp,
    test: FollowUp,
    risks: tuple[np.ndarray, np.ndarray],
    censoring: Steps,
    tau: float,
    draws: np.ndarray,
) -> np.ndarray:
    """Integrated Brier score (n_draws,) of risks on train and test patients, from day 0 to
    ``tau``.
    """
    if tau <= 0:
        return np.full(len(draws), np.nan)
    # Centred risks keep exp(risk) in range; the baseline hazard absorbs the shift
    times, origin = np.linspace(0, tau, N_TIMES + 1), risks[0].mean()
    survival = predict_survival(
        estimate_baseline(train, risks[0] - origin), risks[1] - origin, times
    )
    errors = integrate_errors(brier_errors(test, survival, times, censoring), times)
    return draws @ errors / draws.sum(axis=1)


def _describe_score(name: str, quantity: str, time: float, values: np.ndarray) -> dict[str, object]:
    value, low, high = summarise_replicates(values)
    return {
        "representation": name,
        "quantity": quantity,
        "time_days": time,
        "value": value,
        "low": low,
        "high": high,
    }


def summarise_scores(quality: pd.DataFrame) -> pd.DataFrame:
    """Scores by representation, from :func:`score_risks`: each quantity's value, for ``auc`` the
    mean over its times.
    """
    scores = quality[quality["representation"] != NOBODY]
    table = scores.pivot_table(
        index="representation",
        columns="quantity",
        values="value",
        aggfunc="mean",
        sort=False,
        dropna=False,
    )
    columns = ["c_index", "ipcw_c_index", "integrated_brier", "auc"]
    return table.reindex(index=scores["representation"].unique(), columns=columns).rename_axis(
        columns=None
    )


def calibrate(patients: pd.DataFrame, name: str, horizon: float) -> pd.DataFrame:
    """Compare predicted with observed survival of test patients at a time, by risk group.

    Parameters
    ----------
    patients : DataFrame
        As for :func:`score_risks`, with ``risk_group``.
    name : str
        Representation that predicts the risk.
    horizon : float
        Days; NaN gives an empty table.

    Returns
    -------
    DataFrame, (n_groups, 6)
        Index ``risk_group``: ``n``, ``events`` (by then), ``predicted`` (mean), ``observed``
        (Kaplan-Meier) with ``low``, ``high`` (95 %, log-log).
    """
    from lifelines import KaplanMeierFitter

    in_train = (patients["part"] == "train").to_numpy()
    risk = patients[f"risk_{name}"].to_numpy(dtype=np.float64)
    risk = risk - risk[in_train].mean()
    baseline = estimate_baseline(FollowUp.of(patients[in_train]), risk[in_train])
    test = patients[~in_train].assign(
        predicted=predict_survival(baseline, risk[~in_train], np.array([horizon]))[:, 0]
    )
    rows = {}
    for group, members in test.groupby("risk_group", observed=True) if np.isfinite(horizon) else ():
        fit = KaplanMeierFitter().fit(members["time_days"], members["event"])
        low, high = fit.confidence_interval_survival_function_.loc[:horizon].iloc[-1]
        counted = {
            "n": len(members),
            "events": int((members["event"] & (members["time_days"] <= horizon)).sum()),
        }
        predicted, observed = float(members["predicted"].mean()), float(fit.predict(horizon))
        rows[group] = {
            **counted,
            "predicted": predicted,
            "observed": observed,
            "low": float(low),
            "high": float(high),
        }
    columns = ["n", "events", "predicted", "observed", "low", "high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("risk_group")
