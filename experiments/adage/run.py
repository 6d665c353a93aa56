"""ADAGE's nodes beside components and a deep encoder: what they rebuild, what they stand for, and
whether they come back.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from experiments.adage.figures import plot_nodes, plot_recurrence
from experiments.adage.jobs import judge
from experiments.adage.plan import DEEP, METHODS, N_NODES, PUBLISHED, RECIPE, Cohort, list_cohorts
from experiments.keeping import list_head, list_line, list_means
from experiments.nodes import check_gene_sets
from experiments.run import ExperimentRun, Tables

N_SPLITS, N_SEEDS = 3, 10
SCORES = {"r2": "R2", "macro_f1": "macro F1", "ari": "ARI", "c_index": "C-index"}
N_TERMS = 12
"""Nodes that are written down with their gene sets."""


def run(experiment: ExperimentRun) -> None:
    """Judge every method on every cohort; keep scores, nodes and gene sets."""
    cohorts = list_cohorts(experiment.given, experiment.small, experiment.cache)
    jobs = {
        f"{cohort} {method}": _describe_job(experiment, cohort, plan, method)
        for cohort, plan in cohorts.items()
        for method in METHODS
    }
    found = experiment.run_jobs(judge, jobs)
    tables = {
        name: collect(jobs, found, name) for name in ("scores", "recurrence", "nodes", "enriched")
    }
    for name, table in tables.items():
        experiment.keep_table(
            name,
            table
            if name != "enriched"
            else table[(table["split"] == 0)].groupby(["cohort", "representation"]).head(40),
        )
    collections = [name for plan in cohorts.values() for name in plan.gene_sets]
    experiment.keep_figure("recurrence", plot_recurrence(tables["nodes"]))
    experiment.keep_figure("nodes", plot_nodes(tables["scores"], list(dict.fromkeys(collections))))
    experiment.keep_lines(list_lines(cohorts, tables))
    for cohort, rows in tables["scores"].groupby("cohort", sort=False):
        means = rows.groupby("representation", sort=False)["r2"].mean().dropna()
        experiment.say(
            f"{cohort}: held-out R2 "
            + ", ".join(f"{name} {value:.3f}" for name, value in means.items())
        )


def _describe_job(
    experiment: ExperimentRun, cohort: str, plan: Cohort, method: str
) -> dict[str, Any]:
    n_splits, n_seeds, n_nodes = (2, 3, 5) if experiment.small else (N_SPLITS, N_SEEDS, N_NODES)
    splits = [experiment.preprocess(**RECIPE, **plan.values, seed=seed) for seed in range(n_splits)]
    check_gene_sets(plan.gene_sets.values(), splits[0].var.index)
    own = (
        PUBLISHED | {"epochs": plan.epochs, "patience": plan.epochs}
        if method == "ADAGE"
        else DEEP | ({"epochs": 3} if experiment.small else {})
    )
    values = experiment.encoder_values(**own) | {"n_latent": n_nodes}
    facts = {
        "cohort": cohort,
        "method": method,
        "n_seeds": 1 if method == "PCA" else n_seeds,
        "n_nodes": n_nodes,
    }
    facts["folders"] = [str(data.folder) for data in splits]
    return facts | {
        "values": values,
        "gene_sets": dict(plan.gene_sets),
        "cache": str(experiment.cache),
    }


def collect(jobs: dict[str, dict[str, Any]], found: dict[str, Tables], name: str) -> pd.DataFrame:
    """A table of all jobs that have it, one below the other."""
    own = {job: tables[name] for job, tables in found.items() if name in tables}
    return pd.concat(
        [table.reset_index().assign(cohort=jobs[job]["cohort"]) for job, table in own.items()],
        ignore_index=True,
    )


def list_lines(cohorts: dict[str, Cohort], tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Lines of every table of the README by name."""
    lines: dict[str, list[str]] = {"results": [], "recurrence": [], "terms": []}
    for cohort, plan in cohorts.items():
        own = {name: table[table["cohort"] == cohort] for name, table in tables.items()}
        shown = {key: title for key, title in SCORES.items() if own["scores"][key].notna().any()}
        found = {f"nodes_{name}": f"nodes with a {name} set" for name in plan.gene_sets}
        found |= {f"sets_{name}": f"{name} sets found" for name in plan.gene_sets} | {
            "high": "genes of high weight"
        }
        made = own["scores"][own["scores"]["representation"] != "all genes"]
        lines["results"] += [
            f"**{cohort}**:",
            "",
            *list_means(own["scores"], "representation", shown),
            "",
        ]
        lines["results"] += [*list_means(made, "representation", found, digits=1), ""]
        lines["terms"] += [f"**{cohort}**:", "", *list_terms(own["enriched"], own["nodes"]), ""]
    lines["recurrence"] = list_recurrence(tables["recurrence"])
    return lines


def list_recurrence(table: pd.DataFrame) -> list[str]:
    """Lines of a table: shares of nodes that are found again."""
    lines = list_head(
        ["cohort", "method", "in every other seed", "in another seed", "on another split"]
    )
    for _, row in table.iterrows():
        cells = [
            "" if pd.isna(row[key]) else f"{row[key]:.0%}" for key in ("all", "pairs", "splits")
        ]
        lines.append(list_line([row["cohort"], row["representation"], *cells]))
    return lines


def list_terms(enriched: pd.DataFrame, nodes: pd.DataFrame) -> list[str]:
    """Lines of a table: the surest gene set of ADAGE's nodes on the first split, and whether the
    node comes back in every seed.
    """
    recurs = nodes[nodes["representation"] == "ADAGE"].set_index("node")["recurs"]
    own = enriched[(enriched["representation"] == "ADAGE") & (enriched["split"] == 0)].sort_values(
        "p", kind="stable"
    )
    lines = list_head(["node of ADAGE", "direction", "gene set", "overlap", "q", "recurs"])
    for _, row in own.drop_duplicates("node").head(N_TERMS).iterrows():
        overlap, again = (
            f"{row['n_overlap']} of {row['n_signature']}",
            "yes" if recurs.get(row["node"], False) else "no",
        )
        lines.append(
            list_line(
                [
                    row["node"],
                    row["direction"],
                    row["gene_set"].replace("_", " "),
                    overlap,
                    f"{row['q']:.1e}",
                    again,
                ]
            )
        )
    return lines
