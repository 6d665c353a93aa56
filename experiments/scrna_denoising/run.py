"""Simulate cells, denoise them, and hold what comes out against what was planted."""

from __future__ import annotations

from dataclasses import asdict

import anndata
import pandas as pd

from experiments.keeping import list_means
from experiments.run import ExperimentRun, Job, Tables
from experiments.scrna_denoising.denoise import denoise
from experiments.scrna_denoising.figures import plot_genes, plot_truth
from experiments.scrna_denoising.plan import (
    FULL,
    NORMALISATION,
    READING,
    SHARED,
    SMALL,
    VARIANTS,
    Cells,
)
from experiments.scrna_denoising.scale import measure_scale
from genexp.cohort.simulators.cells import simulate_cells

COLUMNS = {
    "correlation": "correlation",
    "rmse": "RMSE",
    "bias": "bias",
    "correlation_lost": "correlation, lost",
    "rmse_lost": "RMSE, lost",
    "library": "library in latents",
    "macro_f1": "macro F1",
    "ari": "ARI",
    "r2": "R2",
}
"""Scores of the tables, in their order."""
ZEROS = {
    "loss": "loss",
    "correlation": "correlation",
    "rmse": "RMSE",
    "rmse_lost": "RMSE, lost",
    "macro_f1": "macro F1",
    "called": "called zeros",
    "planted": "planted zeros",
    "called_rho": "rho of called",
    "size_rho": "rho of sizes",
    "size_log2_ratio": "log2 ratio of sizes",
}
"""Scores of the zero-inflated kind beside the negative binomial one."""
TO_COMPARE = ("deep", "negative binomial")


def run(experiment: ExperimentRun) -> None:
    """Denoise every cohort, some on another scale, and train once on very many cells."""
    plan = SMALL if experiment.small else FULL
    cohorts = plan.list_cells()
    found = experiment.run_jobs(
        denoise, {cells.name: describe_job(experiment, cells, NORMALISATION) for cells in cohorts}
    )
    shown = [
        cells
        for cells in cohorts
        if cells.dropout == 0 and cells.depth == plan.depths[len(plan.depths) // 2]
    ]
    per_million = experiment.run_jobs(
        denoise,
        {cells.name: describe_job(experiment, cells, "log2_cpm", TO_COMPARE) for cells in shown},
    )
    results, genes = collect(found, "scores", cohorts), collect(found, "genes", cohorts)
    scales = pd.concat(
        {
            "log2_cpm": collect(per_million, "scores", shown),
            "log2_median": collect(found, "scores", shown),
        },
        names=["scale"],
    )
    keep(experiment, results, genes, scales.reset_index(level="scale"))
    scale = experiment.run_jobs(
        measure_scale,
        {
            "scale": {
                "cohort": "simulated_cells:{}x{}".format(*plan.scale),
                "cache": str(experiment.cache),
            }
        },
        1,
    )
    keep_scale(experiment, scale["scale"]["scores"])


def describe_job(
    experiment: ExperimentRun, cells: Cells, normalise: str, only: tuple[str, ...] = tuple(VARIANTS)
) -> Job:
    """A job of :func:`denoise`: the cohort is written and preprocessed, unless it was before."""
    path = experiment.cache / f"{cells.name}.h5ad"
    if not path.exists():
        made = simulate_cells(cells.n_cells, cells.n_genes, cells.seed, cells.depth, cells.dropout)
        anndata.AnnData(made.X, obs=made.obs, var=pd.DataFrame(index=made.genes)).write_h5ad(path)
    data = experiment.preprocess(
        cohort=str(path), normalise=normalise, seed=str(cells.seed), **READING
    )
    values = experiment.encoder_values(**SHARED)
    return {
        **asdict(cells),
        "folder": str(data.folder),
        "cache": str(experiment.cache),
        "values": values,
    } | {"variants": {name: VARIANTS[name] for name in only}}


def collect(found: dict[str, Tables], table: str, cohorts: list[Cells]) -> pd.DataFrame:
    """Tables of all jobs below each other, with depth, drop-outs and seed."""
    parts = []
    for cells in cohorts:
        tables = found[cells.name]
        own = (
            tables[table]
            if table == "genes"
            else tables[table].rename_axis("representation").reset_index()
        )
        parts.append(own.assign(depth=cells.depth, dropout=cells.dropout, seed=cells.seed))
    return pd.concat(parts, ignore_index=True)


def keep(
    experiment: ExperimentRun, results: pd.DataFrame, genes: pd.DataFrame, scales: pd.DataFrame
) -> None:
    """Tables and pictures."""
    experiment.keep_table("results", results)
    experiment.keep_table("scales", scales)
    experiment.keep_figure("truth", plot_truth(results))
    experiment.keep_figure("genes", plot_genes(genes))
    lines = []
    for (dropout, depth), rows in results.groupby(["dropout", "depth"]):
        lines += [
            f"Depth {depth:g}, {dropout:.0%} of the counts lost:",
            "",
            *list_means(rows, "representation", COLUMNS),
            "",
        ]
    scales["representation"] += ", " + scales["scale"]
    experiment.keep_lines(
        {
            "results": lines[:-1],
            "scales": list_means(
                scales[scales["representation"].str.startswith(("PCA", *TO_COMPARE))],
                "representation",
                COLUMNS,
            ),
            "zeros": list_means(compare_zeros(results), "cells", ZEROS),
        }
    )
    experiment.say(describe(results))


def keep_scale(experiment: ExperimentRun, scale: pd.DataFrame) -> None:
    """The table of seconds and memory."""
    experiment.keep_table("scale", scale)
    experiment.keep_lines(
        {
            "scale": list_means(
                scale.rename_axis("what").reset_index(),
                "what",
                {"seconds": "seconds", "peak": "peak, GiB"},
                1,
            )
        }
    )


def compare_zeros(results: pd.DataFrame) -> pd.DataFrame:
    """Zero-inflated less negative binomial on the same cells, and what the zero-inflated kind says
    of zeros and sizes itself.
    """
    by = ["depth", "dropout", "seed"]
    plain, inflated = (
        results[results["representation"] == name].set_index(by)
        for name in ("negative binomial", "zero-inflated")
    )
    own = [name for name in ZEROS if name.startswith(("called", "planted", "size"))]
    table = (
        (inflated - plain[inflated.columns.drop("representation")])
        .drop(columns="representation")
        .assign(**inflated[own])
    )
    table = table.reset_index().sort_values(["dropout", "depth"])
    return table.assign(
        cells=[
            f"depth {depth:g}, {dropout:.0%} lost"
            for depth, dropout in zip(table["depth"], table["dropout"], strict=True)
        ]
    )


def describe(results: pd.DataFrame) -> str:
    """One line of what came out."""
    mean = results.groupby("representation")["correlation"].mean()
    return "correlation with the truth, mean over cohorts: " + ", ".join(
        f"{name} {value:.3f}" for name, value in mean.items()
    )
