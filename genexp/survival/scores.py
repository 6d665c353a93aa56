"""Scores of a risk beside Harrell's concordance: what censoring would hide is weighed back in, and time plays its part.

A patient whose death was seen at T stands for those who were censored before: he weighs 1 / G(T), where G is the share not yet
censored, estimated on train patients. Beyond the time ``tau`` G is too small to divide by, and nothing is judged there.
scikit-survival gives the same numbers (the tests hold it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from genexp.survival.cox import c_index, compare_pairs

MIN_UNCENSORED = 0.1
"""Share of train patients not yet censored below which nothing is judged: a weight is 10 at most, 100 for a pair."""
N_TIMES = 100
"""Times at which the Brier score is taken, evenly spaced up to ``tau``."""
YEARS = (1.0, 3.0, 5.0)
"""Years of follow-up at which survivors are told from the dead, where test patients reach them."""
DAYS_PER_YEAR = 365.25
MIN_SIDE = 5
"""Deaths before a time and patients followed beyond it without which no area under the curve is reported."""
N_DRAWS = 1000
"""Bootstrap samples of the test patients."""
NOBODY = "none"
"""Stands for a prediction without any representation: the train patients' own curve for everyone."""


@dataclass(frozen=True)
class Steps:
    """A function of time that falls in steps from 1: ``times`` (k,), ascending, and its ``values`` (k,) from each of them on."""

    times: np.ndarray
    values: np.ndarray

    def at(self, time: np.ndarray | float) -> np.ndarray:
        """Value at each time, steps included."""
        return np.concatenate([[1.0], self.values])[np.searchsorted(self.times, time, side="right")]


@dataclass(frozen=True)
class FollowUp:
    """Follow-up of some patients.

    Parameters
    ----------
    time : ndarray of float64, (n,)
        Days.
    event : ndarray of bool, (n,)
        True where the event was seen.
    """

    time: np.ndarray
    event: np.ndarray

    @classmethod
    def of(cls, patients: pd.DataFrame) -> FollowUp:
        """Follow-up of a table with ``time_days`` and ``event``."""
        return cls(patients["time_days"].to_numpy(dtype=np.float64), patients["event"].to_numpy(dtype=bool))


def estimate_censoring(train: FollowUp) -> Steps:
    """Kaplan-Meier curve of the time to censoring; at equal times deaths come first, so they are not at risk of it."""
    times, place = np.unique(train.time, return_inverse=True)
    left = np.bincount(place, minlength=len(times))
    died = np.bincount(place, train.event, len(times))
    at_risk = left[::-1].cumsum()[::-1] - died
    hazard = np.divide(left - died, at_risk, out=np.zeros(len(times)), where=at_risk > 0)
    return Steps(times, np.cumprod(1 - hazard))


def choose_tau(censoring: Steps, test: FollowUp) -> float:
    """Day up to which test patients are judged.

    The last on which ``MIN_UNCENSORED`` of the train patients are not yet censored, or the last follow-up of the test patients if
    that comes first; 0 where there is none.
    """
    judged = censoring.times[censoring.values >= MIN_UNCENSORED]
    return float(min(judged.max(initial=0.0), test.time.max(initial=0.0)))


def estimate_baseline(train: FollowUp, risk: np.ndarray) -> Steps:
    """Survival of a patient of risk 0 by the Breslow estimate (Biometrics 1974) under log relative hazards ``risk`` (n,)."""
    times, place = np.unique(train.time, return_inverse=True)
    died = np.bincount(place, train.event, len(times))
    at_risk = np.bincount(place, np.exp(risk), len(times))[::-1].cumsum()[::-1]
    return Steps(times, np.exp(-np.cumsum(died / at_risk)))


def predict_survival(baseline: Steps, risk: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Survival probability (n, n_times) of patients with log relative hazards ``risk`` (n,)."""
    with np.errstate(over="ignore", divide="ignore"):
        return np.exp(np.exp(risk)[:, None] * np.log(baseline.at(times)))


def ipcw_c_index(test: FollowUp, risk: np.ndarray, censoring: Steps, tau: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Concordance (n_draws,) with inverse probability of censoring weights (Uno et al., Statistics in Medicine 2011).

    A pair counts 1 / G(T)^2 where its earlier member died at T < ``tau``; NaN where there is no such pair.

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
        How often each patient counts, draw by draw; all once if not given.
    """
    weights = np.ones((1, len(risk))) if weights is None else weights
    counted = test.event & (test.time < tau)
    share = np.where(counted, censoring.at(test.time), 1.0) ** -2.0 * counted
    comparable, concordant = compare_pairs(test.time, counted, risk)
    total = ((weights * share @ comparable) * weights).sum(axis=1)
    agreed = ((weights * share @ concordant) * weights).sum(axis=1)
    return np.divide(agreed, total, out=np.full(len(weights), np.nan), where=total > 0)


def brier_errors(test: FollowUp, survival: np.ndarray, times: np.ndarray, censoring: Steps) -> np.ndarray:
    """Squared errors (n, n_times) of predicted survival (n, n_times), weighted for censoring (Graf et al., Statistics in Medicine 1999).

    Their mean over patients is the Brier score at each time: 1/4 for a coin, 0 for a prophet.
    """
    dead = (test.time[:, None] <= times) & test.event[:, None]
    alive = test.time[:, None] > times
    own = np.where(test.event, np.maximum(censoring.at(test.time), 1e-300), 1.0)[:, None]
    return np.where(dead, np.square(survival) / own, 0.0) + np.where(alive, np.square(1 - survival) / censoring.at(times), 0.0)


def integrate_errors(errors: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean over time (n,) of errors (n, n_times), by trapezes."""
    return np.trapezoid(errors, times, axis=1) / (times[-1] - times[0])


def auc_at(time: float, test: FollowUp, risk: np.ndarray, censoring: Steps, weights: np.ndarray | None = None) -> np.ndarray:
    """Area under the cumulative/dynamic ROC curve (n_draws,) at a time (Uno et al., JASA 2007).

    Chance that of a patient dead by ``time`` and one followed beyond it the dead one has the higher risk; a death at T weighs 1 / G(T).
    NaN where there are none of either.
    """
    weights = np.ones((1, len(risk))) if weights is None else weights
    dead, alive = test.event & (test.time <= time), test.time > time
    cases, controls = weights[:, dead] / np.maximum(censoring.at(test.time[dead]), 1e-300), weights[:, alive]
    higher = (1 + np.sign(risk[dead][:, None] - risk[alive])) / 2
    total = cases.sum(axis=1) * controls.sum(axis=1)
    return np.divide(((cases @ higher) * controls).sum(axis=1), total, out=np.full(len(weights), np.nan), where=total > 0)


def choose_times(train: FollowUp, test: FollowUp, tau: float) -> list[float]:
    """Days at which survivors are told from the dead.

    Those of ``YEARS`` that lie before ``tau`` and have ``MIN_SIDE`` test deaths before and test patients after them; where there is
    none, the quartiles of the train deaths' times for which that holds.
    """

    def usable(time: float) -> bool:
        n_dead, n_alive = int((test.event & (test.time <= time)).sum()), int((test.time > time).sum())
        return time <= tau and n_dead >= MIN_SIDE and n_alive >= MIN_SIDE

    years = [DAYS_PER_YEAR * year for year in YEARS if usable(DAYS_PER_YEAR * year)]
    return years or [float(time) for time in np.quantile(train.time[train.event], [0.25, 0.5, 0.75]) if usable(time)]


def score_risks(patients: pd.DataFrame, names: list[str], seed: int) -> pd.DataFrame:
    """Every score of every representation on test patients, with intervals.

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
        Columns ``representation`` (with one row ``none``: the train patients' Kaplan-Meier curve for everyone), ``quantity``
        (``c_index``, ``ipcw_c_index``, ``integrated_brier``, ``auc``), ``time_days`` (up to which or at which: ``tau`` but for ``auc``;
        NaN for Harrell's, which ends nowhere), ``value``, ``low``, ``high`` (95 %, percentiles over bootstrap samples of the patients).
    """
    in_train = (patients["part"] == "train").to_numpy()
    train, test = FollowUp.of(patients[in_train]), FollowUp.of(patients[~in_train])
    censoring = estimate_censoring(train)
    tau = choose_tau(censoring, test)
    draws = draw_patients(len(test.time), seed)
    risks = {name: patients[f"risk_{name}"].to_numpy(dtype=np.float64) for name in names}
    rows: list[dict[str, object]] = []
    for name, risk in risks.items():
        own = risk[~in_train]
        scored = [("c_index", np.nan, c_index(test.time, test.event, own, draws))]
        scored += [("ipcw_c_index", tau, ipcw_c_index(test, own, censoring, tau, draws))]
        scored += [("auc", time, auc_at(time, test, own, censoring, draws)) for time in choose_times(train, test, tau)]
        rows += [_describe_score(name, quantity, time, values) for quantity, time, values in scored]
    for name, risk in (risks | {NOBODY: np.zeros(len(patients))}).items():
        values = _score_brier(train, test, (risk[in_train], risk[~in_train]), censoring, tau, draws)
        rows.append(_describe_score(name, "integrated_brier", tau, values))
    return pd.DataFrame(rows)


def _score_brier(
    train: FollowUp, test: FollowUp, risks: tuple[np.ndarray, np.ndarray], censoring: Steps, tau: float, draws: np.ndarray
) -> np.ndarray:
    """Integrated Brier score (n_draws,) of risks on train and test patients, from day 0 to ``tau``."""
    if tau <= 0:
        return np.full(len(draws), np.nan)
    times, origin = np.linspace(0, tau, N_TIMES + 1), risks[0].mean()
    survival = predict_survival(estimate_baseline(train, risks[0] - origin), risks[1] - origin, times)
    errors = integrate_errors(brier_errors(test, survival, times, censoring), times)
    return draws @ errors / draws.sum(axis=1)


def draw_patients(n: int, seed: int) -> np.ndarray:
    """How often each patient counts, (1 + N_DRAWS, n): all once in the first row, then in bootstrap samples."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_DRAWS)
    return np.concatenate([np.ones((1, n)), drawn]).astype(np.float64)


def find_interval(values: np.ndarray) -> tuple[float, float, float]:
    """The first value, and the percentile interval of 95 % of the others that exist."""
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
    return float(values[0]), float(low), float(high)


def _describe_score(name: str, quantity: str, time: float, values: np.ndarray) -> dict[str, object]:
    value, low, high = find_interval(values)
    return {"representation": name, "quantity": quantity, "time_days": time, "value": value, "low": low, "high": high}


def summarise_scores(quality: pd.DataFrame) -> pd.DataFrame:
    """Scores by representation, from :func:`score_risks`: each quantity's value, for ``auc`` the mean over its times."""
    own = quality[quality["representation"] != NOBODY]
    table = own.pivot_table(index="representation", columns="quantity", values="value", aggfunc="mean", sort=False, dropna=False)
    columns = ["c_index", "ipcw_c_index", "integrated_brier", "auc"]
    return table.reindex(index=own["representation"].unique(), columns=columns).rename_axis(columns=None)


def calibrate(patients: pd.DataFrame, name: str, horizon: float) -> pd.DataFrame:
    """Predicted and observed survival of test patients at a time, by risk group.

    Parameters
    ----------
    patients : DataFrame
        As for :func:`score_risks`, with ``risk_group``.
    name : str
        Representation whose risk is meant.
    horizon : float
        Days; NaN gives an empty table.

    Returns
    -------
    DataFrame, (n_groups, 6)
        Index ``risk_group``: ``n``, ``events`` (by then), ``predicted`` (mean), ``observed`` (Kaplan-Meier) with ``low``, ``high``
        (95 %, log-log).
    """
    from lifelines import KaplanMeierFitter

    in_train = (patients["part"] == "train").to_numpy()
    risk = patients[f"risk_{name}"].to_numpy(dtype=np.float64)
    risk = risk - risk[in_train].mean()
    baseline = estimate_baseline(FollowUp.of(patients[in_train]), risk[in_train])
    test = patients[~in_train].assign(predicted=predict_survival(baseline, risk[~in_train], np.array([horizon]))[:, 0])
    rows = {}
    for group, members in test.groupby("risk_group", observed=True) if np.isfinite(horizon) else ():
        fit = KaplanMeierFitter().fit(members["time_days"], members["event"])
        low, high = fit.confidence_interval_survival_function_.loc[:horizon].iloc[-1]
        counted = {"n": len(members), "events": int((members["event"] & (members["time_days"] <= horizon)).sum())}
        predicted, observed = float(members["predicted"].mean()), float(fit.predict(horizon))
        rows[group] = {**counted, "predicted": predicted, "observed": observed, "low": float(low), "high": float(high)}
    columns = ["n", "events", "predicted", "observed", "low", "high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("risk_group")
