"""Tumour or normal: every model on five splits, the genes behind it, other cancers, and a few
patients of another cancer.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from experiments.keeping import list_means
from experiments.run import ExperimentRun, Tables
from experiments.tumor_normal.compare import compare_models
from experiments.tumor_normal.figures import (
    plot_confusion,
    plot_genes,
    plot_left_out,
    plot_transfer,
)
from experiments.tumor_normal.genes import compare_genes, find_known, list_leaders, pick_leaders
from experiments.tumor_normal.other_types import leave_out, tune_to
from experiments.tumor_normal.plan import (
    AUTOENCODER,
    CLASSIFIER,
    NETWORKS,
    TRANSFER,
    Plan,
    choose_plan,
)

COLUMNS = {
    "accuracy": "accuracy",
    "macro_precision": "precision",
    "balanced_accuracy": "recall",
    "macro_f1": "F1",
    "log_loss": "cross-entropy",
    "type_macro_f1": "F1 of the cancer",
    "seconds": "CPU seconds",
}


def run(experiment: ExperimentRun) -> None:
    """Compare models, ask for their genes, then go to cancers that they have not seen."""
    plan = choose_plan(experiment.small)
    found = experiment.run_jobs(compare_models, list_splits(experiment, plan))
    show_models(experiment, found)
    show_genes(experiment, found)
    jobs = list_others(experiment, plan, plan.left_out, CLASSIFIER, [0])
    show_left_out(experiment, gather(jobs, experiment.run_jobs(leave_out, jobs)))
    jobs = list_others(experiment, plan, plan.transfer, TRANSFER, list(range(plan.n_repeats)))
    show_transfer(experiment, gather(jobs, experiment.run_jobs(tune_to, jobs)))


def list_splits(experiment: ExperimentRun, plan: Plan) -> dict[str, dict[str, Any]]:
    """A job for each split."""
    networks = {
        name: experiment.encoder_values(
            **CLASSIFIER,
            **{key: value.replace("TYPE", plan.type_column) for key, value in own.items()},
        )
        for name, own in NETWORKS.items()
    }
    shared = {
        "cache": str(experiment.cache),
        "networks": networks,
        "autoencoder": experiment.encoder_values(**AUTOENCODER),
    }
    shared |= {"type_column": plan.type_column}
    return {
        f"split {seed}": {
            "folder": str(experiment.preprocess(**plan.cohort, seed=seed).folder),
            "seed": seed,
            **shared,
        }
        for seed in range(plan.n_seeds)
    }


def list_others(
    experiment: ExperimentRun,
    plan: Plan,
    types: tuple[str, ...],
    network: dict[str, str],
    seeds: list[int],
) -> dict[str, dict[str, Any]]:
    """A job for each type that is left out and each seed; the cohort without it is preprocessed
    here.
    """
    jobs = {}
    for name in types:
        also = f"({plan.cohort['where']}) and " if "where" in plan.cohort else ""
        for seed in seeds:
            data = experiment.preprocess(
                **{**plan.cohort, "where": f"{also}{plan.type_column} != '{name}'"}, seed=seed
            )
            jobs[f"{name}, seed {seed}"] = {
                "type": name,
                "where": f"{also}{plan.type_column} == '{name}'",
                "folder": str(data.folder),
                "cohort": dict(plan.cohort),
                "network": experiment.encoder_values(**network),
                "n_patients": list(plan.n_patients),
                "cache": str(experiment.cache),
                "seed": seed,
            }
    return jobs


def gather(jobs: dict[str, dict[str, Any]], found: dict[str, Tables]) -> pd.DataFrame:
    """Scores of all jobs, one below the other, with the type and the seed."""
    tables = []
    for name, tables_of in found.items():
        scores = tables_of["scores"]
        scores = scores if "model" in scores else scores.rename_axis("model").reset_index()
        tables.append(scores.assign(type=jobs[name]["type"], seed=jobs[name]["seed"]))
    return pd.concat(tables, ignore_index=True)


def show_models(experiment: ExperimentRun, found: dict[str, Tables]) -> None:
    """Keep scores and confusion of every model."""
    scores = pd.concat(
        {name: tables["scores"] for name, tables in found.items()}, names=["split"]
    ).reset_index()
    confusion = pd.concat([tables["confusion"] for tables in found.values()])
    experiment.keep_table("scores", scores)
    experiment.keep_figure("confusion", plot_confusion(confusion))
    lines = list_means(scores, "model", COLUMNS)
    r2 = scores[["r2", "r2_pca"]].dropna().agg(["mean", "std"])
    said = ", ".join(
        f"{title} {r2.loc['mean', key]:.3f} ({r2.loc['std', key]:.3f})"
        for key, title in (("r2", "autoencoder"), ("r2_pca", "PCA"))
    )
    experiment.keep_lines({"results": [*lines, "", f"R2 of rebuilt test samples: {said}."]})
    experiment.say(
        "macro F1 "
        + ", ".join(
            f"{name} {value:.3f}"
            for name, value in scores.groupby("model", sort=False)["macro_f1"].mean().items()
        )
    )


def show_genes(experiment: ExperimentRun, found: dict[str, Tables]) -> None:
    """Keep the genes of every method, and how far methods and splits agree."""
    genes = pd.concat({name: tables["genes"] for name, tables in found.items()}, names=["split"])
    checks = pd.concat({name: tables["checks"] for name, tables in found.items()}, names=["split"])
    experiment.keep_table("genes", pick_leaders(genes))
    experiment.keep_figure("genes", plot_genes(genes))
    experiment.keep_lines(
        {"genes": [*compare_genes(genes, checks), "", *list_leaders(genes), "", *find_known(genes)]}
    )


def show_left_out(experiment: ExperimentRun, scores: pd.DataFrame) -> None:
    """Keep what models of the other types give on the one that was left out."""
    experiment.keep_table("left_out", scores)
    experiment.keep_figure("left_out", plot_left_out(scores))
    columns = {
        "accuracy": "accuracy",
        "balanced_accuracy": "recall",
        "macro_f1": "F1",
        "log_loss": "cross-entropy",
    }
    experiment.keep_lines({"left out": list_means(scores, "model", columns)})
    experiment.say(
        "left out, macro F1 "
        + ", ".join(
            f"{name} {x:.3f}"
            for name, x in scores.groupby("model", sort=False)["macro_f1"].mean().items()
        )
    )


def show_transfer(experiment: ExperimentRun, scores: pd.DataFrame) -> None:
    """Keep the learning curves over the number of known patients."""
    experiment.keep_table("transfer", scores)
    experiment.keep_figure("transfer", plot_transfer(scores))
    wide = scores.pivot_table(
        index=["model", "type", "seed"], columns="n_patients", values="macro_f1", sort=False
    ).reset_index()
    titles = {n: f"F1, {n} patients" for n in sorted(scores["n_patients"].unique())}
    experiment.keep_lines({"transfer": list_means(wide, "model", titles)})
