"""BioBombe's comparison on test samples in the units of the train samples, and what the published
network's units stand for.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from experiments.nodes import check_gene_sets
from experiments.pan_cancer_denoising.figures import plot_features, plot_genes, plot_sizes
from experiments.pan_cancer_denoising.jobs import compare
from experiments.pan_cancer_denoising.plan import (
    N_PARAMETERS,
    N_UNITS,
    OURS_NAME,
    PUBLISHED_NAME,
    RECIPE,
    SHAPE,
    Cohort,
    list_cohorts,
    recognise,
)
from experiments.pan_cancer_denoising.readme import (
    list_enriched,
    list_scores,
    list_times,
    list_units,
)
from experiments.run import ExperimentRun, Tables
from genexp.errors import TrainingError


def run(experiment: ExperimentRun) -> None:
    """Score every method and size on every cohort, then look into the published network."""
    cohorts = list_cohorts(experiment.given, experiment.small, experiment.cache)
    jobs = {
        name: job
        for cohort, plan in cohorts.items()
        for name, job in list_jobs(experiment, cohort, plan).items()
    }
    found = experiment.run_jobs(compare, jobs)
    scores = collect(jobs, found, "scores").astype({"epochs": "Int64", "parameters": "Int64"})
    check_parameters(scores)
    experiment.keep_table("scores", scores)
    experiment.keep_figure("sizes", plot_sizes(scores))
    enriched = collect(jobs, found, "enriched")
    lines = {
        "results": list_scores(scores),
        "times": list_times(scores),
        "units": [],
        "enriched": list_enriched(enriched, scores),
    }
    for name, tables in found.items():
        if "units" in tables:
            cohort = jobs[name]["cohort"]
            experiment.keep_figure(
                f"{cohort}_features".replace(" ", "_"),
                plot_features(cohort, tables["features"], tables["units"]),
            )
            experiment.keep_figure(
                f"{cohort}_genes".replace(" ", "_"),
                plot_genes(cohort, tables["genes"], PUBLISHED_NAME, OURS_NAME),
            )
            experiment.keep_table(f"{cohort}_units".replace(" ", "_"), tables["units"])
            lines["units"] += list_units(cohort, tables["units"], tables["genes"], PUBLISHED_NAME)
    experiment.keep_lines(lines)
    for cohort, rows in scores.groupby("cohort", sort=False):
        best = (
            rows.groupby(["k", "representation"], sort=False)["mse"]
            .mean()
            .round(9)
            .groupby("k")
            .idxmin()
        )
        experiment.say(
            f"{cohort}: lowest error " + ", ".join(f"{one[1]} at {one[0]}" for one in best)
        )


def list_jobs(experiment: ExperimentRun, cohort: str, plan: Cohort) -> dict[str, dict[str, Any]]:
    """Jobs of a cohort by name: splits by numbers of latents; the largest up to 100 on the first
    split is looked into.
    """
    jobs: dict[str, dict[str, Any]] = {}
    encoders = {name: experiment.encoder_values(**values) for name, values in plan.encoders.items()}
    for seed in range(plan.seeds):
        data = experiment.preprocess(**RECIPE, **plan.values, seed=seed)
        if seed == 0:
            check_gene_sets([plan.gene_sets], data.var.index)
        if cohort == "given" and seed == 0:
            known = recognise(data.split.index, len(data.var) + len(data.read_table("lost_genes")))
            experiment.say(
                f"{data.name}: "
                + (
                    "recognised as the published matrix"
                    if known
                    else f"not the published {SHAPE[0]} x {SHAPE[1]}"
                )
            )
        facts = {
            "cohort": cohort,
            "seed": seed,
            "folder": str(data.folder),
            "cache": str(experiment.cache),
            "linear": list(plan.linear),
        }
        facts |= {"encoders": encoders, "gene_sets": plan.gene_sets, "published": PUBLISHED_NAME}
        sizes = [k for k in plan.sizes if k < min(data.matrix("train").shape)]
        for k in sizes:
            examined = seed == 0 and k == max(one for one in sizes if one <= N_UNITS)
            jobs[f"{cohort}, {k} latents, split {seed}"] = facts | {"k": k, "examined": examined}
    return jobs


def collect(jobs: dict[str, dict[str, Any]], found: dict[str, Tables], table: str) -> pd.DataFrame:
    """A table of all jobs that have it, one below the other."""
    parts = []
    for name, tables in found.items():
        if table in tables:
            own = tables[table].reset_index() if tables[table].index.name else tables[table]
            parts.append(
                own.assign(**{key: jobs[name][key] for key in ("cohort", "k", "seed", "examined")})
            )
    return pd.concat(parts, ignore_index=True)


def check_parameters(scores: pd.DataFrame) -> None:
    """Hold the published network, where genes and units are as many as it had, to its number of
    parameters.

    Raises
    ------
    TrainingError
        It has others.
    """
    own = scores[
        (scores["representation"] == PUBLISHED_NAME)
        & (scores["k"] == N_UNITS)
        & (scores["n_genes"] == SHAPE[1])
    ]
    if (own["parameters"] != N_PARAMETERS).any():
        raise TrainingError(
            f"the network on {SHAPE[1]} genes was expected to have {N_PARAMETERS} "
            f"parameters, found {own['parameters'].max()}"
        )
