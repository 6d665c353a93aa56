"""Centre loss beside ComBat, z-scores by batch, a plain autoencoder and nothing: held-out samples,
left-out studies, permuted labels.
"""

from __future__ import annotations

import pandas as pd

from experiments.center_loss.cohorts import list_cohorts
from experiments.center_loss.figures import plot_maps, plot_null, plot_prediction
from experiments.center_loss.jobs import judge_left_out, judge_method, judge_null
from experiments.center_loss.listing import Chosen, Jobs, Plan
from experiments.center_loss.readme import describe, list_tables
from experiments.run import ExperimentRun, Tables
from genexp.evaluation.latents import ENCODER, RAW

FACTS = ("cohort", "seed", "method", "n_latent", "setting")
MAPS = ("ovarian", "simulated")
"""Cohorts whose latents are drawn, the first of them that there is."""


def run(experiment: ExperimentRun) -> None:
    """Choose settings on validation samples at the smallest size, then evaluate every size, every
    left-out study and the null.
    """
    plan = Plan(experiment, list_cohorts(experiment.cache, experiment.small))
    first = plan.list_first()
    tried = experiment.run_jobs(judge_method, first)
    scores = collect(first, tried)
    chosen = choose_settings(scores)
    null, left_out, larger = (
        collect(jobs, experiment.run_jobs(function, jobs))
        for function, jobs in (
            (judge_null, plan.list_null(chosen)),
            (judge_left_out, plan.list_left_out(chosen)),
            (judge_method, plan.list_larger(chosen)),
        )
    )
    kept = pd.concat([keep_chosen(scores, chosen), larger], ignore_index=True)
    for name, table in {
        "scores": kept,
        "settings": scores[scores["setting"] != ""],
        "left_out": left_out,
        "null": null,
    }.items():
        experiment.keep_table(name, table)
    experiment.keep_lines(list_tables(kept, scores, left_out, null, plan.sizes))
    smallest = kept[kept["n_latent"] == plan.sizes[0]]
    experiment.keep_figure("prediction", plot_prediction(smallest))
    experiment.keep_figure("null", plot_null(null))
    cohort = next(name for name in MAPS if name in plan.cohorts)
    experiment.keep_figure("maps", plot_maps(cohort, find_latents(first, tried, cohort, chosen)))
    for name, rows in smallest.groupby("cohort", sort=False):
        experiment.say(f"{name}: {describe(rows)}")


def collect(jobs: Jobs, found: dict[str, Tables]) -> pd.DataFrame:
    """Scores of all jobs, one below the other, with the facts of each job; genes themselves are a
    method of their own.
    """
    tables = []
    for name, job in jobs.items():
        facts = {fact: job[fact] for fact in (*FACTS, "without", "permuted") if fact in job}
        table = found[name]["scores"].rename_axis("row").reset_index().assign(**facts)
        table.loc[table["row"] == RAW, ["method", "n_latent"]] = job.get("genes", ""), 0
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def choose_settings(scores: pd.DataFrame) -> Chosen:
    """The setting of the best mean macro F1 on validation samples, by cohort and method; the first
    of equals.
    """
    tried = scores[(scores["setting"] != "") & (scores["row"] == ENCODER)]
    means = tried.groupby(["cohort", "method", "setting"], sort=False)["macro_f1_val"].mean()
    return {
        (str(cohort), str(method)): str(rows.idxmax()[2])
        for (cohort, method), rows in means.groupby(["cohort", "method"])
    }


def keep_chosen(scores: pd.DataFrame, chosen: Chosen) -> pd.DataFrame:
    """Rows of methods without a setting, and of the others those with the chosen one."""
    settings = [
        chosen.get((cohort, method), "")
        for cohort, method in zip(scores["cohort"], scores["method"], strict=True)
    ]
    return scores[scores["setting"] == settings]


def find_latents(
    jobs: Jobs, found: dict[str, Tables], cohort: str, chosen: Chosen
) -> dict[str, pd.DataFrame]:
    """Latents of the first split by method, with the chosen settings."""
    return {
        job["method"]: found[name]["latents"]
        for name, job in jobs.items()
        if job["cohort"] == cohort
        and job["latents"]
        and job["setting"] == chosen.get((cohort, job["method"]), "")
    }
