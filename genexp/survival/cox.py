"""Cox regression with a ridge penalty, and Harrell's concordance.

lifelines gives the same to 1e-6, as the tests check, but is too slow to choose a penalty by
cross-validation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cox:
    """Fitted regression: ``coefficients`` (n_columns,) and ``information`` (n_columns, n_columns),
    the negative Hessian at them.
    """

    coefficients: np.ndarray
    information: np.ndarray

    def risk(self, X: np.ndarray) -> np.ndarray:
        """Log relative hazard (n,) of rows (n, n_columns): higher = worse."""
        return X @ self.coefficients


def fit_cox(
    X: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    penalty: float = 0.0,
    n_steps: int = 30,
    start: np.ndarray | None = None,
) -> Cox:
    """Maximise log partial likelihood - n * penalty * |b|^2 / 2 by Newton's method with step
    halving.

    Parameters
    ----------
    X : ndarray of float64, (n, n_columns)
        Standardised covariates.
    time : ndarray of float64, (n,)
        Follow-up.
    event : ndarray of bool, (n,)
        True where the event was observed.
    penalty : float
        As lifelines' ``penalizer`` with ``l1_ratio=0`` on standardised columns.
    n_steps : int
        Newton steps at most.
    start : ndarray of float64, (n_columns,), optional
        Coefficients to start from; 0 if not given.
    """
    ridge = len(X) * penalty
    coefficients = np.zeros(X.shape[1]) if start is None else start
    value, gradient, information = partial_likelihood(X, time, event, coefficients)
    for _ in range(n_steps):
        try:
            step = np.linalg.solve(
                information + ridge * np.eye(len(coefficients)), gradient - ridge * coefficients
            )
        except np.linalg.LinAlgError:
            # the patients at risk are alike at every event: the likelihood is flat, and no step
            # improves it
            break
        while np.abs(step).max() > 1e-10:
            moved = coefficients + step
            # a step that is too long underflows: its likelihood is not finite, so it is halved
            with np.errstate(all="ignore"):
                ahead = partial_likelihood(X, time, event, moved)
            if (
                ahead[0] - ridge * moved @ moved / 2
                >= value - ridge * coefficients @ coefficients / 2
            ):
                break
            step /= 2
        else:
            break
        coefficients, (value, gradient, information) = moved, ahead
    return Cox(coefficients, information + ridge * np.eye(len(coefficients)))


def fit_wide_cox(
    X: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    penalty: float,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Coefficients (n_columns,) of :func:`fit_cox` with a positive penalty, by L-BFGS, for hundreds
    of columns, whose Hessian is costly.
    """
    from scipy.optimize import minimize

    n, ridge = len(X), len(X) * penalty

    def loss(coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = likelihood_of_risk(X @ coefficients, time, event)
        return (ridge * coefficients @ coefficients / 2 - value) / n, (
            ridge * coefficients - X.T @ slope
        ) / n

    begin = np.zeros(X.shape[1]) if start is None else start
    return minimize(
        loss,
        begin,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-6},
    ).x


def likelihood_of_risk(
    eta: np.ndarray, time: np.ndarray, event: np.ndarray
) -> tuple[float, np.ndarray]:
    """Log partial likelihood of log relative hazards ``eta`` (n,) and its gradient (n,), as in
    :func:`partial_likelihood`.
    """
    eta = eta - eta.max()  # the likelihood does not change, and exp cannot overflow
    weight = np.exp(eta)
    group, dead, at, excluded = _order_deaths(time, event)
    n_groups = group.max() + 1
    S0 = (
        np.bincount(group, weight, n_groups)[::-1].cumsum()[::-1][at]
        - excluded * np.bincount(group, weight * event, n_groups)[at]
    )
    value = float(eta[dead].sum() - np.log(S0).sum())
    return value, event - weight * _sum_hazard(S0, group, event, at, excluded)


def _order_deaths(
    time: np.ndarray, event: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Order deaths by time.

    Returns
    -------
    group : ndarray of int, (n,)
        Index of each time among the distinct times.
    dead, at : ndarray of int, (n_deaths,)
        Rows of the deaths in order of time, and the indices of their times.
    excluded : ndarray of float64, (n_deaths,)
        Share of that time's deaths that Efron's method excludes from each risk set.
    """
    group = np.unique(time, return_inverse=True)[1]
    dead = np.flatnonzero(event)
    dead = dead[np.argsort(group[dead], kind="stable")]
    at = group[dead]
    n_deaths = np.bincount(at, minlength=group.max() + 1)
    return (
        group,
        dead,
        at,
        (np.arange(len(dead)) - (np.cumsum(n_deaths) - n_deaths)[at]) / n_deaths[at],
    )


def _sum_hazard(
    S0: np.ndarray, group: np.ndarray, event: np.ndarray, at: np.ndarray, excluded: np.ndarray
) -> np.ndarray:
    """Cumulative baseline hazard (n,) up to the time of each row, from the sums ``S0`` over the
    risk sets of the deaths.
    """
    hazard = np.bincount(at, 1 / S0, minlength=group.max() + 1).cumsum()[group]
    return hazard - event * np.bincount(at, excluded / S0, minlength=group.max() + 1)[group]


def partial_likelihood(
    X: np.ndarray, time: np.ndarray, event: np.ndarray, coefficients: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log partial likelihood, its gradient (k,) and negative Hessian (k, k), with Efron's method
    for tied deaths (JASA 1977).

    The risk set of the l-th of m deaths at a time excludes l/m of that time's deaths. Each death
    contributes ``log(exp(eta) / S0)`` where S0, S1 are the sums of exp(eta) and exp(eta) x over its
    risk set.
    """
    eta = X @ coefficients
    eta -= eta.max()  # the likelihood does not change, and exp cannot overflow
    weight = np.exp(eta)
    group, dead, at, excluded = _order_deaths(time, event)
    weighted = np.column_stack([weight, weight[:, None] * X])
    sums = _sum_by_group(weighted, group)[::-1].cumsum(axis=0)[::-1][at]
    sums -= excluded[:, None] * _sum_by_group(weighted * np.asarray(event)[:, None], group)[at]
    S0, mean = sums[:, 0], sums[:, 1:] / sums[:, :1]
    hazard = _sum_hazard(S0, group, event, at, excluded)
    information = X.T @ (X * (weight * hazard)[:, None]) - mean.T @ mean
    return (
        float(eta[dead].sum() - np.log(S0).sum()),
        X[dead].sum(axis=0) - mean.sum(axis=0),
        information,
    )


def _sum_by_group(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Sums (n_groups, k) of rows (n, k) over groups 0, 1, ...; no group is empty."""
    order = np.argsort(group, kind="stable")
    return np.add.reduceat(values[order], np.flatnonzero(np.diff(group[order], prepend=-1)), axis=0)


def compare_pairs(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Comparable pairs (i, j), where i died before j was last followed, and the agreement of their
    risks.

    Returns
    -------
    comparable : ndarray of float64, (n, n)
        1 or 0. A death comes before a censoring at equal times; two deaths at equal times are not
        comparable.
    concordant : ndarray of float64, (n, n)
        For comparable pairs 1 where i has the higher risk (higher = worse), 1/2 where the risks are
        equal.
    """
    earlier = (time[:, None] < time) | ((time[:, None] == time) & ~event)
    comparable = (event[:, None] & earlier).astype(np.float64)
    return comparable, comparable * (1 + np.sign(risk[:, None] - risk)) / 2


def c_index(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Harrell's concordance (JAMA 1982) of risk scores, higher = worse; NaN where no pair is
    comparable.

    Parameters
    ----------
    time, event, risk : ndarray, (n,)
        Follow-up, event observed (bool), risk score.
    weights : ndarray of float64, (n_draws, n), optional
        Number of times that each patient counts in each draw; each counts once if not given.

    Returns
    -------
    ndarray of float64, (n_draws,)
    """
    weights = np.ones((1, len(time))) if weights is None else weights
    comparable, concordant = compare_pairs(time, event, risk)
    n_comparable = ((weights @ comparable) * weights).sum(axis=1)
    n_concordant = ((weights @ concordant) * weights).sum(axis=1)
    return np.divide(
        n_concordant, n_comparable, out=np.full(len(weights), np.nan), where=n_comparable > 0
    )
