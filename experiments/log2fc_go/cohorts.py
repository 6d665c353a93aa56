"""The compendia: the simulated ones with their planted terms, and two real ones, one with the terms
of its most changed genes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.log2fc_go.plan import Plan
from experiments.run import DATA, ExperimentRun, find_data
from genexp.cohort.read import read_simulated_shape
from genexp.cohort.simulators.compendium import plant_compendium
from genexp.contrasts.part import find_terms
from genexp.names.gene_sets import match_gene_sets, read_gene_sets

CHANGED = 0.05
"""Share of the measured genes that count as changed in a contrast of one patient: the largest
changes, up and down together."""
ALPHA = 0.001
"""p of the over-representation below which a contrast has a term."""
SIZE = (10, 300)
"""Measured genes of a term."""
SHARE = (0.05, 0.5)
"""Share of the contrasts that have a term: rarer ones cannot be scored, and broader ones say
nothing."""


@dataclass(frozen=True)
class Cohort:
    """A compendium and what is asked of it.

    Parameters
    ----------
    key, name : str
        For files, and for people.
    parameters : dict of str to str
        Of preprocessing.
    terms : callable
        Path of the table of terms of a seed; empty where there are none.
    n_latent, n_splits : int
    """

    key: str
    name: str
    parameters: dict[str, str]
    terms: Callable[[int], str]
    n_latent: int
    n_splits: int


def list_cohorts(experiment: ExperimentRun, plan: Plan) -> list[Cohort]:
    """The simulated compendium, and at full size the real ones where they are there."""
    variable = {"cohort": plan.part, "min_variance": "1", "min_detected": "0"}
    cohorts = [
        Cohort(
            "simulated",
            "simulated compendium, genes of variance above 1",
            variable,
            lambda seed: write_planted(plan.part, seed, experiment.cache),
            4 if experiment.small else 32,
            plan.seeds,
        )
    ]
    if experiment.small or not DATA.is_dir():
        return cohorts
    places = {
        "cohort": find_data("tcga_paired_log2fc.parquet"),
        "obs": find_data("tcga_paired_log2fc_contrasts.tsv"),
    }
    paired = {**places, "scale": "log2fc", "missing": "impute_mean", "label": "cancer_type"}
    enriched = write_enriched(experiment.cache)
    cohorts.append(
        Cohort(
            "tcga",
            "tumour against normal of 530 TCGA patients",
            paired,
            lambda _: enriched,
            32,
            plan.seeds,
        )
    )
    diseases = {
        "cohort": write_diseases(experiment.cache),
        "scale": "zscore",
        "missing": "impute_mean",
    }
    cohorts.append(Cohort("diseases", "49 diseases (STARGEO)", diseases, lambda _: "", 5, 5))
    return cohorts


def write_planted(cohort: str, seed: int, folder: Path) -> str:
    """Path of the table of terms of a simulated compendium, as a seed plants them."""
    n_contrasts, n_genes = read_simulated_shape(cohort)
    terms = plant_compendium(n_contrasts, n_genes, seed)[1]["terms"]
    return _write(terms, folder / f"planted_{n_contrasts}x{n_genes}_{seed}_terms.tsv.gz")


def write_enriched(folder: Path) -> str:
    """Path of the table of terms of ``tcga_paired_log2fc``."""
    changes = pd.read_parquet(find_data("tcga_paired_log2fc.parquet"))
    terms = label_by_changed_genes(changes, read_gene_sets(find_data("go_bp_2021.gmt.gz")))
    return _write(terms, folder / "tcga_paired_log2fc_terms.tsv.gz")


def _write(terms: pd.DataFrame, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    terms.astype(int).to_csv(path, sep="\t", compression={"method": "gzip", "mtime": 0})
    return str(path)


def label_by_changed_genes(changes: pd.DataFrame, gene_sets: dict[str, list[str]]) -> pd.DataFrame:
    """Terms of contrasts that have no replicate, and so no test of a gene: those over-represented
    among the most changed genes.

    Parameters
    ----------
    changes : DataFrame, (n_contrasts, n_genes)
        log2 fold changes, NaN where not measured.
    gene_sets : dict of str to list of str

    Returns
    -------
    DataFrame of bool, (n_contrasts, n_terms)
        The ``CHANGED`` genes with the largest absolute changes are held against each set by the
        hypergeometric test, with the measured genes as background; terms of ``SHARE`` of the
        contrasts.
    """
    names, members = match_gene_sets(gene_sets, changes.columns, *SIZE)
    sizes = changes.abs().to_numpy()
    least = np.nanquantile(sizes, 1 - CHANGED, axis=1)
    found = [
        find_terms(members, row >= low, np.isfinite(row), ALPHA)
        for row, low in zip(sizes, least, strict=True)
    ]
    table = pd.DataFrame(np.array(found), index=changes.index, columns=names)
    share = table.mean()
    return table.loc[:, (share >= SHARE[0]) & (share <= SHARE[1])]


def write_diseases(folder: Path) -> str:
    """Path of ``stargeo_disease_signatures`` as z-scores of each contrast: effects of meta-analyses
    have units of their own.
    """
    effects = pd.read_csv(find_data("stargeo_disease_signatures.tsv.gz"), sep="\t", index_col=0).T
    scaled = effects.sub(effects.mean(axis=1), axis=0).div(effects.std(axis=1), axis=0)
    path = folder / "stargeo_zscores.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    scaled.astype(np.float32).rename_axis("contrast").to_parquet(path)
    return str(path)
