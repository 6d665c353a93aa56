"""The published recipe on the real and the simulated cohort, beside PCA and the encoder that starts
there.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd

from experiments.keeping import list_head, list_line, list_means
from experiments.run import ExperimentRun, Tables
from experiments.tcga_brca.figures import plot_convergence
from experiments.tcga_brca.jobs import train_variant
from experiments.tcga_brca.plan import RECIPE, REPORT, SHAPES, SMALL, VARIANTS, list_cohorts

SEEDS, SEEDS_LARGE = 5, 3
LARGE = 5000
"""Genes from which a cohort has ``SEEDS_LARGE`` seeds."""
FIGURES = ("tsne", "umap", "pca", "kaplan_meier", "cox", "reconstruction", "attribution")
"""Pictures of the report that are kept."""
NAMES = {"pca": "PCA", "raw": "all genes"}
COLUMNS = {
    "r2": "R2",
    "macro_f1": "macro F1",
    "c_index": "C-index",
    "ari": "ARI",
    "epochs": "epochs",
}


def run(experiment: ExperimentRun) -> None:
    """Score every variant over seeds, then train each cohort once more with the whole report."""
    cohorts = list_cohorts(experiment.given, experiment.small)
    jobs = {
        name: job
        for cohort, values in cohorts.items()
        for name, job in list_jobs(experiment, cohort, values).items()
    }
    found = experiment.run_jobs(train_variant, jobs)
    scores, histories = collect(jobs, found)
    experiment.keep_table("scores", scores)
    experiment.keep_figure("convergence", plot_convergence(histories))
    lines: list[str] = []
    for cohort, rows in scores.groupby("cohort", sort=False):
        lines += [
            f"**{cohort}**, {rows['seed'].nunique()} splits:",
            "",
            *list_means(rows, "encoder", COLUMNS, whole=["epochs"]),
            "",
        ]
        experiment.say(f"{cohort}: {describe(rows)}")
    experiment.keep_lines(
        {
            "results": lines,
            "verdicts": [*list_head(["cohort", "verdict"]), *report(experiment, cohorts)],
        }
    )


def list_jobs(
    experiment: ExperimentRun, cohort: str, values: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Jobs of a cohort by name: shapes by variants by splits."""
    n_genes = len(experiment.preprocess(**RECIPE, **values, seed=0).var)
    n_seeds = 2 if experiment.small else SEEDS_LARGE if n_genes > LARGE else SEEDS
    jobs: dict[str, dict[str, Any]] = {}
    for seed in range(n_seeds):
        folder = str(experiment.preprocess(**RECIPE, **values, seed=seed).folder)
        for place, (shape, variant) in enumerate(product(SHAPES, VARIANTS)):
            settled = experiment.encoder_values(**RECIPE, **SHAPES[shape], **VARIANTS[variant]) | (
                SMALL if experiment.small else {}
            )
            facts = {
                "cohort": cohort,
                "shape": shape,
                "variant": variant,
                "seed": seed,
                "raw": place == 0,
            }
            jobs[f"{cohort}, {shape}, {variant}, split {seed}"] = facts | {
                "folder": folder,
                "cache": str(experiment.cache),
                "values": settled,
            }
    return jobs


def collect(
    jobs: dict[str, dict[str, Any]], found: dict[str, Tables]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and histories of all jobs, one below the other; PCA and all genes stand once for each
    split, before the others.
    """
    scores, histories = [], []
    for name, tables in found.items():
        job = jobs[name]
        facts = {key: job[key] for key in ("cohort", "shape", "variant", "seed")}
        histories.append(tables["history"].reset_index().assign(**facts))
        rows = tables["scores"] if job["raw"] else tables["scores"].loc[["encoder"]]
        titles = NAMES | {"encoder": f"{job['shape']}, {job['variant']}"}
        scores.append(
            rows.rename(index=titles).rename_axis("encoder").reset_index().assign(**facts)
        )
    table = pd.concat(scores, ignore_index=True)
    for column, first in (("cohort", []), ("encoder", list(NAMES.values()))):
        table[column] = pd.Categorical(table[column], list(dict.fromkeys([*first, *table[column]])))
    return table.sort_values(["cohort", "encoder", "seed"]).astype(
        {"cohort": str, "encoder": str}
    ), pd.concat(histories)


def describe(rows: pd.DataFrame) -> str:
    """One sentence on a cohort: held-out R2 of every encoder."""
    means = rows.groupby("encoder", sort=False)["r2"].mean().dropna()
    return "held-out R2 " + ", ".join(f"{name} {value:.3f}" for name, value in means.items())


def report(experiment: ExperimentRun, cohorts: dict[str, dict[str, str]]) -> list[str]:
    """Train each cohort with the whole report, keep its pictures; lines with the verdicts."""
    lines = []
    for cohort, values in cohorts.items():
        name = f"tcga_brca_{cohort.split(',')[0].replace(' ', '_')}"
        run_id = experiment.run_main(
            name, **{**REPORT, **values, **(SMALL if experiment.small else {})}
        )
        lines.append(
            list_line([cohort, experiment.tracker.client.get_run(run_id).data.tags["verdict"]])
        )
        experiment.keep_figures_of(run_id, FIGURES, cohort.split(",")[0].replace(" ", "_"))
    return lines
