"""Comparison of the encoder of the simulated cohort with the planted truths: subtypes, their genes,
hazards.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from genexp.cohort.read import read_simulated_shape
from genexp.cohort.simulators.bulk import SimulatedCohort, simulate_cohort

N_TOP = 50
"""Leading genes of a class that are looked at."""
N_SET = 60
"""Genes of a planted programme's gene set."""


def plant(cohort: str, folder: Path) -> tuple[SimulatedCohort, Path]:
    """The simulated cohort of seed 0, and a GMT file of the genes that follow each planted feature
    most.
    """
    planted = simulate_cohort(*read_simulated_shape(cohort), seed=0)
    loadings = _weigh(planted)
    lines = (
        f"{name}\tplanted\t"
        + "\t".join(loadings.index[np.argsort(-loadings[name].abs().to_numpy())[:N_SET]])
        for name in loadings
    )
    path = folder / "programmes.gmt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return planted, path


def _weigh(planted: SimulatedCohort) -> pd.DataFrame:
    """Planted loadings (n_genes, n_features), in units of each gene's noise."""
    return planted.truth["loadings"] / planted.truth["genes"]["noise_sd"].to_numpy()[:, None]


def check_genes(planted: SimulatedCohort, attribution: pd.DataFrame) -> pd.DataFrame:
    """Check whether the leading genes of each class are those that were planted for it.

    Parameters
    ----------
    attribution : DataFrame, (n_genes, n_targets)
        Signed strengths; the targets ``class SUBTYPE`` are looked at.

    Returns
    -------
    DataFrame
        By subtype: ``times``, planted effect of its leading genes over that of all genes (medians),
        and ``same_sign``, the share of leading genes that are driven in the planted direction.
    """
    activities, kind = planted.truth["activities"], planted.truth["samples"]["true_subtype"]
    centre, found = activities.groupby(kind).mean().mean(), {}
    for subtype in kind.unique():
        if (target := f"class {subtype}") in attribution:
            moved = (_weigh(planted) @ (activities[kind == subtype].mean() - centre)).reindex(
                attribution.index
            )
            top = attribution[target].abs().nlargest(N_TOP).index
            same = np.sign(moved[top]) == np.sign(attribution.loc[top, target])
            found[subtype] = {
                "times": moved[top].abs().median() / moved.abs().median(),
                "same_sign": same.mean(),
            }
    return pd.DataFrame(found).T


def check_hazards(
    planted: SimulatedCohort, latents: pd.DataFrame, parts: pd.Series
) -> pd.DataFrame:
    """Hazard ratios of the planted programmes as the latents know them, with 95 % intervals.

    Each programme's activity is read from the latents by least squares on the train samples; a Cox
    regression of all patients' primary tumours on these readings, and on age, then estimates hazard
    ratios, to stand beside the planted ones.

    Parameters
    ----------
    latents : DataFrame, (n_samples, n_latent)
        Of every sample.
    parts : Series, (n_samples,)
        ``train``, ``val`` or ``test``.

    Returns
    -------
    DataFrame
        By what was planted: ``correlation`` of reading and truth on test samples, ``planted``,
        ``estimate``, ``low``, ``high`` (hazard ratios) and ``covered``; ``best`` with ``best_low``,
        ``best_high``: the same from the planted activities themselves.
    """
    hazards = planted.truth["hazard"]["log_hazard_ratio"]
    obs = planted.obs.loc[latents.index]
    tumours, train, test = (
        obs["sample_type"] == "tumor",
        (parts == "train").to_numpy(),
        (parts == "test").to_numpy(),
    )
    Z = np.column_stack([latents, np.ones(len(latents))])
    activities = planted.truth["activities"].loc[latents.index, hazards.index.drop("age")]
    read = pd.DataFrame(
        Z @ np.linalg.lstsq(Z[train], activities[train], rcond=None)[0],
        latents.index,
        activities.columns,
    )
    found = pd.DataFrame(
        {"correlation": read[test].corrwith(activities[test]), "planted": np.exp(hazards)}
    ).reindex(hazards.index)
    found[["estimate", "low", "high"]] = _estimate(read[tumours], obs[tumours])
    found[["best", "best_low", "best_high"]] = _estimate(activities[tumours], obs[tumours])
    return found.assign(covered=found["planted"].between(found["low"], found["high"]))


def _estimate(activities: pd.DataFrame, obs: pd.DataFrame) -> pd.DataFrame:
    """Hazard ratios and their 95 % intervals (n_covariates, 3), by a Cox regression on activities
    and age.
    """
    from lifelines import CoxPHFitter

    fitted = CoxPHFitter().fit(
        activities.join(obs[["age", "OS_days", "OS_event"]]).astype(float), "OS_days", "OS_event"
    )
    log_ratios = fitted.confidence_intervals_.set_axis(["low", "high"], axis=1).assign(
        estimate=fitted.params_
    )
    return np.exp(log_ratios[["estimate", "low", "high"]])
