"""Survival by latents: Cox on train patients, concordance and Kaplan-Meier on test patients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from genexp.evaluation.probe import scale_latents
from genexp.evaluation.results import ENCODER, PartLatents, Survival
from genexp.survival.cox import compare_pairs, fit_cox, fit_wide_cox, likelihood_of_risk
from genexp.survival.scores import score_risks, summarise_scores

PENALTIES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
"""Ridge penalties that are tried; the largest of equals is taken."""
FOLDS = 5
MANY_COLUMNS = 128
"""Columns beyond which a Hessian costs more than many gradients."""
MIN_EVENTS = 5
"""Deaths among train patients without which no regression is fitted."""
MIN_PAIRS = 2
"""Comparable pairs of test patients without which no concordance is reported."""
NO_MAXIMUM = 5.0
"""Standard error of a log hazard ratio per standard deviation beyond which the likelihood is monotone: nothing was estimated."""
NORMAL_QUANTILE = 1.959963984540054


def evaluate_survival(
    train: PartLatents, test: PartLatents, assignments: pd.Series, latents: Sequence[str], seed: int
) -> tuple[Survival | None, list[str]]:
    """Judge the latents by survival; with notes on what was left out.

    Parameters
    ----------
    train, test : PartLatents
        Annotations hold ``time_days``, ``event`` and ``group`` where the cohort has survival.
    assignments : Series of int
        Cluster by sample id.
    latents : sequence of str, (n_latent,)
        Names of the encoder's latents.
    seed : int
        Of the folds that choose the penalty, and of the bootstrap.
    """
    if not {"time_days", "event"} <= set(train.obs):
        return None, []
    left_out: Counter[str] = Counter()
    rows = {part.part: pick_patients(part.obs, left_out) for part in (train, test)}
    patients = pd.concat([_describe_patients(part, rows[part.part], assignments) for part in (train, test)])
    notes = [f"Survival: {count} samples of train and test left out: {reason}." for reason, count in left_out.items()]
    if reason := _find_lack(patients):
        return None, [*notes, reason]
    in_train = (patients["part"] == "train").to_numpy()
    time, event = patients["time_days"].to_numpy()[in_train], patients["event"].to_numpy()[in_train]
    chosen, joint = {}, {}
    for name in train.z:
        z, z_test = scale_latents(name, train.z[name][rows["train"]], test.z[name][rows["test"]])
        chosen[name] = choose_penalty(z, time, event, seed)
        joint[name] = fit_ridge(z, time, event, chosen[name])
        patients[f"risk_{name}"] = np.concatenate([z @ joint[name], z_test @ joint[name]])
    on_test = patients[~in_train]
    z, _ = scale_latents(ENCODER, train.z[ENCODER][rows["train"]], train.z[ENCODER][:0])
    quality = score_risks(patients, list(chosen), seed)
    return Survival(
        scores=summarise_scores(quality).assign(penalty=chosen),
        quality=quality,
        cox=fit_each(z, time, event, latents).assign(joint_hazard_ratio=np.exp(joint[ENCODER])),
        kaplan_meier=estimate_curves(on_test),
        log_rank_p=compare_curves(on_test),
        patients=patients,
        left_out=dict(left_out),
    ), notes


def pick_patients(obs: pd.DataFrame, left_out: Counter[str]) -> np.ndarray:
    """Rows (n_patients,) with known survival: one tumour sample per group, a primary one before others, the first of equals.

    ``left_out`` counts the other rows by reason.
    """
    tumour, later = _read_sample_type(obs)
    time, event = obs["time_days"].to_numpy(dtype=np.float64), obs["event"].to_numpy(dtype=np.float64)
    known = np.isfinite(time) & np.isfinite(event)
    left_out.update({"not a tumour sample": int((~tumour).sum())})
    left_out.update({"survival unknown": int((tumour & ~known).sum())})
    left_out.update({"followed for 0 days": int((tumour & known & (time <= 0)).sum())})
    usable = np.flatnonzero(tumour & known & (np.nan_to_num(time) > 0))
    usable = usable[np.argsort(later[usable], kind="stable")]
    first = ~pd.Series(obs["group"].astype(str).to_numpy()[usable]).duplicated().to_numpy()
    left_out.update({"another sample of the same patient": int((~first).sum())})
    for reason in [reason for reason, count in left_out.items() if not count]:
        del left_out[reason]
    return np.sort(usable[first])


def _read_sample_type(obs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Whether a sample is of a tumour, and whether of a metastasis or relapse; every sample where ``sample_type`` does not say."""
    kind = obs["sample_type"].astype(str).str.lower() if "sample_type" in obs else pd.Series("", index=obs.index)
    tumour = kind.str.contains("tumo|cancer|carcinoma|primary|metasta|recurr") & ~kind.str.contains("normal|adjacent|healthy")
    return tumour.to_numpy() | (not tumour.any()), kind.str.contains("metasta|recurr").to_numpy()


def _describe_patients(part: PartLatents, rows: np.ndarray, assignments: pd.Series) -> pd.DataFrame:
    obs = part.obs.iloc[rows]
    return pd.DataFrame(
        {
            "part": part.part,
            "group": obs["group"].astype(str),
            "time_days": obs["time_days"].astype(np.float64),
            "event": obs["event"].astype(bool),
            "cluster": assignments.loc[obs.index],
        }
    )


def _find_lack(patients: pd.DataFrame) -> str:
    """Why survival cannot be judged, or nothing."""
    deaths = patients.loc[patients["part"] == "train", "event"].sum()
    if deaths < MIN_EVENTS:
        return f"No survival: {deaths} deaths among train patients, {MIN_EVENTS} are needed."
    test = patients[patients["part"] == "test"]
    n_pairs = int(compare_pairs(test["time_days"].to_numpy(), test["event"].to_numpy(), np.zeros(len(test)))[0].sum())
    return f"No survival: {n_pairs} comparable pairs of test patients, {MIN_PAIRS} are needed." if n_pairs < MIN_PAIRS else ""


def choose_penalty(z: np.ndarray, time: np.ndarray, event: np.ndarray, seed: int) -> float:
    """Penalty of the largest cross-validated partial likelihood (Verweij & van Houwelingen, Statistics in Medicine 1993).

    Each of the folds, stratified by event, adds the log likelihood of all patients minus that of those it was fitted on.
    """
    order = np.random.default_rng(seed).permutation(len(z))
    fold = np.empty(len(z), dtype=int)
    fold[order[np.argsort(event[order], kind="stable")]] = np.arange(len(z)) % FOLDS
    scores = np.zeros(len(PENALTIES))
    for fit in (fold != held for held in range(FOLDS)):
        beta = np.zeros(z.shape[1])
        for i, penalty in enumerate(PENALTIES):
            beta = fit_ridge(z[fit], time[fit], event[fit], penalty, beta)
            scores[i] += likelihood_of_risk(z @ beta, time, event)[0] - likelihood_of_risk(z[fit] @ beta, time[fit], event[fit])[0]
    return PENALTIES[int(np.round(scores, 6).argmax())]


def fit_ridge(z: np.ndarray, time: np.ndarray, event: np.ndarray, penalty: float, start: np.ndarray | None = None) -> np.ndarray:
    """Coefficients (n_columns,) of a penalised Cox regression, by the way that suits the number of columns."""
    if z.shape[1] > MANY_COLUMNS:
        return fit_wide_cox(z, time, event, penalty, start)
    return fit_cox(z, time, event, penalty, start=start).coefficients


def fit_each(z: np.ndarray, time: np.ndarray, event: np.ndarray, latents: Sequence[str]) -> pd.DataFrame:
    """Hazard ratio of each standardised latent alone, with Wald interval and p.

    NaN where a latent does not vary or where the likelihood has no maximum.
    """
    from scipy.stats import false_discovery_control, norm

    found = np.full((len(latents), 2), np.nan)
    for j in np.flatnonzero(z.std(axis=0) > 0):
        fit = fit_cox(z[:, [j]], time, event)
        found[j] = fit.coefficients[0], fit.information[0, 0] ** -0.5
    found[~((found[:, 1] > 0) & (found[:, 1] < NO_MAXIMUM))] = np.nan
    coefficient, error = found.T
    p = 2 * norm.sf(np.abs(coefficient / error))
    q = np.full_like(p, np.nan)
    q[np.isfinite(p)] = false_discovery_control(p[np.isfinite(p)])
    bounds = {"low": np.exp(coefficient - NORMAL_QUANTILE * error), "high": np.exp(coefficient + NORMAL_QUANTILE * error)}
    return pd.DataFrame({"hazard_ratio": np.exp(coefficient), **bounds, "p": p, "q": q}, index=pd.Index(latents, name="latent"))


def estimate_curves(patients: pd.DataFrame, by: str = "cluster") -> pd.DataFrame:
    """Kaplan-Meier curve of each group, as :class:`~genexp.evaluation.results.Survival` describes it for clusters."""
    from lifelines import KaplanMeierFitter

    curves = []
    for group, members in patients.groupby(by, observed=True):
        fit = KaplanMeierFitter().fit(members["time_days"], members["event"])
        interval = fit.confidence_interval_survival_function_.to_numpy()
        steps = {
            by: group,
            "time_days": fit.survival_function_.index.to_numpy(),
            "survival": fit.survival_function_.iloc[:, 0].to_numpy(),
        }
        steps |= {"low": interval[:, 0], "high": interval[:, 1]}
        steps |= {"at_risk": fit.event_table["at_risk"].to_numpy(dtype=int), "events": fit.event_table["observed"].to_numpy(dtype=int)}
        curves.append(pd.DataFrame(steps))
    return pd.concat(curves, ignore_index=True)


def compare_curves(patients: pd.DataFrame, by: str = "cluster") -> float:
    """P value of the log-rank test over groups; NaN for a single one."""
    from lifelines.statistics import multivariate_logrank_test

    if patients[by].nunique() < 2:
        return float("nan")
    return float(multivariate_logrank_test(patients["time_days"], patients[by].astype(str), patients["event"]).p_value)
