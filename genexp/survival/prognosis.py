"""Assessment of the risk score: risk groups, calibration, null models, and the gain over clinical
covariates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from genexp.evaluation.latents import ENCODER, PartLatents
from genexp.evaluation.probe import scale_latents
from genexp.evaluation.task import EvaluationInputs, Result, Skipped, Task
from genexp.names.genes import match_key
from genexp.survival.groups import compare_groups, cut_risk
from genexp.survival.increment import (
    MIN_GENES,
    PROLIFERATION,
    measure_increments,
    read_covariates,
    score_proliferation,
)
from genexp.survival.nulls import compare_with_nulls, draw_nulls
from genexp.survival.regression import Survival, estimate_curves
from genexp.survival.scores import calibrate


@dataclass(frozen=True)
class Prognosis(Result):
    """Assessment of the risk score of the encoder's latents, on test patients unless stated
    otherwise.

    Parameters
    ----------
    c_index : float
        Harrell's C-index of the latents.
    patients : DataFrame, (n_patients, ...)
        Table of :class:`~genexp.survival.regression.Survival`, with ``risk_group`` (``low``,
        ``middle``, ``high``: cut at the tertiles of the train patients' risk).
    curves : DataFrame
        Kaplan-Meier steps by ``risk_group``, like those by cluster.
    groups : DataFrame, (2, 7)
        From :func:`~genexp.survival.groups.compare_groups`.
    calibration : DataFrame, (n_groups, 6)
        From :func:`~genexp.survival.scores.calibrate`, at ``horizon``.
    horizon : float
        Days; NaN where test patients reach no usable time. The calibration is empty then.
    increments : DataFrame, (n_models, 14)
        Models ``clinical``, ``proliferation`` and ``clinical_proliferation``, where they exist,
        from :func:`~genexp.survival.increment.measure_increments`; empty without covariates.
    nulls : DataFrame, (2 * n_nulls, 2)
        From :func:`~genexp.survival.nulls.draw_nulls`.
    places : DataFrame, (2, 4)
        From :func:`~genexp.survival.nulls.compare_with_nulls`.
    """

    c_index: float
    patients: pd.DataFrame
    curves: pd.DataFrame
    groups: pd.DataFrame
    calibration: pd.DataFrame
    horizon: float
    increments: pd.DataFrame
    nulls: pd.DataFrame
    places: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        return {
            "survival_groups": self.groups,
            "risk_group_curves": self.curves.set_index("risk_group"),
            "calibration": self.calibration,
            "survival_increments": self.increments,
            "survival_nulls": self.nulls.set_index("kind"),
        }

    @property
    def sentences(self) -> list[str]:
        """Sentences on the increments over covariates."""
        return [f"survival: {sentence}" for sentence in self.increments["sentence"]]

    @property
    def metrics(self) -> dict[str, float]:
        """Hazard ratio and permutation p of the groups, increments, and shares of nulls at least as
        good.
        """
        metrics = {
            f"survival/permutation_p_{name}": row
            for name, row in self.groups["permutation_p"].items()
        }
        metrics["survival/hazard_ratio_high_low"] = self.groups.loc["risk_group", "hazard_ratio"]
        metrics |= {
            f"survival/increment_over_{name}": row
            for name, row in self.increments["increment"].items()
        }
        metrics |= {
            f"survival/{kind.replace(' ', '_')}_as_good": row
            for kind, row in self.places["as_good"].items()
        }
        return {name: float(value) for name, value in metrics.items()}


def evaluate_prognosis(
    survival: Survival,
    rows: Mapping[str, np.ndarray],
    train: PartLatents,
    test: PartLatents,
    genes: Sequence[str],
    seed: int,
) -> Prognosis:
    """Assess the encoder's risk score: groups, calibration, increments over covariates, and null
    models.

    Parameters
    ----------
    survival : Survival
        Risks of train and test patients.
    rows : mapping of str to ndarray of float32, (n, n_genes)
        Scaled rows of ``train`` and ``test``, in the order of their latents.
    train, test : PartLatents
        Latents and annotations.
    genes : sequence of str, (n_genes,)
    seed : int
        Of folds, bootstrap, permutations and nulls.
    """
    patients = survival.patients.assign(risk_group=cut_risk(survival.patients, ENCODER))
    in_train = (patients["part"] == "train").to_numpy()
    on_test = patients[~in_train]
    obs, X, z = _collect_patients(patients, rows, (train, test))
    z = scale_latents(ENCODER, z[in_train], z)[1]
    covariates, notes = _collect_covariates(obs, X, in_train, genes)
    nulls = draw_nulls(X, in_train, patients, z.shape[1], seed)
    horizon = _choose_horizon(survival.quality)
    concordance = float(survival.scores.loc[ENCODER, "c_index"])
    return Prognosis(
        c_index=concordance,
        patients=patients,
        curves=estimate_curves(on_test, "risk_group"),
        groups=compare_groups(on_test, seed),
        calibration=calibrate(patients, ENCODER, horizon),
        horizon=horizon,
        increments=measure_increments(
            z, covariates, patients, patients[f"risk_{ENCODER}"].to_numpy(), seed
        ),
        nulls=nulls,
        places=compare_with_nulls(nulls, concordance),
        notes=tuple(notes),
    )


def _collect_patients(
    patients: pd.DataFrame, rows: Mapping[str, np.ndarray], parts: tuple[PartLatents, ...]
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Annotations, scaled expression (n_patients, n_genes) and latents (n_patients, n_latent) of
    the patients, in their order.
    """
    at = {
        part.part: part.obs.index.get_indexer(patients.index[patients["part"] == part.part])
        for part in parts
    }
    obs = pd.concat([part.obs.iloc[at[part.part]] for part in parts])
    X, z = (
        np.concatenate([values[at[name]] for name, values in table.items()])
        for table in (
            {part.part: rows[part.part] for part in parts},
            {part.part: part.z[ENCODER] for part in parts},
        )
    )
    return obs, X, z


def _collect_covariates(
    obs: pd.DataFrame, X: np.ndarray, in_train: np.ndarray, genes: Sequence[str]
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Covariates by the name of their model: clinical ones, proliferation, and both."""
    clinical, notes = read_covariates(obs, in_train)
    models = {"clinical": clinical} if clinical.shape[1] else {}
    if not models:
        notes.append(
            "Survival: no column of the annotations holds age or stage, so the latents are "
            "not compared with a clinical model."
        )
    score, n_measured = score_proliferation(X, in_train, [match_key(str(gene)) for gene in genes])
    if score is None:
        lack = (
            f"{n_measured} of its {len(PROLIFERATION)} genes are measured, {MIN_GENES} are needed"
        )
        return models, [*notes, f"Survival: not adjusted for proliferation: {lack}."]
    standard = (score - score[in_train].mean()) / score[in_train].std()
    models["proliferation"] = pd.DataFrame({"proliferation": standard}, index=obs.index)
    if clinical.shape[1]:
        models["clinical_proliferation"] = clinical.join(models["proliferation"])
    return models, notes


def _choose_horizon(quality: pd.DataFrame) -> float:
    """Median of the days at which the AUC was computed; NaN where there is none."""
    times = sorted(quality.loc[quality["quantity"] == "auc", "time_days"].unique())
    return float(times[len(times) // 2]) if times else float("nan")


class PrognosisTask(Task):
    """Assessment of the encoder's risk score: risk groups, calibration, increments over covariates,
    and null models.
    """

    name = "prognosis"
    title = "Prognosis"
    metrics: ClassVar = {
        "survival/permutation_p_*": (
            "p of a permutation test of survival between clusters, or risk groups, test patients"
        ),
        "survival/hazard_ratio_high_low": (
            "hazard ratio of patients with high compared with low predicted risk, test patients"
        ),
        "survival/increment_over_*": (
            "gain in C-index when the latents join clinical covariates, proliferation, or both"
        ),
        "survival/*_as_good": (
            "share of null models (random genes or projections) whose C-index is at least that "
            "of the latents"
        ),
    }
    tables: ClassVar = {
        "survival_groups": "differences between clusters, and between risk groups",
        "risk_group_curves": "survival curves by risk group",
        "calibration": "predicted and observed survival by risk group",
        "survival_increments": "concordance of clinical covariates, latents and both",
        "survival_nulls": "concordance of random genes and random projections",
    }

    def evaluate(self, inputs: EvaluationInputs) -> Prognosis | Skipped:
        """Assess the risk score; skipped without survival."""
        survival = inputs.results.get_result(Survival)
        if survival is None:
            return Skipped()
        X = {part: inputs.X[part] for part in ("train", "test")}
        return evaluate_prognosis(
            survival, X, inputs.train, inputs.test, inputs.encoder.genes, inputs.seed
        )
