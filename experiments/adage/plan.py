"""The recipe as published, what stands beside it, and the cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.cohorts.truths import plant
from experiments.run import find_data

N_NODES = 50
RECIPE: dict[str, Any] = {"split": "70/15/15", "scaling": "minmax", "n_top_genes": "5000"}
"""Genes from 0 to 1, as many as ADAGE had: 5,549 of *Pseudomonas aeruginosa*."""
PUBLISHED: dict[str, Any] = {
    **{
        "kind": "stacked",
        "hidden": "",
        "output": "sigmoid",
        "reconstruction": "cross_entropy",
        "corruption": "mask",
    },
    **{
        "corruption_level": 0.1,
        "pretrain_epochs": 0,
        "minibatch": 10,
        "weight_decay": 0,
        "schedule": "constant",
        "learning_rate": 3e-3,
    },
}
"""One layer of sigmoid nodes with tied weights, a tenth of the genes hidden, minibatches of 10,
cross-entropy."""
DEEP: dict[str, Any] = {"kind": "deep", "hidden": "256", "epochs": 60}
METHODS = ("PCA", "ICA", "ADAGE", "deep from PCA")


@dataclass(frozen=True)
class Cohort:
    """A cohort and the gene sets that its nodes are searched for.

    Parameters
    ----------
    values : mapping of str to str
        Parameters of ``preprocess``.
    gene_sets : mapping of str to str
        GMT files by name.
    epochs : int
    Of ADAGE.
    """

    values: Mapping[str, str]
    gene_sets: Mapping[str, str]
    epochs: int


def list_cohorts(given: Mapping[str, str], small: bool, cache: Path) -> dict[str, Cohort]:
    """Cohorts by name; the user's own one alone where there is one.

    Raises
    ------
    ConfigError
        A real cohort or its gene sets are not there.
    """
    if small:
        cohort = "simulated:150x240"
        return {
            "simulated": Cohort(
                {"cohort": cohort, "label": "subtype"}, {"planted": str(plant(cohort, cache)[1])}, 3
            )
        }
    if "cohort" in given:
        own = (
            {"given": given["gene_sets"]}
            if "gene_sets" in given
            else {"Hallmark": find_data("hallmark.gmt")}
        )
        return {"given": Cohort({}, own, 50)}
    gene_sets = {"Hallmark": find_data("hallmark.gmt"), "GO": find_data("go_bp_2021.gmt.gz")}
    five, paired = "tcga_5cohorts_fulltranscriptome", "tcga_paired_tumor_normal"
    values = {"group": "patient_id", "missing": "impute_mean", "label": "cancer_type"}
    return {
        "five cohorts": Cohort(
            {
                "cohort": find_data(f"{five}.tsv.gz"),
                "obs": find_data(f"{five}_samples.tsv"),
                "label": "cancer_type",
            },
            gene_sets,
            60,
        ),
        "tumour and normal": Cohort(
            {
                "cohort": find_data(f"{paired}.parquet"),
                "obs": find_data(f"{paired}_samples.tsv"),
                **values,
            },
            gene_sets,
            30,
        ),
    }
