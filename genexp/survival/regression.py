"""Cox regression on latents of train patients, concordance and Kaplan-Meier curves of test
patients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from genexp.evaluation.clusters.kmeans import Clustering
from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.probe import scale_latents
from genexp.evaluation.reconstruction import SAME
from genexp.evaluation.task import (
    EvaluationInputs,
    Result,
    SampleScores,
    Skipped,
    Task,
    name_scores,
)
from genexp.survival.cox import c_index, compare_pairs, fit_cox, fit_wide_cox, likelihood_of_risk
from genexp.survival.scores import score_risks, summarise_scores

PENALTIES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
"""Ridge penalties to choose from; the largest wins a tie."""
FOLDS = 5
MANY_COLUMNS = 128
"""Number of columns from which a Hessian costs more than many gradients."""
MIN_EVENTS = 5
"""Fewest deaths among train patients for a regression."""
MIN_PAIRS = 2
"""Fewest comparable pairs of test patients for a concordance."""
NO_MAXIMUM = 5.0
"""Standard error of a log hazard ratio per standard deviation above which the likelihood is
monotone: it has no maximum."""
NORMAL_QUANTILE = 1.959963984540054


@dataclass(frozen=True)
class SurvivalScores(SampleScores):
    """Harrell's C-index of the risks (``risk_encoder`` ...) of test patients, given ``time_days``
    and ``event``.
    """

    table = "survival_patients"
    unit = "test patients"
    quantity = "C-index"
    metric = "survival/c_index"

    @property
    def representations(self) -> list[str]:
        """Representations from which the risk was predicted."""
        return [
            str(name).removeprefix("risk_")
            for name in self.samples
            if str(name).startswith("risk_") and name != "risk_group"
        ]

    @property
    def n_events(self) -> int:
        """Number of events among the patients."""
        return int(self.samples["event"].sum())

    def score(self, representation: str, weights: np.ndarray) -> np.ndarray:
        """C-index (n_draws,)."""
        time, event = (
            self.samples["time_days"].to_numpy(),
            self.samples["event"].to_numpy(dtype=bool),
        )
        return c_index(time, event, self.samples[f"risk_{representation}"].to_numpy(), weights)

    def matches(self, other: SurvivalScores) -> bool:
        """Check that times and events are the same."""
        same_time = np.allclose(self.samples["time_days"], other.samples["time_days"], rtol=SAME)
        return bool(same_time and (self.samples["event"] == other.samples["event"]).all())

    @classmethod
    def read(cls, logged: pd.DataFrame) -> SurvivalScores:
        """Scores of the test patients in a table of the train and test patients."""
        return cls(logged[logged["part"] == "test"])


@dataclass(frozen=True)
class Survival(Result):
    """Cox regression on latents, trained on train patients and scored on test patients;
    Kaplan-Meier by cluster.

    Parameters
    ----------
    scores : DataFrame, (n_representations, 5)
        On test patients ``c_index`` (Harrell's), ``ipcw_c_index`` (Uno's), ``integrated_brier`` and
        ``auc`` (mean over its times); and ``penalty`` (ridge, chosen by cross-validation on train
        patients).
    quality : DataFrame
        The same scores with intervals and times, from :func:`genexp.survival.scores.score_risks`.
    cox : DataFrame, (n_latent, 6)
        Index ``latent`` (``latent_00`` ...): ``hazard_ratio``, ``low``, ``high`` (95 %), ``p``: of
        one train standard deviation of this latent alone, unpenalised, train patients; ``q``:
        Benjamini-Hochberg; ``joint_hazard_ratio``: by the penalised regression on all.
    kaplan_meier : DataFrame, (n_steps, 7)
        Test patients, steps of each cluster's curve in order of time, the first at day 0:
        ``cluster`` (int), ``time_days``, ``survival``, ``low``, ``high`` (95 %), ``at_risk`` (just
        before this time), ``events`` (at this time).
    log_rank_p : float
        Log-rank test over the clusters, test patients; NaN if all are in one cluster.
    patients : DataFrame, (n_train + n_test patients, 5 + n_representations)
        Sample table of the samples that were used, one per patient: ``part``, ``group``,
        ``time_days``, ``event`` (bool), ``cluster`` (int), and by representation ``risk_encoder``,
        ``risk_pca`` (log relative hazard, higher = worse).
    excluded : mapping of str to int
        Number of excluded train and test samples by reason.
    """

    scores: pd.DataFrame
    quality: pd.DataFrame
    cox: pd.DataFrame
    kaplan_meier: pd.DataFrame
    log_rank_p: float
    patients: pd.DataFrame
    excluded: Mapping[str, int]

    @property
    def metrics(self) -> dict[str, float]:
        """``survival/c_index`` ..., and those of the baselines; ``survival/log_rank_p``."""
        return name_scores("survival", self.scores.drop(columns="penalty")) | {
            "survival/log_rank_p": self.log_rank_p
        }

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        tables = {
            "survival_scores": self.scores,
            "cox": self.cox,
            "survival_quality": self.quality.set_index("representation"),
        }
        return tables | {
            "kaplan_meier": self.kaplan_meier.set_index("cluster"),
            "survival_patients": self.patients,
        }

    @property
    def scores_by_sample(self) -> SurvivalScores:
        """Harrell's C-index."""
        return SurvivalScores.read(self.patients)


def evaluate_survival(
    train: PartLatents, test: PartLatents, assignments: pd.Series, latents: Sequence[str], seed: int
) -> Survival | Skipped:
    """Fit Cox regressions to the latents of train patients, and score the risks of test patients.

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
        return Skipped()
    excluded: Counter[str] = Counter()
    rows = {part.part: pick_patients(part.obs, excluded) for part in (train, test)}
    patients = pd.concat(
        [_describe_patients(part, rows[part.part], assignments) for part in (train, test)]
    )
    notes = [
        f"Survival: {count} train and test samples were excluded: {reason}."
        for reason, count in excluded.items()
    ]
    if reason := _find_lack(patients):
        return Skipped((*notes, reason))
    in_train = (patients["part"] == "train").to_numpy()
    time, event = patients["time_days"].to_numpy()[in_train], patients["event"].to_numpy()[in_train]
    penalties, joint = {}, {}
    for name in train.z:
        z, z_test = scale_latents(name, train.z[name][rows["train"]], test.z[name][rows["test"]])
        penalties[name] = choose_cox_penalty(z, time, event, seed)
        joint[name] = fit_ridge(z, time, event, penalties[name])
        patients[f"risk_{name}"] = np.concatenate([z @ joint[name], z_test @ joint[name]])
    on_test = patients[~in_train]
    z, _ = scale_latents(ENCODER, train.z[ENCODER][rows["train"]], train.z[ENCODER][:0])
    quality = score_risks(patients, list(penalties), seed)
    return Survival(
        scores=summarise_scores(quality).assign(penalty=penalties),
        quality=quality,
        cox=fit_each(z, time, event, latents).assign(joint_hazard_ratio=np.exp(joint[ENCODER])),
        kaplan_meier=estimate_curves(on_test),
        log_rank_p=compare_curves(on_test),
        patients=patients,
        excluded=dict(excluded),
        notes=tuple(notes),
    )


def rescore_survival(
    survival: Survival, train: PartLatents, test: PartLatents, latents: Sequence[str], seed: int
) -> Survival:
    """Score other latents of the same patients: ``risk_encoder``, its concordance, and the joint
    hazard ratios.
    """
    z, patients = [], survival.patients
    for part in (train, test):
        ids = patients.index[patients["part"] == part.part]
        z.append(part.z[ENCODER][part.obs.index.get_indexer(ids)])
    scaled, scaled_test = scale_latents(ENCODER, *z)
    time, event = patients["time_days"].to_numpy(), patients["event"].to_numpy()
    n = len(scaled)
    penalty = choose_cox_penalty(scaled, time[:n], event[:n], seed)
    joint = fit_ridge(scaled, time[:n], event[:n], penalty)
    score = float(c_index(time[n:], event[n:], scaled_test @ joint)[0])
    return replace(
        survival,
        scores=pd.DataFrame(
            {"c_index": score, "penalty": penalty}, index=pd.Index([ENCODER], name="representation")
        ),
        cox=pd.DataFrame(
            {"joint_hazard_ratio": np.exp(joint)}, index=pd.Index(latents, name="latent")
        ),
        patients=patients.assign(risk_encoder=np.concatenate([scaled, scaled_test]) @ joint),
    )


def pick_patients(obs: pd.DataFrame, excluded: Counter[str]) -> np.ndarray:
    """Rows (n_patients,) with known survival: one tumour sample per group, the first of its primary
    tumours if there are any.

    ``excluded`` counts the excluded rows by reason.
    """
    tumour, recurrent = _read_sample_type(obs)
    time, event = (
        obs["time_days"].to_numpy(dtype=np.float64),
        obs["event"].to_numpy(dtype=np.float64),
    )
    followed = np.isfinite(time) & np.isfinite(event)
    excluded.update({"not a tumour sample": int((~tumour).sum())})
    excluded.update({"survival unknown": int((tumour & ~followed).sum())})
    excluded.update({"followed for 0 days": int((tumour & followed & (time <= 0)).sum())})
    usable = np.flatnonzero(tumour & followed & (np.nan_to_num(time) > 0))
    usable = usable[np.argsort(recurrent[usable], kind="stable")]
    first = ~pd.Series(obs["group"].astype(str).to_numpy()[usable]).duplicated().to_numpy()
    excluded.update({"another sample of the same patient": int((~first).sum())})
    for reason in [reason for reason, count in excluded.items() if not count]:
        del excluded[reason]
    return np.sort(usable[first])


def _read_sample_type(obs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Masks (n,) of tumour samples, and of metastases or relapses. All are tumour samples where
    ``sample_type`` names none.
    """
    kind = (
        obs["sample_type"].astype(str).str.lower()
        if "sample_type" in obs
        else pd.Series("", index=obs.index)
    )
    tumour = kind.str.contains("tumo|cancer|carcinoma|primary|metasta|recurr") & ~kind.str.contains(
        "normal|adjacent|healthy"
    )
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
    """Reason why survival cannot be evaluated; empty where it can."""
    deaths = patients.loc[patients["part"] == "train", "event"].sum()
    if deaths < MIN_EVENTS:
        return f"No survival: {deaths} deaths among train patients, {MIN_EVENTS} are needed."
    test = patients[patients["part"] == "test"]
    n_pairs = int(
        compare_pairs(test["time_days"].to_numpy(), test["event"].to_numpy(), np.zeros(len(test)))[
            0
        ].sum()
    )
    return (
        f"No survival: {n_pairs} comparable pairs of test patients, {MIN_PAIRS} are needed."
        if n_pairs < MIN_PAIRS
        else ""
    )


def choose_cox_penalty(z: np.ndarray, time: np.ndarray, event: np.ndarray, seed: int) -> float:
    """Penalty of the largest cross-validated partial likelihood (Verweij & van Houwelingen,
    Statistics in Medicine 1993).

    Each fold, stratified by event, adds the log likelihood of all patients minus that of the
    patients it was fitted on. Each fit starts at the coefficients of the penalty before, which
    saves steps.
    """
    order = np.random.default_rng(seed).permutation(len(z))
    fold = np.empty(len(z), dtype=int)
    fold[order[np.argsort(event[order], kind="stable")]] = np.arange(len(z)) % FOLDS
    scores = np.zeros(len(PENALTIES))
    for fit in (fold != held for held in range(FOLDS)):
        beta = np.zeros(z.shape[1])
        for i, penalty in enumerate(PENALTIES):
            beta = fit_ridge(z[fit], time[fit], event[fit], penalty, beta)
            scores[i] += (
                likelihood_of_risk(z @ beta, time, event)[0]
                - likelihood_of_risk(z[fit] @ beta, time[fit], event[fit])[0]
            )
    # rounded, so that the last bits of a sum cannot choose
    return PENALTIES[int(np.round(scores, 6).argmax())]


def fit_ridge(
    z: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    penalty: float,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Coefficients (n_columns,) of a penalised Cox regression, by the solver that suits the number
    of columns.
    """
    if z.shape[1] > MANY_COLUMNS:
        return fit_wide_cox(z, time, event, penalty, start)
    return fit_cox(z, time, event, penalty, start=start).coefficients


def fit_each(
    z: np.ndarray, time: np.ndarray, event: np.ndarray, latents: Sequence[str]
) -> pd.DataFrame:
    """Hazard ratio of each standardised latent alone, with Wald interval and p.

    NaN where a latent does not vary or where the likelihood has no maximum.
    """
    from scipy.stats import false_discovery_control, norm

    estimates = np.full((len(latents), 2), np.nan)
    for j in np.flatnonzero(z.std(axis=0) > 0):
        fit = fit_cox(z[:, [j]], time, event)
        # a flat likelihood has no information, so an infinite standard error: not estimated
        with np.errstate(divide="ignore"):
            estimates[j] = fit.coefficients[0], fit.information[0, 0] ** -0.5
    estimates[~((estimates[:, 1] > 0) & (estimates[:, 1] < NO_MAXIMUM))] = np.nan
    coefficient, error = estimates.T
    p = 2 * norm.sf(np.abs(coefficient / error))
    q = np.full_like(p, np.nan)
    q[np.isfinite(p)] = false_discovery_control(p[np.isfinite(p)])
    bounds = {
        "low": np.exp(coefficient - NORMAL_QUANTILE * error),
        "high": np.exp(coefficient + NORMAL_QUANTILE * error),
    }
    return pd.DataFrame(
        {"hazard_ratio": np.exp(coefficient), **bounds, "p": p, "q": q},
        index=pd.Index(latents, name="latent"),
    )


def estimate_curves(patients: pd.DataFrame, by: str = "cluster") -> pd.DataFrame:
    """Kaplan-Meier curve of each group, in the columns of :attr:`Survival.kaplan_meier`."""
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
        steps |= {
            "at_risk": fit.event_table["at_risk"].to_numpy(dtype=int),
            "events": fit.event_table["observed"].to_numpy(dtype=int),
        }
        curves.append(pd.DataFrame(steps))
    return pd.concat(curves, ignore_index=True)


def compare_curves(patients: pd.DataFrame, by: str = "cluster") -> float:
    """P value of the log-rank test over groups; NaN for a single group."""
    from lifelines.statistics import multivariate_logrank_test

    if patients[by].nunique() < 2:
        return float("nan")
    return float(
        multivariate_logrank_test(
            patients["time_days"], patients[by].astype(str), patients["event"]
        ).p_value
    )


class SurvivalTask(Task):
    """Cox regression on the latents of every representation."""

    name = "survival"
    title = "Survival"
    scores = SurvivalScores
    metrics: ClassVar = {
        "survival/c_index": (
            "Harrell's C-index of a ridge Cox regression on the latents, test patients; 0.5 is "
            "chance, 1 best"
        ),
        "survival/ipcw_c_index": (
            "Uno's C-index, weighted by the train patients' censoring; 0.5 is chance, 1 best"
        ),
        "survival/integrated_brier": "Graf's Brier score integrated over time; lower is better",
        "survival/auc": "cumulative/dynamic AUC, mean over its times; 0.5 is chance, 1 best",
        "survival/log_rank_p": (
            "p of the log-rank test over the clusters of the latents, test patients"
        ),
    }
    tables: ClassVar = {
        "survival_scores": "scores of the Cox regression",
        "cox": "hazard ratio of every latent",
        "survival_quality": "scores of the risk by representation, with intervals and times",
        "kaplan_meier": "survival curves by cluster",
        "survival_patients": "patients of the survival analysis, with their risks",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Survival | Skipped:
        """Fit on train patients, score test patients."""
        assignments = inputs.results.require(Clustering).assignments
        return evaluate_survival(
            inputs.train, inputs.test, assignments, inputs.encoder.latents, inputs.seed
        )

    def rescore(self, inputs: EvaluationInputs, first: Result) -> Survival:
        """Score other latents of the same patients."""
        assert isinstance(first, Survival)
        return rescore_survival(
            first, inputs.train, inputs.test, inputs.encoder.latents, inputs.seed
        )
